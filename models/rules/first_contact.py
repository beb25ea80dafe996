"""What only the database sets, but the board provides at first contact: dates and Attention."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from models.rules.board_schema import PRODUCTION_FACTS
from models.rules.codec.read import BoardCard
from models.rules.merge_base import MergeBase, NotionValues, TaskState, values_by_property

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No task is older: the trigger `tasks_check_times` refuses an earlier time."""
_AHEAD: Final = timedelta(days=1)

ATTENTION = frozenset({"Attention"})


def task_dates(
    base: MergeBase | None,
    card: BoardCard,
    shown: NotionValues,
    task: TaskState | None,
    *,
    importing: bool,
    followed: bool,
) -> tuple[datetime, datetime]:
    """When a card was created, and when its status last changed, as the database stores it.

    Unknown and impossible dates are taken from the page itself. Dates that users typed count only
    in the first import.

    Args:
        shown: what the card shows.
        followed: whether the card is to have a task.
    """
    if task is not None:
        return task.created_at, task.status_changed_at
    if base is None:
        found = shown if importing else NotionValues()
        moved = card.edited_at if importing or followed else card.created_time
        created, updated = found.created, found.updated
    else:
        moved = card.edited_at
        created, updated = base.created or base.shown.created, base.updated or base.shown.updated
    latest = card.edited_at + _AHEAD
    return _possible(created, latest) or card.created_time, _possible(updated, latest) or moved


def _possible(typed: datetime | None, latest: datetime) -> datetime | None:
    """The date, unless it is none that a task can have: users type what they like."""
    if typed is None or not EARLIEST <= typed <= latest:
        return None
    return typed


def initially_empty_of(
    base: MergeBase | None, shown: NotionValues, *, moved: bool, importing: bool, has_message: bool
) -> frozenset[str]:
    """What counts as agreed from now on although it differs: see `MergeBase.initially_empty`.

    Args:
        shown: what the card shows.
        has_message: whether there is a message for Attention.
    """
    values = values_by_property(shown).items()
    empty = frozenset(n for n, value in values if value is None and n not in PRODUCTION_FACTS)
    if base is None:
        still_empty = empty if importing else frozenset()
        theirs = not is_our_attention(shown.attention)
    else:
        still_empty = frozenset() if moved else base.initially_empty & empty
        theirs = "Attention" in base.initially_empty
    if theirs and not has_message:
        return still_empty | ATTENTION
    return still_empty - ATTENTION


_QUOTED: Final = "“[^”]*”"
_SENTENCES: Final = (
    r"(?:Title|Topic) is empty\.",
    r"(?:Title|Topic) has [\d,]+ characters; ",
    r"Channel is empty; choose one of: ",
    rf"Unknown channel {_QUOTED}; choose one of: ",
    rf"{_QUOTED} is not a status Showrunner knows; ",
    rf"{_QUOTED} is not a priority Showrunner knows; ",
    rf"A card cannot be moved from {_QUOTED} to {_QUOTED} by hand",
    r"A card starts in “",
    rf"This card was moved back from {_QUOTED} to {_QUOTED}, because it ",
    rf"The pipeline moved this card to {_QUOTED} meanwhile",
    rf"The pipeline set Priority to {_QUOTED} meanwhile",
    r"Status was emptied; ",
    rf"Showrunner had moved this card to {_QUOTED}, which the database does not have ",
    r"Stopping: “",
    r"Failed: ",
    r"Waits: its budget of ",
    r"(?:Look at|Listen to|Watch) the \w+(?: \(round \d+\))?, then move the card: ",
    r"Edited while the video is in work: ",
    rf"{_QUOTED} was changed (?:to {_QUOTED} )?by hand just when it was set to ",
)
"""How every message begins that a card shows, or showed in an earlier release (kept complete by
test)."""

_OURS: Final = re.compile("|".join(_SENTENCES))


def is_our_attention(text: str) -> bool:
    """Whether a text begins with one of our messages for Attention, whatever users added to it."""
    return _OURS.match(text) is not None
