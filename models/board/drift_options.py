"""How the options of Status, Priority and Channel differ from what they should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from models.board.drift_kinds import REPAIR, Drift, Part, RepairAction, Severity, listed
from models.board.snapshot import SELECTS, BoardSnapshot, Json
from models.board.spec import OPTIONS_MAX
from models.rules.board_schema import EXPECTED_TYPES, board_schema

_LACKED: Final[Mapping[str, str]] = {
    "Status": "A video that gets there cannot be shown: its card stays behind and is retried.",
    "Priority": "A video of that priority cannot be shown as one.",
    "Channel": "People cannot choose the channel, so no video can be planned for it.",
}


def option_drift(snapshot: BoardSnapshot) -> Iterator[Drift]:
    """Options that are missing, renamed, foreign, out of order, of another colour, or too many."""
    schema = board_schema(snapshot.channels)
    for name in SELECTS:
        found = snapshot.property(name)
        if found is None or found["type"] not in EXPECTED_TYPES[name]:
            continue
        wanted = schema[name]["select"]["options"]
        yield from _lacking(snapshot, name, [option["name"] for option in wanted])
        yield from _foreign(snapshot, name, found, [option["name"] for option in wanted])
        yield from _too_many(snapshot, name, found)
        if name == "Status":
            yield from _out_of_order(snapshot, found, [option["name"] for option in wanted])
            yield from _coloured(snapshot, found, wanted)


def missing_options(snapshot: BoardSnapshot, name: str, wanted: list[str]) -> list[str]:
    """The options that a property lacks and nobody merely renamed."""
    renamed = set(renamed_options(snapshot, name, wanted))
    return [
        option
        for option in wanted
        if option not in snapshot.option_names(name) and option not in renamed
    ]


def is_full(snapshot: BoardSnapshot, name: str, wanted: list[str]) -> bool:
    """Whether the API cannot add the missing options: with them the list would be longer than it takes."""
    return len(snapshot.options(name)) + len(missing_options(snapshot, name, wanted)) > OPTIONS_MAX


def renamed_options(snapshot: BoardSnapshot, name: str, wanted: list[str]) -> dict[str, str]:
    """What options that are known by their ids are called now, by what they should be called.

    One that differs in case only counts too: Notion takes both for the same.
    """
    options = snapshot.options(name)
    by_id = {option["id"]: option["name"] for option in options}
    by_fold = {option["name"].casefold(): option["name"] for option in options}
    known = snapshot.known_ids.options.get(name, {})
    names = snapshot.option_names(name)
    called = {
        o: by_id.get(known.get(o, "")) or by_fold.get(o.casefold())
        for o in wanted
        if o not in names
    }
    return {option: now for option, now in called.items() if now is not None and now not in wanted}


def _lacking(snapshot: BoardSnapshot, name: str, wanted: list[str]) -> Iterator[Drift]:
    renamed = renamed_options(snapshot, name, wanted)
    for option, now in renamed.items():
        yield Drift(
            slug=f"{name.lower()}-option-renamed",
            severity=Severity.LOSES,
            part=Part.PROPERTY,
            about=name,
            wrong=f"The {name} option “{option}” is called “{now}” on this board.",
            breaks=f"{_LACKED[name]} Cards in “{now}” are not followed.",
            cure=f"In Notion, click the option and call it “{option}” again: the API cannot rename options.",
        )
    missing = missing_options(snapshot, name, wanted)
    if not missing:
        return
    full = is_full(snapshot, name, wanted)
    by_hand = f"Notion's API cannot add to a list of over {OPTIONS_MAX} options: add them in Notion by hand."
    yield Drift(
        slug=f"{name.lower()}-option-missing",
        severity=Severity.LOSES,
        part=Part.PROPERTY,
        about=name,
        wrong=f"{name} has no option {listed(missing)}.",
        breaks=_LACKED[name],
        cure=by_hand
        if full
        else f"{REPAIR} adds it at its place. If you renamed one, call it that again instead.",
        mend=None if full else RepairAction.ADD,
    )


def _foreign(snapshot: BoardSnapshot, name: str, found: Json, wanted: list[str]) -> Iterator[Drift]:
    renamed = set(renamed_options(snapshot, name, wanted).values())
    foreign = [
        option
        for option in snapshot.option_names(name)
        if option not in wanted and option not in renamed
    ]
    if not foreign or name == "Priority":
        return
    channel = name == "Channel"
    yield Drift(
        slug="channel-not-configured" if channel else "status-unknown",
        severity=Severity.COSMETIC,
        part=Part.PROPERTY,
        about=name,
        wrong=(
            f"Channel offers {listed(foreign)}, which no file in channel_configs stands for."
            if channel
            else f"“{found['name']}” has {listed(foreign)}, which is none of the 26 statuses."
        ),
        breaks="Cards with it are not followed; their Attention says so.",
        cure=(
            "Add the channel's file, or move its cards and delete the option in Notion."
            if channel
            else "Move its cards to one of the 26, then delete the option in Notion."
        ),
    )


def _too_many(snapshot: BoardSnapshot, name: str, found: Json) -> Iterator[Drift]:
    count = len(snapshot.options(name))
    if count > OPTIONS_MAX:
        yield Drift(
            slug="too-many-options",
            severity=Severity.COSMETIC,
            part=Part.PROPERTY,
            about=name,
            wrong=f"“{found['name']}” has {count} options.",
            breaks=f"Notion's API cannot change a list of over {OPTIONS_MAX}: {REPAIR} can add nothing to it.",
            cure="Delete options that no card uses, in Notion.",
        )


def _out_of_order(snapshot: BoardSnapshot, found: Json, wanted: list[str]) -> Iterator[Drift]:
    present = [option for option in snapshot.option_names("Status") if option in wanted]
    if present == sorted(present, key=wanted.index):
        return
    by_hand = found["type"] == "status" or len(snapshot.options("Status")) > OPTIONS_MAX
    first = next(
        a for a, b in zip(present, sorted(present, key=wanted.index), strict=True) if a != b
    )
    yield Drift(
        slug="options-out-of-order",
        severity=Severity.COSMETIC,
        part=Part.PROPERTY,
        about="Status",
        wrong=f"The options of “{found['name']}” are not in the order of the pipeline, from “{first}” on.",
        breaks="The board's columns do not follow the pipeline.",
        cure="Drag the options into order in Notion."
        if by_hand
        else f"{REPAIR} puts them in order.",
        mend=None if by_hand else RepairAction.SET,
    )


def _coloured(
    snapshot: BoardSnapshot, found: Json, wanted: list[dict[str, Any]]
) -> Iterator[Drift]:
    colours = {option["name"]: option["color"] for option in wanted}
    off = [
        o
        for o in snapshot.options("Status")
        if o["name"] in colours and o["color"] != colours[o["name"]]
    ]
    if not off:
        return
    named = [
        f"{option['name']} ({option['color']}, not {colours[option['name']]})" for option in off
    ]
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""  # noqa: PLR2004 - enough to see what is meant
    yield Drift(
        slug="colour-different",
        severity=Severity.COSMETIC,
        part=Part.PROPERTY,
        about="Status",
        wrong=f"The colours of “{found['name']}” are others: {', '.join(named[:3])}{more}.",
        breaks="Draft, work, review, done and error look alike.",
        cure="Choose the colours in Notion, if you care: the API cannot change them.",
    )
