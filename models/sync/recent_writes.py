"""A card's last moments, kept with it: the looks at it, our writes, what people changed (see `models.sync.lost_updates`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from models.rules.codec import BoardCard
from models.rules.merge import notion_values
from models.rules.merge_base import MergeBase, values_by_property, with_write
from models.sync.lost_updates import TWO_WAY, LostUpdate, RecentActivity, ReportedEdit
from models.sync.observations import Observation
from models.sync.stale_queries import known_state_digest, state_digest
from models.tables.card import Card

_DATES: Final = frozenset({"Created", "Updated"})


IN_FLIGHT: Final = timedelta(minutes=2)
"""How long after it was sent a write may still take effect: Notion works on a request for a minute
at most, and we wait a little longer for its answer."""


def sending(values: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """What `Card.sending` holds while a write is under way: its values by property, and when it was sent."""
    return {"at": at.isoformat(), "values": as_json(values)}


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by property, as JSON holds them."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def values_from_json(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The values by property that `as_json` wrote."""
    return {name: _value(name, value) for name, value in stored.items()}


def own_write(
    card: Card, observation: Observation, bot_ids: Collection[str]
) -> tuple[Mapping[str, Any], datetime]:
    """What a look shows that we wrote, and when it was sent: by its own answer, or by a write whose answer was lost.

    A write whose process died, or that failed and was saved all the same, must not be held against a person.
    """
    if observation.written or card.sending is None or card.base is None:
        return observation.written, observation.began
    at = datetime.fromisoformat(card.sending["at"])
    before, now = (
        values_by_property(card.base.shown),
        values_by_property(notion_values(observation.card)),
    )
    sent = values_from_json(card.sending["values"])
    shown = {name: value for name, value in sent.items() if now[name] == value != before[name]}
    # Long after, people may have chosen a Status or Priority that we had sent, but hardly with our
    # Attention or dates.
    surely = observation.card.edited_by in bot_ids or observation.card.edited_at <= at + IN_FLIGHT
    surely |= shown == sent and not sent.keys() <= set(TWO_WAY)
    return {name: value for name, value in shown.items() if surely or name not in TWO_WAY}, at


def _value(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name in _DATES and value is not None else value


def record_state(card: Card, observation: Observation) -> None:
    """Note, before a look that counts is settled, which states of the same minute it comes after.

    A look that asked Notion nothing (the configured channels changed) shows no state anew: nobody
    vouches by it.
    """
    recent, base = RecentActivity.from_json(card.recent), card.base
    states: tuple[str, ...] = ()
    if base is not None and card.edited_at == observation.card.edited_at:
        before = known_state_digest(base)
        states = (
            recent.states if before == state_digest(observation.card) else (*recent.states, before)
        )
    by_id = observation.by_id if observation.began < observation.ended else None
    card.recent = recent.stood(states, by_id=by_id).as_json()


def record_reading(
    card: Card, observation: Observation, written: Mapping[str, Any], sent_at: datetime
) -> Collection[str]:
    """Note a look that counts, before it is settled: what people had changed by then, and what we wrote meanwhile.

    Returns:
        What people had changed.
    """
    if observation.from_memory:
        # A write that may still show on the board must not be forgotten by who has not read it.
        return ()
    recent, base = RecentActivity.from_json(card.recent), card.base
    changed: Collection[str]
    if base is None:
        changed = TWO_WAY
    else:
        if written:
            recent = recent.with_write(
                written, sent_at, observation.ended, values_by_property(base.shown)
            )
        changed = list(_changed(with_write(base, dict(written)), observation.card))
    card.recent = recent.looked(observation.began, observation.ended, changed).as_json()
    if observation.written or (
        card.sending and observation.began > datetime.fromisoformat(card.sending["at"]) + IN_FLIGHT
    ):
        card.sending = None
    return changed


def record_trash_change(card: Card, observation: Observation) -> None:
    """Note that people had trashed or restored the page by then: it may be all that an event tells of."""
    card.recent = (
        RecentActivity.from_json(card.recent)
        .looked(observation.began, observation.ended, ["Trash"])
        .as_json()
    )


def overtaken(card: Card, observation: Observation) -> Sequence[LostUpdate]:
    """What a void look tells all the same.

    That we wrote is to be remembered, else it would look like a person's move; and what it caught
    of a person's edit that a write of ours then overwrote, nobody will see again.
    """
    recent, base = RecentActivity.from_json(card.recent), card.base
    found: Sequence[LostUpdate] = ()
    if base is None:
        return found
    if observation.written:
        recent = recent.with_write(observation.written, observation.began, observation.ended)
        recent = recent.stood(recent.states, by_id=None)
        card.remember(
            with_write(base, dict(observation.written)), card.known_violations(), card.attention
        )
    elif observation.by_id:
        if observation.card.edited_at == card.edited_at:
            recent = recent.stood(
                (*recent.states, state_digest(observation.card)), by_id=recent.last_by_id
            )
        found, recent = recent.caught(
            values_by_property(notion_values(observation.card)),
            observation.began,
            observation.ended,
        )
    card.recent = recent.as_json()
    return found


def unseen_by(card: Card, claims: Sequence[ReportedEdit]) -> Sequence[LostUpdate]:
    """What events tell of people's edits, now or before, and no look ever showed."""
    found, recent = RecentActivity.from_json(card.recent).told(claims).overwritten()
    card.recent = recent.as_json()
    return found


def _changed(base: MergeBase, read: BoardCard) -> Iterator[str]:
    """Properties that people changed since, whether they may or not."""
    before, now = values_by_property(base.shown), values_by_property(notion_values(read))
    yield from (name for name, value in now.items() if value != before[name])
    texts = {
        "Title": base.title,
        "Channel": base.channel,
        "Topic": base.topic,
        "Story Direction": base.story_direction,
    }
    read_now = (read.title, read.channel, read.topic, read.story_direction)
    yield from (
        name for (name, text), new in zip(texts.items(), read_now, strict=True) if text != new
    )
