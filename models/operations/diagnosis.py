"""Why a card is not as it should be: everything known that keeps it so, each in one sentence with what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.operations.differences import apart
from models.rules.board_schema import Board
from models.rules.channels import channel_named
from models.rules.formatting import clock_time, spoken
from models.sync.pending_write import PendingWrite, current_attention
from models.tables.card import Card
from models.tables.incidents import Incident
from models.tables.task import Task
from models.tables.webhook_events import EventState, WebhookEvent

_NO_CYCLE_FOR = timedelta(minutes=5)
"""Cycles are due every minute: after five without a good one something is wrong (design: section
12)."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a card and of what works on it.

    Attributes:
        card, board: None when the page, or any board, was never read.
        left: why the card left the board, if it did: `in_trash`, `moved_away` or `not_found`.
        deleted: whether it had a task that was deleted.
        change: what the next push would write.
        channels: the configured ones.
        incidents: those that are not over.
        events: those about this card that are not processed.
        last_good_cycle: when one ended well; None when none ever did.
    """

    card: Card | None
    task: Task | None
    change: PendingWrite | None
    board: Board | None
    channels: Collection[str]
    incidents: Sequence[Incident]
    events: Sequence[WebhookEvent]
    last_good_cycle: datetime | None
    now: datetime
    left: str | None = None
    deleted: bool = False


def differs(facts: Facts) -> list[str]:
    """Why card and task are not the same; empty when they are in sync."""
    return [
        *_of_sight(facts),
        *_of_validity(facts),
        *_of_waiting(facts),
        *_of_the_push(facts),
        *_what_is_kept_apart(facts),
    ]


def reasons(facts: Facts) -> list[str]:
    """All that keeps a card from being what somebody wants, what concerns every card first; empty when nothing does."""
    return [*_of_everything(facts), *differs(facts), *_of_wishes(facts), *_of_events(facts)]


def _of_everything(facts: Facts) -> Iterator[str]:
    """What stops all cards alike, and the alert about this one."""
    for incident in facts.incidents:
        mine = (
            facts.card is not None and incident.name == f"card_failing:{facts.card.notion_page_id}"
        )
        if incident.level == "CRITICAL" or mine:
            yield f"Alert “{incident.name}” is open since {clock_time(incident.since)} UTC: {incident.title}"
    last = facts.last_good_cycle
    if last is None:
        yield "No cycle has ended well yet: is `showrunner up` running?"
    elif facts.now - last > _NO_CYCLE_FOR:
        ago = spoken(facts.now - last)
        yield f"No cycle has ended well for {ago}: is `showrunner up` running, or is a long backlog being written?"


def _of_sight(facts: Facts) -> Iterator[str]:
    card = facts.card
    if card is not None and card.unreadable:
        failed = f"could not be read {_times(card.attempts)} ({_inner(card.last_error)})"
        yield f"The page {failed}; nothing is written to it before it was: the next try is due {_due(card, facts.now)}."
    elif card is None or card.first_seen_at is None:
        yield "The page was never read: it is new, it cannot be read, or it is none of this board's."
    elif card.trashed_at is not None:
        since, cure = _departure(facts.left, f"{clock_time(card.trashed_at)} UTC")
        yield f"{since}: nothing is pushed to it, its task stays. {cure}"
    elif card.missing_at is not None:
        yield (
            f"Since {clock_time(card.missing_at)} UTC the page looks gone, like too many others: nothing is written to "
            "it. If it is there again, a cycle finds it; if it is really gone: `showrunner push --confirm`."
        )


def _departure(left: str | None, when: str) -> tuple[str, str]:
    """How a card left the board, and what brings it back."""
    if left == "moved_away":
        return (
            f"The page was moved away from the board, which was seen {when}",
            "Move it back in Notion and it goes on.",
        )
    if left == "not_found":
        cure = "Share it with the connection again, or restore it, and it goes on."
        return f"Notion does not find the page since {when}", cure
    return (
        f"The card is in Notion's trash since {when}",
        "Restore the page in Notion and it goes on.",
    )


def _of_validity(facts: Facts) -> Iterator[str]:
    card, task = facts.card, facts.task
    if card is None or (base := card.base) is None:
        return
    wrong = " ".join(violation.message for violation in card.known_violations())
    if wrong and task is None and facts.deleted:
        yield f"Its task was deleted, and it gets no other, because the card is not valid: {wrong}"
    elif wrong and task is None:
        yield f"It has no task, because the card is not valid: {wrong}"
    elif wrong:
        yield f"The task keeps its last valid values, because the card is not valid: {wrong}"
    elif task is None and base.status is None:
        yield f"It has no task, because its Status “{base.shown.status}” is none of the 26 columns."
    elif task is None:
        yield "It has no task, because that was deleted: the next edit of the card on the board makes a new one."
    if base.channel and channel_named(base.channel, facts.channels) is None:
        yield f"The channel “{base.channel}” is not configured: add channel_configs/{base.channel}.yaml if it is right."


def _of_waiting(facts: Facts) -> Iterator[str]:
    """A move that is neither granted nor refused yet."""
    card = facts.card
    if card is None or card.trashed_at is not None or card.status_kept_until is None:
        return
    yield (
        f"The move to “{card.waits_for}” waits until the card is valid: it is taken then, if the card still stands "
        f"there. Else it goes back to “{card.base_status}” after {clock_time(card.status_kept_until)} UTC."
    )


def _of_wishes(facts: Facts) -> Iterator[str]:
    card = facts.card
    base = card.base if card is not None else None
    if (
        card is not None
        and base is not None
        and base.refusal in current_attention(card, base, facts.task)
    ):
        yield from (
            [f"What a person asked for was not granted: {base.refusal}"] if base.refusal else []
        )


def _of_the_push(facts: Facts) -> Iterator[str]:
    change, card = facts.change, facts.card
    if change is None or card is None or card.unreadable:
        return
    names = ", ".join(sorted(change.values))
    if change.waits:
        if card.missing_at is None:
            yield (
                f"Writing {names} waits, like many moves that nobody watched: `showrunner push --confirm` goes on; "
                "`showrunner import --take-board` takes what the board shows instead."
            )
        return
    if not change.attempts:
        yield f"The next cycle writes what differs: {names}."
    else:
        failed = f"failed {_times(change.attempts)} ({_inner(card.last_error)})"
        yield f"Writing {names} {failed}; the next try is due {_due(card, facts.now)}."
    for name in ("Status", "Priority"):
        value, known = (
            change.values.get(name),
            facts.board.properties.get(name) if facts.board else None,
        )
        if value is not None and known is not None and value not in known.options:
            yield f"The board's {known.name} has no option “{value}”: add it in Notion, Showrunner never makes options."


def _what_is_kept_apart(facts: Facts) -> Iterator[str]:
    """The values that differ, where something keeps them from being made equal."""
    card, change = facts.card, facts.change
    if card is None:
        return
    gone = card.trashed_at is not None or card.missing_at is not None
    waits = card.status_kept_until is not None or (change is not None and change.waits)
    if (gone or waits or card.unreadable or card.violations) and (names := apart(card, facts.task)):
        yield f"What differs: {', '.join(names)}."


def _of_events(facts: Facts) -> Iterator[str]:
    for event in facts.events:
        failed = (
            f"failed {_times(event.attempts)} ({_inner(event.error)})"
            if event.error
            else "was given back"
        )
        match event.state(facts.now):
            case EventState.DEAD:
                yield (
                    f"Event {event.row} is dead: it failed {_times(event.attempts)} ({_inner(event.error)}). "
                    f"`showrunner events replay {event.row}` tries it again."
                )
            case EventState.LATER:
                yield f"Event {event.row} {failed}; it is due in {spoken(event.next_attempt_at - facts.now)}."
            case EventState.CLAIMED:
                yield f"Event {event.row} is being worked on."
            case _:
                yield f"Event {event.row} waits for the next ingest or cycle."


def _due(card: Card, now: datetime) -> str:
    wait = (card.next_attempt_at or now) - now
    return f"in {spoken(wait)}" if wait > timedelta(0) else "at the next cycle"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _inner(error: str | None) -> str:
    """An error as part of a sentence."""
    return (error or "nobody could say why").rstrip(".")
