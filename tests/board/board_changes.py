"""Every change that makes a board differ from its spec, with the difference that must be found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple

from kit.processes.workspace import Board

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
    board.workspace.access = replace(board.workspace.access, data_source="Video board")


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
