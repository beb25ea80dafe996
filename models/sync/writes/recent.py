"""A card's recent activity: its readings, our writes, and edits that our writes overwrote.

It is stored in `cards.recent_activity`; `models.sync.writes.lost_updates` decides what it means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from models.rules.codec.read import BoardCard
from models.rules.merge import notion_values
from models.rules.merge_base import MergeBase, values_by_property, with_write
from models.sync.observations import Observation, Staleness, known_state_digest, state_digest
from models.sync.writes.lost_updates import TWO_WAY, LostUpdate, RecentActivity, ReportedEdit
from models.tables.card import Card

_DATES: Final = frozenset({"Created", "Updated"})

IN_FLIGHT: Final = timedelta(minutes=2)
"""How long after it was sent a write may still take effect. Notion works on a request for at most
one minute, and we wait a little longer for its answer."""


def write_in_flight(values: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The JSON of `Card.write_in_flight`: the values of a write, and when it was sent."""
    return {"at": at.isoformat(), "values": as_json(values)}


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by property, with moments as ISO text."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def values_from_json(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The values by property from which `as_json` made this."""
    return {name: _value(name, value) for name, value in stored.items()}


def _value(name: str, value: Any) -> Any:
    if value is None or name not in _DATES:
        return value
    return datetime.fromisoformat(value)


def own_write(
    card: Card, observation: Observation, bot_ids: Collection[str]
) -> tuple[Mapping[str, Any], datetime]:
    """What we wrote of what a reading shows, and when that was sent.

    The reading is the answer to the write itself, or it shows a write whose answer was lost: its
    process died, or Notion reported an error and saved it all the same. Such values must not count
    as a user's edit.
    """
    if observation.written or card.write_in_flight is None or card.base is None:
        return observation.written, observation.began
    sent_at = datetime.fromisoformat(card.write_in_flight["at"])
    sent = values_from_json(card.write_in_flight["values"])
    before = values_by_property(card.base.shown)
    now = values_by_property(notion_values(observation.card))
    shown = {name: value for name, value in sent.items() if now[name] == value != before[name]}
    if _is_surely_ours(observation.card, sent, shown, sent_at, bot_ids):
        return shown, sent_at
    return {name: value for name, value in shown.items() if name not in TWO_WAY}, sent_at


def _is_surely_ours(
    read: BoardCard,
    sent: Mapping[str, Any],
    shown: Mapping[str, Any],
    sent_at: datetime,
    bot_ids: Collection[str],
) -> bool:
    """Whether no user can have set the same values.

    Long after the write, users may have chosen the Status or Priority that was sent, but hardly
    together with our Attention or dates.
    """
    if read.edited_by in bot_ids or read.edited_at <= sent_at + IN_FLIGHT:
        return True
    return shown == sent and not sent.keys() <= set(TWO_WAY)


def record_state(card: Card, observation: Observation) -> None:
    """Record which states of the same minute precede a current reading. Call before storing it.

    A reading without a request (the configured channels changed) shows no state anew, so it cannot
    confirm any other row.
    """
    recent, base = RecentActivity.from_json(card.recent_activity), card.base
    states: tuple[str, ...] = ()
    if base is not None and card.edited_at == observation.card.edited_at:
        states, before = recent.states, known_state_digest(base)
        if before != state_digest(observation.card):
            states = (*states, before)
    by_id = observation.by_id if observation.began < observation.ended else None
    card.recent_activity = recent.with_states(states, by_id=by_id).as_json()


def record_reading(
    card: Card, observation: Observation, written: Mapping[str, Any], sent_at: datetime
) -> Collection[str]:
    """Record a current reading, with what we wrote and what users changed. Call before storing it.

    Returns:
        The properties that users changed.
    """
    if observation.from_memory:
        # No request was made, so a write whose answer is missing must stay recorded.
        return ()
    recent, base = RecentActivity.from_json(card.recent_activity), card.base
    changed: Collection[str] = TWO_WAY
    if base is not None:
        if written:
            before = values_by_property(base.shown)
            recent = recent.with_write(written, sent_at, observation.ended, before)
        changed = list(_changed(with_write(base, dict(written)), observation.card))
    card.recent_activity = recent.with_reading(
        observation.began, observation.ended, changed
    ).as_json()
    if observation.written or _is_past(card.write_in_flight, observation.began):
        card.write_in_flight = None
    return changed


def _is_past(in_flight: Mapping[str, Any] | None, moment: datetime) -> bool:
    """Whether a write in flight cannot take effect any more at that moment."""
    if not in_flight:
        return False
    return moment > datetime.fromisoformat(in_flight["at"]) + IN_FLIGHT


def record_trash_change(card: Card, observation: Observation) -> None:
    """Record that users trashed or restored the page: a later event may report nothing else."""
    recent = RecentActivity.from_json(card.recent_activity)
    recent = recent.with_reading(observation.began, observation.ended, ["Trash"])
    card.recent_activity = recent.as_json()


def find_lost_updates(
    card: Card,
    observation: Observation,
    reported: Sequence[ReportedEdit],
    staleness: Staleness,
) -> Sequence[LostUpdate]:
    """Edits by users that a write of ours replaced before anything read them.

    Call after a current reading was stored.

    Args:
        reported: edits that webhook events report; a current reading alone may explain them.
    """
    if staleness is Staleness.CURRENT:
        recent = RecentActivity.from_json(card.recent_activity).with_reported(reported)
        found, recent = recent.unexplained()
        card.recent_activity = recent.as_json()
        return found
    return _process_stale(card, observation)


def _process_stale(card: Card, observation: Observation) -> Sequence[LostUpdate]:
    """Process a stale reading. It must not change the task.

    It may reveal our own write, which would otherwise look like a user's move, or a user's edit
    that our write replaced.
    """
    recent, base = RecentActivity.from_json(card.recent_activity), card.base
    found: Sequence[LostUpdate] = ()
    if base is None:
        return found
    if observation.written:
        recent = recent.with_write(observation.written, observation.began, observation.ended)
        recent = recent.with_states(recent.states, by_id=None)
        merged = with_write(base, dict(observation.written))
        card.remember(merged, card.known_violations())
    elif observation.by_id:
        if observation.card.edited_at == card.edited_at:
            states = (*recent.states, state_digest(observation.card))
            recent = recent.with_states(states, by_id=recent.last_by_id)
        shown = values_by_property(notion_values(observation.card))
        found, recent = recent.overwritten(shown, observation.began, observation.ended)
    card.recent_activity = recent.as_json()
    return found


def _changed(base: MergeBase, read: BoardCard) -> Iterator[str]:
    """Names of the properties that users changed, whether they may or not."""
    before, now = values_by_property(base.shown), values_by_property(notion_values(read))
    before |= {
        "Title": base.title,
        "Channel": base.channel,
        "Topic": base.topic,
        "Story Direction": base.story_direction,
    }
    now |= {
        "Title": read.title,
        "Channel": read.channel,
        "Topic": read.topic,
        "Story Direction": read.story_direction,
    }
    return (name for name, value in now.items() if value != before[name])
