"""`board create`: what it makes, that twice is once, and that it goes on after any crash."""

from __future__ import annotations

import pytest
from kit.processes.workspace import STATUSES, Board, Killed, Workspace

from models.board.drift import drift
from models.errors import GiveUp, NotionWriteUncertain
from tasks.board.snapshot import take_snapshot

COLOURS = {"gray": 2, "blue": 14, "yellow": 4, "green": 2, "red": 4}
POSTS, PATCHES = 4 + 6 + 3, 3
"""Requests that make a board of two channels: 4 databases, 6 views and 3 galleries; 3 relations."""


async def test_a_fresh_board_is_as_it_should_be(board: Board) -> None:
    assert await board.slugs() == []


async def test_a_board_has_what_the_spec_asks_for(board: Board) -> None:
    properties = (await board.source())["properties"]
    assert {name: prop["type"] for name, prop in properties.items()} == {
        "Title": "title",
        "Channel": "select",
        "Topic": "rich_text",
        "Story Direction": "rich_text",
        "Status": "select",
        "Priority": "select",
        "Created": "date",
        "Updated": "date",
        "Time in Status": "formula",
        "Attention": "rich_text",
        "Assets": "relation",
        "Videos": "relation",
        "Audio": "relation",
        "Progress": "number",
        "Cost": "number",
        "Preview": "files",
        "Video": "url",
    }
    statuses = await board.options("Status")
    assert [option["name"] for option in statuses] == list(STATUSES)
    colours = [option["color"] for option in statuses]
    assert {colour: colours.count(colour) for colour in set(colours)} == COLOURS
    assert [option["name"] for option in await board.options("Channel")] == [
        "deep_sea_stories",
        "history_in_ten",
    ]
    assert all(
        prop["description"] for name, prop in properties.items() if prop["type"] != "relation"
    )


async def test_the_first_tab_is_the_pipeline_and_shows_what_a_card_needs(board: Board) -> None:
    stubs = (await board.workspace.ask("GET", f"/v1/views?database_id={board.id}"))["results"]
    view = await board.view("pipeline")
    assert stubs[0]["id"] == view["id"]
    assert (view["type"], view["configuration"]["group_by"]["property_name"]) == ("board", "Status")
    columns = view["configuration"]["properties"]
    shown = [column["property_name"] for column in columns if column["visible"]]
    assert shown == ["Title", "Channel", "Time in Status", "Attention"]
    assert {"Created", "Updated"} < {
        column["property_name"] for column in columns if not column["visible"]
    }


async def test_the_saved_views_show_the_cards_they_promise(board: Board) -> None:
    async def add(title: str, status: str, priority: str, channel: str) -> None:
        options = {"Status": status, "Priority": priority, "Channel": channel}
        properties = {name: {"select": {"name": option}} for name, option in options.items()}
        properties |= {"Title": {"title": [{"text": {"content": title}}]}}
        parent = {"type": "data_source_id", "data_source_id": board.source_id}
        await board.workspace.ask("POST", "/v1/pages", {"parent": parent, "properties": properties})

    for status in STATUSES:
        await add(status, status, "High" if status == "Draft" else "Low", "history_in_ten")
    await add("Squid", "Draft", "Normal", "deep_sea_stories")

    async def shows(key: str) -> set[str]:
        found = await board.workspace.ask("POST", f"/v1/views/{board.views[key]}/queries", {})
        pages = [
            await board.workspace.ask("GET", f"/v1/pages/{page['id']}") for page in found["results"]
        ]
        return {page["properties"]["Title"]["title"][0]["plain_text"] for page in pages}

    assert await shows("pipeline") == {*STATUSES, "Squid"}
    assert await shows("errors") == {status for status in STATUSES if status.startswith("Error:")}
    assert await shows("ready") == {s for s in STATUSES if s.endswith(" Ready")} | {
        "Ready for Review"
    }
    assert await shows("high") == {"Draft"}
    assert await shows("channel:deep_sea_stories") == {"Squid"}
    assert await shows("channel:history_in_ten") == set(STATUSES)


async def test_the_relations_lead_to_three_databases_beside_the_board(board: Board) -> None:
    properties = (await board.source())["properties"]
    blocks = (await board.workspace.ask("GET", f"/v1/blocks/{board.workspace.page_id}/children"))[
        "results"
    ]
    assert [block["child_database"]["title"] for block in blocks] == [
        "Video board",
        "Assets",
        "Videos",
        "Audio",
    ]
    for block in blocks[1:]:
        database = await board.workspace.ask("GET", f"/v1/databases/{block['id']}")
        relation = properties[block["child_database"]["title"]]["relation"]
        assert (relation["type"], relation["data_source_id"]) == (
            "dual_property",
            database["data_sources"][0]["id"],
        )


async def test_running_it_again_writes_nothing(board: Board) -> None:
    workspace = board.workspace
    before = await workspace.everything()
    workspace.wire.writes.clear()
    again = await workspace.make()
    assert (again.new, again.added, again.left, workspace.wire.writes) == (False, [], [], [])
    assert (again.database_id, await workspace.everything()) == (board.id, before)


async def test_a_title_of_its_own_makes_another_board_that_shares_the_relation_databases(
    board: Board,
) -> None:
    other = await board.workspace.make("Shorts")
    assert other.new
    assert other.database_id != board.id
    assert board.workspace.counts()["databases"] == 5


@pytest.mark.parametrize("number", range(1, POSTS + PATCHES + 1))
async def test_after_a_crash_at_any_write_it_goes_on_and_there_is_one_of_everything(
    workspace: Workspace, number: int
) -> None:
    def die(count: int) -> None:
        if count == number:
            raise Killed

    workspace.wire.after = die
    with pytest.raises(Killed):
        await workspace.make()
    workspace.wire.after = lambda _: None
    await is_whole(workspace)
    assert len(workspace.wire.writes) == POSTS + PATCHES


EACH_WRITE = [*(("POST", n) for n in range(POSTS)), *(("PATCH", n) for n in range(PATCHES))]


@pytest.mark.parametrize(("method", "number"), EACH_WRITE)
async def test_a_write_that_was_saved_and_answered_with_an_error_is_not_made_twice(
    workspace: Workspace, method: str, number: int
) -> None:
    workspace.sandbox.faults.add(status=503, saved=True, method=method, skip=number)
    assert (await workspace.make()).refused == []
    assert len(workspace.wire.writes) == POSTS + PATCHES
    await is_whole(workspace)


@pytest.mark.parametrize(("method", "number"), EACH_WRITE)
async def test_a_write_that_was_not_saved_is_said_and_the_next_run_goes_on(
    workspace: Workspace, method: str, number: int
) -> None:
    workspace.sandbox.faults.add(status=503, method=method, skip=number)
    with pytest.raises(NotionWriteUncertain, match="Run the command again"):
        await workspace.make()
    await is_whole(workspace)


async def is_whole(workspace: Workspace) -> None:
    made = await workspace.make()
    assert drift(await take_snapshot(workspace.access, made.database_id)) == []
    titles = [
        block["child_database"]["title"]
        for block in await workspace.access.notion.child_databases(workspace.page_id)
    ]
    assert titles == ["Video board", "Assets", "Videos", "Audio"]
    assert workspace.counts() == {"databases": 4, "views": 4 + 6 + 3}, (
        "each database has the view that Notion gives it"
    )


async def test_a_page_that_the_connection_does_not_see_is_said_with_what_to_do(
    workspace: Workspace,
) -> None:
    workspace.page_id = "0" * 32
    with pytest.raises(GiveUp, match="add the connection to it"):
        await workspace.make()
    assert workspace.wire.writes == []


async def test_a_board_that_people_renamed_is_not_made_twice(known_board: Board) -> None:
    workspace = known_board.workspace
    await workspace.ask(
        "PATCH", f"/v1/databases/{known_board.id}", {"title": [{"text": {"content": "Our videos"}}]}
    )
    again = await workspace.make()
    assert (again.new, again.database_id) == (False, known_board.id)
    await workspace.ask("PATCH", f"/v1/databases/{known_board.id}", {"in_trash": True})
    assert (await workspace.make()).new


async def test_a_database_of_that_title_that_is_no_board_is_left_alone(
    workspace: Workspace,
) -> None:
    parent = {"type": "page_id", "page_id": workspace.page_id}
    await workspace.ask(
        "POST", "/v1/databases", {"parent": parent, "title": [{"text": {"content": "Video board"}}]}
    )
    with pytest.raises(GiveUp, match="--title"):
        await workspace.make()
    assert workspace.wire.writes == []


async def test_more_channels_than_one_request_may_hold_are_left_to_people_and_said(
    workspace: Workspace,
) -> None:
    workspace.with_channels(*(f"channel {number:03}" for number in range(120)))
    made = await workspace.make()
    assert (made.refused, [(one.slug, one.repair_action) for one in made.left]) == (
        [],
        [("channel-option-missing", None)],
    )
    assert len(made.snapshot.options("Channel")) == 100
    assert len(made.snapshot.planned_views) == 4 + 100


async def test_an_assets_database_that_people_have_there_already_is_used_as_it_is(
    workspace: Workspace,
) -> None:
    parent = {"type": "page_id", "page_id": workspace.page_id}
    theirs = await workspace.ask(
        "POST", "/v1/databases", {"parent": parent, "title": [{"text": {"content": "Assets"}}]}
    )
    board = Board(workspace, await workspace.make())
    relation = (await board.source())["properties"]["Assets"]["relation"]
    assert relation["data_source_id"] == theirs["data_sources"][0]["id"]
    assert workspace.counts()["databases"] == 4
