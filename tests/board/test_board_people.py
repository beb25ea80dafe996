"""Repair changes nothing that people made, and renamed parts go on working."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kit.processes.workspace import STATUSES, Board, Workspace

from models.board.drift import drift
from tasks.board.create import MadeBoard
from tasks.board.repair import repair
from tasks.board.snapshot import take_snapshot


async def people_at_work(board: Board) -> None:
    """Everything that people may do to a board and Showrunner has no opinion on."""
    workspace = board.workspace
    await workspace.ask(
        "PATCH", f"/v1/databases/{board.id}", {"title": [{"text": {"content": "Our videos"}}]}
    )
    await board.change(Topic={"name": "Stoff"}, Title={"name": "Name"}, Sponsor={"rich_text": {}})
    await board.set_options(
        "Status", [*await board.options("Status"), {"name": "Parking", "color": "pink"}]
    )
    await board.set_options("Priority", [*await board.options("Priority"), {"name": "Someday"}])
    await board.set_view(
        "errors", name="Trouble", sorts=[{"property": "Updated", "direction": "descending"}]
    )
    await board.set_view("channel:deep_sea_stories", name="Deep Sea")
    sponsor = (await board.source())["properties"]["Sponsor"]["id"]
    columns = (await board.view("pipeline"))["configuration"]
    columns["properties"] = [{"property_id": sponsor, "visible": True}, *columns["properties"]]
    await board.set_view("pipeline", name="Kanban", configuration=columns)
    mine = {
        "database_id": board.id,
        "data_source_id": board.source_id,
        "name": "Mine",
        "type": "table",
    }
    await workspace.ask(
        "POST",
        "/v1/views",
        {**mine, "filter": {"property": "Sponsor", "rich_text": {"is_empty": True}}},
    )


async def test_what_people_made_is_no_reason_to_write(known_board: Board) -> None:
    await people_at_work(known_board)
    workspace = known_board.workspace
    before = await workspace.everything()
    workspace.wire.writes.clear()
    done = await known_board.repair()
    assert workspace.wire.writes == []
    assert {one.slug for one in done.left} == {"status-unknown", "property-renamed"}
    assert await workspace.everything() == before


async def test_a_repair_changes_nothing_but_what_it_mends(known_board: Board) -> None:
    await people_at_work(known_board)
    workspace = known_board.workspace
    before = await workspace.everything()
    await known_board.change(Priority=None, Attention=None)
    await known_board.set_options(
        "Status", [o for o in await known_board.options("Status") if o["name"] != "Queued"]
    )
    await known_board.delete_view("high")
    assert (await known_board.repair()).refused == []
    after = await workspace.everything()
    ours, theirs = after[known_board.id], before[known_board.id]
    assert {key: after[key] for key in after if key != known_board.id} == {
        key: before[key] for key in before if key != known_board.id
    }
    assert ours["database"] == theirs["database"]
    mended = {"Priority", "Attention", "Status"}
    properties, were = ours["sources"][0]["properties"], theirs["sources"][0]["properties"]
    assert properties.keys() == were.keys()
    assert {n: p for n, p in properties.items() if n not in mended} == {
        n: p for n, p in were.items() if n not in mended
    }
    kept = _without(were["Status"], "Queued")
    assert _without(properties["Status"], "Queued") == kept
    assert [o["name"] for o in properties["Status"]["select"]["options"]] == [
        o["name"] for o in were["Status"]["select"]["options"]
    ]
    names = [view["name"] for view in ours["views"]]
    assert sorted(names) == sorted(view["name"] for view in theirs["views"])
    untouched = {
        "Mine",
        "Trouble",
        "Deep Sea",
        "Default view",
        "history_in_ten",
        "Ready for Review",
    }
    assert [
        v for v in ours["views"] if v["name"] in untouched and v["configuration"]["type"] == "table"
    ] == [
        v
        for v in theirs["views"]
        if v["name"] in untouched and v["configuration"]["type"] == "table"
    ]
    columns = next(v for v in ours["views"] if v["name"] == "Kanban")["configuration"]["properties"]
    assert (
        columns[0]
        == next(v for v in theirs["views"] if v["name"] == "Kanban")["configuration"]["properties"][
            0
        ]
    )


def _without(prop: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [option for option in prop["select"]["options"] if option["name"] != name]


async def test_without_a_memory_renamed_views_are_known_by_what_they_show(board: Board) -> None:
    for number, key in enumerate(board.views):
        await board.set_view(key, name=f"View {number}")
    assert await board.slugs() == []
    assert (await board.workspace.make()).added == []


async def test_a_view_that_is_known_by_its_id_may_be_called_and_may_show_anything(
    known_board: Board,
) -> None:
    await known_board.set_view(
        "errors", name="Trouble", filter={"property": "Status", "select": {"equals": "Draft"}}
    )
    found = drift(await take_snapshot(known_board.workspace.access, known_board.id))
    assert [one.slug for one in found] == ["view-shows-other-cards"]
    assert "“Trouble”" in found[0].wrong
    await known_board.repair()
    view = await known_board.view("errors")
    assert (view["name"], len(view["filter"]["or"])) == ("Trouble", 4)


async def test_a_view_with_the_same_cards_said_otherwise_is_as_good(known_board: Board) -> None:
    names = [
        "Error: Invalid Input",
        "Error: API Failure",
        "Error: Retriable",
        "Error: Manual Review",
    ]
    await known_board.set_view("errors", filter={"property": "Status", "select": {"equals": names}})
    assert await known_board.slugs() == []


async def test_an_option_that_was_renamed_is_known_even_after_the_sync_has_seen_the_new_name(
    known_board: Board,
) -> None:
    known_board.rename_option("Status", "Queued", "In the queue")
    for _ in range(2):
        assert await known_board.slugs() == ["status-option-renamed"]


async def test_a_repair_keeps_the_option_that_somebody_added_a_moment_ago(
    known_board: Board,
) -> None:
    await known_board.set_options(
        "Status", [o for o in await known_board.options("Status") if o["name"] != "Queued"]
    )
    snapshot = await take_snapshot(known_board.workspace.access, known_board.id)
    await known_board.set_options(
        "Status", [*await known_board.options("Status"), {"name": "Parking"}]
    )
    await repair(known_board.workspace.access, snapshot)
    assert {"Queued", "Parking"} <= {
        option["name"] for option in await known_board.options("Status")
    }


async def test_another_notion_than_ours_may_hold_views_that_the_api_does_not_know(
    workspace: Workspace,
) -> None:
    board = Board(workspace, await workspace.make())
    workspace.sandbox.faults.add(
        status=400, method="GET", path=f"/v1/views/{board.views['errors']}", times=None
    )
    assert await board.slugs() == ["saved-view-missing"]


async def self_made(workspace: Workspace, **properties: Any) -> Board:
    """A board that people made before they knew Showrunner."""
    statuses = {"status": {"options": [{"name": name} for name in STATUSES]}}
    schema = {
        "Name": {"title": {}},
        "Channel": {"select": {}},
        "Topic": {"rich_text": {}},
        "Status": statuses,
    }
    made = await workspace.ask(
        "POST",
        "/v1/databases",
        {
            "parent": {"type": "page_id", "page_id": workspace.page_id},
            "title": [{"text": {"content": "Our videos"}}],
            "initial_data_source": {"properties": {**schema, **properties}},
        },
    )
    snapshot = await take_snapshot(workspace.access, made["id"])
    return Board(workspace, MadeBoard(new=False, snapshot=snapshot, added=[], refused=[], left=[]))


async def test_a_board_that_people_made_is_completed_and_its_own_types_are_kept(
    known_workspace: Workspace,
) -> None:
    own = {"Created": {"created_time": {}}, "Updated": {"last_edited_time": {}}}
    board = await self_made(known_workspace, **own)
    found = await board.slugs()
    assert {"needed-property-missing", "wrong-type", "status-option-missing"}.isdisjoint(found)
    assert {
        "property-missing",
        "formula-missing",
        "relation-missing",
        "pipeline-view-missing",
    } <= set(found)
    assert (await board.repair()).refused == []
    assert set(await board.slugs()) <= {"colour-different", "property-renamed"}
    properties = (await board.source())["properties"]
    kinds = {
        name: properties[name]["type"]
        for name in ("Name", "Status", "Created", "Updated", "Time in Status")
    }
    assert list(kinds.values()) == [
        "title",
        "status",
        "created_time",
        "last_edited_time",
        "formula",
    ]
    views = (await take_snapshot(known_workspace.access, board.id)).planned_views
    assert views["pipeline"]["configuration"]["group_by"]["group_by"] == "option"
    assert all("status" in part for part in views["errors"]["filter"]["or"])


async def test_a_formula_counts_from_updated_whatever_people_call_it(
    known_workspace: Workspace,
) -> None:
    board = await self_made(known_workspace, Updated={"date": {}})
    await board.slugs()
    await board.change(Updated={"name": "Zuletzt"})
    await board.repair()
    properties = (await board.source())["properties"]
    assert "Zuletzt" in properties["Time in Status"]["formula"]["expression"]


async def test_a_board_in_no_page_gets_everything_but_the_relations(
    known_workspace: Workspace,
) -> None:
    board = Board(known_workspace, await known_workspace.make())
    await board.change(Assets=None)
    snapshot = await take_snapshot(known_workspace.access, board.id)
    database = {**(snapshot.database or {}), "parent": {"type": "workspace", "workspace": True}}
    done = await repair(known_workspace.access, replace(snapshot, database=database))
    ((one, reason),) = done.refused
    assert (one.slug, "does not stand on a page" in reason) == ("relation-missing", True)


async def test_a_table_that_people_call_as_we_call_our_board_is_theirs(
    known_workspace: Workspace,
) -> None:
    board = await self_made(known_workspace)
    mine = {
        "database_id": board.id,
        "data_source_id": board.source_id,
        "name": "Pipeline",
        "type": "table",
    }
    theirs = await known_workspace.ask("POST", "/v1/views", mine)
    await board.repair()
    ours = (await take_snapshot(known_workspace.access, board.id)).planned_views["pipeline"]
    assert (ours["type"], ours["id"] != theirs["id"]) == ("board", True)


async def test_making_a_board_again_sets_back_nothing_that_people_changed(
    known_board: Board,
) -> None:
    await known_board.set_view(
        "errors", filter={"property": "Status", "select": {"equals": "Draft"}}
    )
    known_board.workspace.wire.writes.clear()
    again = await known_board.workspace.make()
    assert (known_board.workspace.wire.writes, [one.slug for one in again.left]) == (
        [],
        ["view-shows-other-cards"],
    )
