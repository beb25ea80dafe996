"""How the options of Status, Priority and Channel differ from what they should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from models.board import drift_table as table
from models.board.drift_kinds import Drift, listed
from models.board.snapshot import SELECTS, BoardSnapshot, Json, option_names
from models.board.spec import OPTIONS_MAX
from models.rules.board_schema import EXPECTED_TYPES
from models.rules.new_board import board_schema

_MISSING_BREAKS: Final[Mapping[str, str]] = {
    "Status": "A video that gets there cannot be shown: its card stays behind and is retried.",
    "Priority": "A video of that priority cannot be shown as one.",
    "Channel": "People cannot choose the channel, so no video can be planned for it.",
}
_COLOURS_NAMED: Final = 3
"""Options with another colour that the sentence names."""


def option_drift(snapshot: BoardSnapshot) -> Iterator[Drift]:
    """Options that are missing, renamed, foreign, out of order, of another colour, or too many."""
    schema = board_schema(snapshot.channels)
    for name in SELECTS:
        found = snapshot.property(name)
        if found is None or found["type"] not in EXPECTED_TYPES[name]:
            continue
        desired = option_names(schema[name])
        yield from _renamed(snapshot, name, desired)
        yield from _missing(snapshot, name, desired)
        yield from _foreign(snapshot, name, found, desired)
        yield from _too_many(snapshot, name, found)
        if name == "Status":
            yield from _out_of_order(snapshot, found, desired)
            yield from _coloured(snapshot, found, schema[name]["select"]["options"])


def missing_options(snapshot: BoardSnapshot, name: str, desired: list[str]) -> list[str]:
    """The options that a property lacks, without those that were only renamed."""
    there = {*snapshot.option_names(name), *renamed_options(snapshot, name, desired)}
    return [option for option in desired if option not in there]


def is_full(snapshot: BoardSnapshot, name: str, desired: list[str]) -> bool:
    """Whether the list with its missing options would be longer than the API accepts."""
    missing = missing_options(snapshot, name, desired)
    return len(snapshot.options(name)) + len(missing) > OPTIONS_MAX


def renamed_options(snapshot: BoardSnapshot, name: str, desired: list[str]) -> dict[str, str]:
    """The present name of each renamed option by the name that it should have.

    A renamed option is found by its id. One that differs only in case counts too: Notion takes both
    for the same.
    """
    options = snapshot.options(name)
    by_id = {option["id"]: option["name"] for option in options}
    by_fold = {option["name"].casefold(): option["name"] for option in options}
    known = snapshot.known_ids.options.get(name, {})
    renamed = {}
    for option in desired:
        if option in by_id.values():
            continue
        called = by_id.get(known.get(option, "")) or by_fold.get(option.casefold())
        if called is not None and called not in desired:
            renamed[option] = called
    return renamed


def _renamed(snapshot: BoardSnapshot, name: str, desired: list[str]) -> Iterator[Drift]:
    for option, called in renamed_options(snapshot, name, desired).items():
        yield table.OPTION_RENAMED.drift(
            name,
            property=name.lower(),
            option=option,
            called=called,
            breaks=_MISSING_BREAKS[name],
        )


def _missing(snapshot: BoardSnapshot, name: str, desired: list[str]) -> Iterator[Drift]:
    missing = missing_options(snapshot, name, desired)
    if not missing:
        return
    kind = table.OPTION_MISSING
    if is_full(snapshot, name, desired):
        kind = table.OPTION_MISSING_IN_LONG_LIST
    yield kind.drift(
        name,
        property=name.lower(),
        missing=listed(missing),
        breaks=_MISSING_BREAKS[name],
        most=OPTIONS_MAX,
    )


def _foreign(
    snapshot: BoardSnapshot, name: str, found: Json, desired: list[str]
) -> Iterator[Drift]:
    expected = {*desired, *renamed_options(snapshot, name, desired).values()}
    foreign = [option for option in snapshot.option_names(name) if option not in expected]
    if not foreign or name == "Priority":
        return
    kind = table.CHANNEL_NOT_CONFIGURED if name == "Channel" else table.STATUS_UNKNOWN
    yield kind.drift(name, called=found["name"], foreign=listed(foreign))


def _too_many(snapshot: BoardSnapshot, name: str, found: Json) -> Iterator[Drift]:
    count = len(snapshot.options(name))
    if count > OPTIONS_MAX:
        yield table.TOO_MANY_OPTIONS.drift(
            name, called=found["name"], count=count, most=OPTIONS_MAX
        )


def _out_of_order(snapshot: BoardSnapshot, found: Json, desired: list[str]) -> Iterator[Drift]:
    present = [option for option in snapshot.option_names("Status") if option in desired]
    ordered = sorted(present, key=desired.index)
    if present == ordered:
        return
    kind = table.OPTIONS_OUT_OF_ORDER
    if found["type"] == "status" or len(snapshot.options("Status")) > OPTIONS_MAX:
        kind = table.OPTIONS_OUT_OF_ORDER_BY_HAND
    first = next(is_ for is_, should in zip(present, ordered, strict=True) if is_ != should)
    yield kind.drift("Status", called=found["name"], first=first)


def _coloured(
    snapshot: BoardSnapshot, found: Json, desired: list[dict[str, Any]]
) -> Iterator[Drift]:
    colours = {option["name"]: option["color"] for option in desired}
    named = [
        f"{option['name']} ({option['color']}, not {colours[option['name']]})"
        for option in snapshot.options("Status")
        if option["color"] != colours.get(option["name"], option["color"])
    ]
    if not named:
        return
    text = ", ".join(named[:_COLOURS_NAMED])
    more = len(named) - _COLOURS_NAMED
    if more > 0:
        text += f" and {more} more"
    yield table.COLOUR_DIFFERENT.drift("Status", called=found["name"], named=text)
