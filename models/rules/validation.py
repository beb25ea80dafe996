"""What a card must satisfy before the pipeline may work on it (spec 2.1 and 2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models.rules.channels import channel_named
from models.rules.codec.read import BoardCard

TITLE_MAX = 255
TOPIC_MAX = 1000

_INVISIBLE: Final = re.compile(
    r"[\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5"
    r"\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]*"
)
"""White space, control characters, and what is shown as nothing (Unicode:
`Default_Ignorable_Code_Point`, fillers).

`showrunner_is_blank` of the database means the same (kept so by test).
"""


def is_blank(text: str) -> bool:
    """Whether no character of the text is visible."""
    return _INVISIBLE.fullmatch(text) is not None


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One rule that a card breaks.

    Attributes:
        field: the board's property, e.g. `Topic`.
        reason: a slug for logs, e.g. `missing`.
        message: a sentence for the editor, shown on the card.
    """

    field: str
    reason: str
    message: str


def validate_notion_entry(card: BoardCard, channels: Iterable[str]) -> tuple[Violation, ...]:
    """Every rule the card breaks, in the board's order; empty when it may be queued.

    Lengths are in characters (code points), as PostgreSQL's varchar counts them. Story Direction
    has no rule; Status and Priority are decided by `models.rules.merge`, because what to do with
    them depends on the task.
    """
    return violations_of(card.title, card.channel, card.topic, channels)


def violations_of(
    title: str, channel: str | None, topic: str, channels: Iterable[str]
) -> tuple[Violation, ...]:
    """The same for a card that is yet to be created."""
    return (
        *_text("Title", title, TITLE_MAX),
        *_channel(channel, sorted(channels)),
        *_text("Topic", topic, TOPIC_MAX),
    )


def _text(field: str, value: str, longest: int) -> tuple[Violation, ...]:
    if is_blank(value):
        return (Violation(field=field, reason="missing", message=f"{field} is empty."),)
    if len(value) > longest:
        message = f"{field} has {len(value):,} characters; {longest:,} are allowed."
        return (Violation(field=field, reason="too_long", message=message),)
    return ()


def _channel(value: str | None, channels: list[str]) -> tuple[Violation, ...]:
    choice = f"choose one of: {', '.join(channels)}."
    if value is None or is_blank(value):
        return (
            Violation(field="Channel", reason="missing", message=f"Channel is empty; {choice}"),
        )
    if channel_named(value, channels) is None:
        return (
            Violation(
                field="Channel", reason="unknown", message=f"Unknown channel “{value}”; {choice}"
            ),
        )
    return ()
