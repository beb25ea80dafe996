"""Believing many doubtful rows of one query by looking at two of their pages.

A query's rows may lag behind the pages, and edit times are whole minutes. So a row of the same
minute that contradicts what is known is from before or after it; alone, only the page itself can
tell. But a query's answer is as old in one row as in all: once a page that was edited since we
looked at it last is found to be as its row says, the answer is from after that edit, and so is each
other row of it, whose page we had looked at earlier.

This supposes that an answer shows one moment, and that no two pages come back, within a minute, to
a state in which nobody saw them in that minute, while an answer is as old as that. A state that was
seen counts as known, and its row is not believed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from models.rules.codec import BoardCard
from models.rules.merge import notion_values
from models.rules.merge_base import MergeBase, NotionValues
from models.sync.lost_updates import STATES_KEPT, RecentActivity
from models.tables.card import Card

SAMPLE_SIZE: Final = 2
"""Pages looked at for the others: one could have come back by chance to a state that nobody saw."""


class EarlierReading(NamedTuple):
    """The look that a doubtful row contradicts: when it began and ended, and whether the page itself was read."""

    began: datetime
    ended: datetime
    by_id: bool


def contradicted_reading(card: Card, read: BoardCard) -> EarlierReading | None:
    """The look at a card that a doubtful row of a query contradicts; None where nobody can vouch for the row.

    That is so where the row shows what the card was like earlier in the same minute, where a write of ours may have
    changed the card since that look, and where the card was gone.
    """
    recent = RecentActivity.from_json(card.recent)
    changed = recent.last_by_id is None or card.sending is not None or not recent.observations
    gone = card.trashed_at is not None or card.missing_at is not None or read.in_trash
    if changed or gone or len(recent.states) >= STATES_KEPT or state_digest(read) in recent.states:
        return None
    return EarlierReading(*recent.observations[-1], by_id=bool(recent.last_by_id))


def confirms(witness: EarlierReading, other: EarlierReading) -> bool:
    """Whether what was edited after the witness's look was edited after the other's state was seen, too.

    Looks by the same query are at the same state of the board, however old that was.
    """
    if witness.by_id:
        return other.ended <= witness.began
    return witness == other


def pages_to_sample(unconfirmed: Mapping[str, EarlierReading]) -> list[str]:
    """Which pages of one answer to look at: those that speak for most of the others."""

    def spoken_for(page_id: str) -> int:
        return sum(confirms(unconfirmed[page_id], other) for other in unconfirmed.values())

    return sorted(unconfirmed, key=lambda page_id: (-spoken_for(page_id), page_id))[:SAMPLE_SIZE]


def confirmed_pages(
    unconfirmed: Mapping[str, EarlierReading], by: Sequence[str]
) -> Collection[str]:
    """The other pages of the answer that these witnesses speak for."""
    speaking = [unconfirmed[page_id] for page_id in by]
    return [
        page_id
        for page_id, known in unconfirmed.items()
        if page_id not in by and any(confirms(witness, known) for witness in speaking)
    ]


def same_state(one: BoardCard, other: BoardCard) -> bool:
    """Whether two readings show a page in the same state, as far as we follow it."""
    alike = (one.edited_at, one.in_trash) == (other.edited_at, other.in_trash)
    return alike and state_digest(one) == state_digest(other)


def state_digest(read: BoardCard) -> str:
    """What stands for all that a reading shows of what we follow."""
    return _digest(
        (read.title, read.channel, read.topic, read.story_direction), notion_values(read)
    )


def known_state_digest(base: MergeBase) -> str:
    """What stands for all that is known of a card, as `state_digest` does."""
    return _digest((base.title, base.channel, base.topic, base.story_direction), base.shown)


def _digest(texts: tuple[str | None, ...], shown: NotionValues) -> str:
    moments = [
        moment and moment.astimezone(UTC).isoformat() for moment in (shown.created, shown.updated)
    ]
    parts = (*texts, shown.status, shown.priority, shown.attention, *moments)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
