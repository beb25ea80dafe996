"""`board check` and `board repair`: each difference is found, and repaired where allowed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from board_kit import STATUSES, Board

from models.board.drift import drift
from models.board.drift_kinds import Severity
from tasks.board.snapshot import take_snapshot

OURS = "showrunner board repair"


class Case(NamedTuple):
    """Something people do to a board; the kinds found then, and those left after a repair."""

    happens: Callable[[Board], Awaitable[Any]]
    found: list[str]
    left: list[str]


async def trash(board: Board) -> None:
    await board.workspace.ask("PATCH", f"/v1/databases/{board.id}", {"in_trash": True})


async def add_data_source(board: Board) -> None:
    parent = {"type": "database_id", "database_id": board.id}
    await board.workspace.ask(
        "POST",
        "/v1/data_sources",
        {
            "parent": parent,
            "properties": {"Name": {"title": {}}},
            "title": [{"text": {"content": "Ideas"}}],
        },
    )


async def add_data_source_and_choose(board: Board) -> None:
    await add_data_source(board)
    board.workspace.site = replace(board.workspace.site, data_source="Video board")


def without(*names: str) -> Callable[[Board], Awaitable[Any]]:
    async def remove(board: Board) -> None:
        for name in names:
            await board.change(**{name: None})

    return remove


def renamed(name: str, new: str) -> Callable[[Board], Awaitable[Any]]:
    return lambda board: board.change(**{name: {"name": new}})


async def replaced_by_a_text(board: Board) -> None:
    await board.change(Channel=None)
    await board.change(Channel={"rich_text": {}})


async def replaced_relation(board: Board) -> None:
    await board.change(Assets=None)
    await board.change(Assets={"url": {}})


async def twins(board: Board) -> None:
    await board.change(Topic={"name": "Stoff"})
    await board.change(Topic={"rich_text": {}})


def without_option(name: str, *options: str) -> Callable[[Board], Awaitable[Any]]:
    async def remove(board: Board) -> None:
        await board.set_options(
            name, [o for o in await board.options(name) if o["name"] not in options]
        )

    return remove


def with_option(name: str, option: str) -> Callable[[Board], Awaitable[Any]]:
    async def add(board: Board) -> None:
        await board.set_options(name, [*await board.options(name), {"name": option}])

    return add


def option_renamed(name: str, option: str, new: str) -> Callable[[Board], Awaitable[Any]]:
    async def rename(board: Board) -> None:
        board.rename_option(name, option, new)

    return rename


async def shuffled(board: Board) -> None:
    options = await board.options("Status")
    await board.set_options("Status", [*options[13:], *options[:13]])


async def recoloured(board: Board) -> None:
    board.recolour("Status", "Error: Retriable", "pink")


async def crowded(board: Board) -> None:
    state = board.workspace.sandbox.state
    for number in range(80):
        # Notion lets people go past what one request may hold.
        page = {"Status": {"select": {"name": f"Parking {number}"}}}
        parent = {"type": "data_source_id", "data_source_id": board.source_id}
        await board.workspace.ask("POST", "/v1/pages", {"parent": parent, "properties": page})
    assert (
        len(
            next(
                p for p in state.sources[board.source_id].schema.values() if p.name == "Status"
            ).options
        )
        == 106
    )


async def one_more_channel(board: Board) -> None:
    board.workspace.with_channels("deep_sea_stories", "history_in_ten", "zeppelins")


async def one_channel_less(board: Board) -> None:
    board.workspace.with_channels("deep_sea_stories")


def without_view(key: str) -> Callable[[Board], Awaitable[Any]]:
    return lambda board: board.delete_view(key)


def view(key: str, **body: Any) -> Callable[[Board], Awaitable[Any]]:
    return lambda board: board.set_view(key, **body)


async def grouped_by_channel(board: Board) -> None:
    channel = (await board.source())["properties"]["Channel"]["id"]
    present = (await board.view("pipeline"))["configuration"]
    await board.set_view(
        "pipeline",
        configuration={**present, "group_by": {**present["group_by"], "property_id": channel}},
    )


async def columns_by_name(board: Board) -> None:
    present = (await board.view("pipeline"))["configuration"]
    await board.set_view(
        "pipeline",
        configuration={
            **present,
            "group_by": {**present["group_by"], "sort": {"type": "ascending"}},
        },
    )


def card_shows(**visible: bool) -> Callable[[Board], Awaitable[Any]]:
    async def show(board: Board) -> None:
        present = (await board.view("pipeline"))["configuration"]
        for column in present["properties"]:
            name = column["property_name"].replace(" ", "_")
            column["visible"] = visible.get(name, column["visible"])
        await board.set_view("pipeline", configuration=present)

    return show


async def pipeline_is_a_table(board: Board) -> None:
    state = board.workspace.sandbox.state
    state.put_view(
        replace(state.views[board.views["pipeline"]], kind="table", configuration={"type": "table"})
    )


EQUALS = {"property": "Status", "select": {"equals": "Draft"}}

CASES = {
    "in the trash": Case(trash, ["board-in-trash"], ["board-in-trash"]),
    "another data source beside it": Case(
        add_data_source_and_choose, ["several-data-sources"], ["several-data-sources"]
    ),
    "needed property gone": Case(without("Topic"), ["needed-property-missing"], []),
    "all but the title gone": Case(
        without(
            "Time in Status",
            "Channel",
            "Topic",
            "Story Direction",
            "Status",
            "Priority",
            "Updated",
            "Attention",
        ),
        [
            *(["needed-property-missing"] * 3 + ["property-missing"] * 4 + ["formula-missing"]),
            "pipeline-view-not-by-status",
        ],
        [],
    ),
    "optional property gone": Case(without("Story Direction"), ["property-missing"], []),
    "Attention gone": Case(without("Attention"), ["property-missing"], []),
    "formula gone": Case(without("Time in Status"), ["formula-missing"], []),
    "Updated and its formula gone": Case(
        without("Time in Status", "Updated"), ["property-missing", "formula-missing"], []
    ),
    "relation gone": Case(without("Videos"), ["relation-missing"], []),
    "wrong type": Case(replaced_by_a_text, ["wrong-type", "card-preview"], ["wrong-type"]),
    "relation's name taken": Case(replaced_relation, ["wrong-type"], ["wrong-type"]),
    "two of a name": Case(twins, ["two-of-a-name"], ["two-of-a-name"]),
    "property renamed": Case(renamed("Topic", "Stoff"), ["property-renamed"], ["property-renamed"]),
    "formula renamed": Case(
        renamed("Time in Status", "Since"), ["property-renamed"], ["property-renamed"]
    ),
    "title renamed": Case(renamed("Title", "Name"), ["property-renamed"], ["property-renamed"]),
    "status options gone": Case(
        without_option("Status", "Queued", "SFX Ready"), ["status-option-missing"], []
    ),
    "priority option gone": Case(
        without_option("Priority", "High"), ["priority-option-missing"], []
    ),
    "channel without an option": Case(
        one_more_channel, ["channel-option-missing", "channel-view-missing"], []
    ),
    "option without a channel": Case(
        one_channel_less, ["channel-not-configured"], ["channel-not-configured"]
    ),
    "status option renamed": Case(
        option_renamed("Status", "Queued", "In the queue"),
        ["status-option-renamed"],
        ["status-option-renamed"],
    ),
    "status option in another case": Case(
        option_renamed("Status", "Queued", "QUEUED"),
        ["status-option-renamed"],
        ["status-option-renamed"],
    ),
    "status of their own": Case(
        with_option("Status", "Parking"), ["status-unknown"], ["status-unknown"]
    ),
    "out of order": Case(shuffled, ["options-out-of-order"], []),
    "another colour": Case(recoloured, ["colour-different"], ["colour-different"]),
    "over 100 options": Case(
        crowded, ["status-unknown", "too-many-options"], ["status-unknown", "too-many-options"]
    ),
    "pipeline view gone": Case(without_view("pipeline"), ["pipeline-view-missing"], []),
    "pipeline view is a table": Case(
        pipeline_is_a_table, ["pipeline-view-not-by-status"], ["pipeline-view-not-by-status"]
    ),
    "pipeline by channel": Case(grouped_by_channel, ["pipeline-view-not-by-status"], []),
    "columns by name": Case(columns_by_name, ["pipeline-view-sorted"], []),
    "pipeline filtered": Case(
        view("pipeline", filter=EQUALS), ["pipeline-view-filtered"], ["pipeline-view-filtered"]
    ),
    "card hides the channel": Case(card_shows(Channel=False), ["card-preview"], []),
    "card hides what needs people": Case(
        card_shows(Attention=False, Time_in_Status=False), ["card-preview"], []
    ),
    "card shows internals": Case(card_shows(Updated=True, Created=True), ["card-preview"], []),
    "saved view gone": Case(without_view("errors"), ["saved-view-missing"], []),
    "saved view shows others": Case(view("errors", filter=EQUALS), ["view-shows-other-cards"], []),
    "saved view without a filter": Case(view("high", filter=None), ["view-shows-other-cards"], []),
    "channel view gone": Case(without_view("channel:history_in_ten"), ["channel-view-missing"], []),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_each_difference_is_found_as_that_and_mended_if_it_may_be(
    known_board: Board, case: Case
) -> None:
    await case.happens(known_board)
    assert sorted(await known_board.slugs()) == sorted(case.found)
    done = await known_board.repair()
    assert done.refused == []
    assert sorted(await known_board.slugs()) == sorted(case.left)
    known_board.workspace.wire.writes.clear()
    await known_board.repair()
    assert known_board.workspace.wire.writes == [], "a repair of what is mended writes nothing"


def test_there_are_at_least_fifteen_kinds() -> None:
    assert len({slug for case in CASES.values() for slug in case.found}) >= 25


async def test_a_board_that_is_not_shared_is_said_with_the_click(known_board: Board) -> None:
    known_board.workspace.sandbox.faults.add(status=404, path="/v1/databases")
    assert await known_board.slugs() == ["board-not-found"]


async def test_several_data_sources_without_a_choice_stop_the_sync(board: Board) -> None:
    await add_data_source(board)
    assert await board.slugs() == ["data-source-unclear"]


async def test_what_repair_says_it_mends_is_what_it_mends(known_board: Board) -> None:
    for happens in (
        without("Story Direction"),
        without_option("Status", "Queued"),
        with_option("Status", "Parking"),
    ):
        await happens(known_board)
    before = await take_snapshot(known_board.workspace.site, known_board.id)
    done = await known_board.repair()
    assert {one.slug for one in done.mended} == {"property-missing", "status-option-missing"}
    assert [one.slug for one in done.left] == ["status-unknown"]
    assert all(OURS in one.cure for one in done.mended)
    assert not any(OURS in one.cure for one in done.left)
    assert all(one.wrong and one.breaks and one.cure for one in (*done.mended, *done.left))
    assert before.data_source != done.snapshot.data_source


async def test_missing_options_are_added_at_their_place_and_the_rest_keeps_ids_and_colours(
    known_board: Board,
) -> None:
    before = {option["name"]: option for option in await known_board.options("Status")}
    await with_option("Status", "Parking")(known_board)
    await without_option("Status", "Draft", "Queued", "SFX Ready", "Archived")(known_board)
    await known_board.repair()
    after = await known_board.options("Status")
    assert [option["name"] for option in after if option["name"] != "Parking"] == list(STATUSES)
    gone = {"Draft", "Queued", "SFX Ready", "Archived"}
    assert all(
        option == before[option["name"]]
        for option in after
        if option["name"] not in {"Parking"} | gone
    )
    assert [option["color"] for option in after if option["name"] in gone] == [
        "gray",
        "blue",
        "blue",
        "green",
    ]


async def test_the_worst_comes_first(known_board: Board) -> None:
    await without("Time in Status", "Topic", "Attention")(known_board)
    await with_option("Status", "Parking")(known_board)
    await renamed("Title", "Name")(known_board)
    found = drift(await take_snapshot(known_board.workspace.site, known_board.id))
    cosmetic = [Severity.COSMETIC] * 2
    assert [one.severity for one in found] == [
        Severity.STOPS,
        Severity.LOSES,
        *cosmetic,
        Severity.NOTE,
    ]
    assert [one.matters for one in found] == [True, True, False, False, False]


async def test_what_notion_refuses_is_said_with_its_reason(known_board: Board) -> None:
    await without_view("errors")(known_board)
    site = known_board.workspace.site
    snapshot = await take_snapshot(site, known_board.id)
    known_board.workspace.sandbox.faults.add(status=400, method="POST", path="/v1/views")
    done = await known_board.repair()
    ((one, reason),) = done.refused
    assert (one.slug, snapshot.plan(one.about).name) == ("saved-view-missing", "All Errors")
    assert "400" in reason
