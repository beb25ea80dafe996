"""Why a card and its task are not in sync: every known reason in one sentence, with what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.operations.differences import apart
from models.operations.health.facts import SyncFacts
from models.operations.health.rules import NO_CYCLE_YET, overdue_cycle
from models.operations.known_problems import PROBLEMS
from models.rules.board_schema import Board
from models.rules.channels import channel_named
from models.rules.formatting import spoken, times, utc_time
from models.sync.writes.pending import PendingWrite, current_attention
from models.tables.card import Card
from models.tables.incidents import IncidentKind
from models.tables.task import Task
from models.tables.webhook_events import EventState, WebhookEvent


@dataclass(frozen=True, kw_only=True)
class CardFacts(SyncFacts):
    """Everything known about a card and about the sync that works on it.

    Attributes:
        card, board: None when the page, or any board, was never read.
        left: why the card left the board, if it did: `in_trash`, `moved_away` or `not_found`.
        deleted: whether it had a task that was deleted.
        production: `models.operations.production.task_production` of its task.
        change: what the next push would write.
        channels: the configured channels.
        events: the unprocessed events about this card.
    """

    card: Card | None
    task: Task | None
    change: PendingWrite | None
    board: Board | None
    channels: Collection[str]
    events: Sequence[WebhookEvent]
    now: datetime
    left: str | None = None
    deleted: bool = False
    production: Mapping[str, Any] | None = None


def reasons_out_of_sync(facts: CardFacts) -> list[str]:
    """Why card and task differ; empty when they are in sync."""
    return [
        *_reading(facts),
        *_validity(facts),
        *_waiting_move(facts),
        *_push(facts),
        *_differences(facts),
    ]


def reasons(facts: CardFacts) -> list[str]:
    """All that keeps a card from its desired state, what concerns every card first."""
    return [
        *_whole_sync(facts),
        *reasons_out_of_sync(facts),
        *_refused_edit(facts),
        *_events(facts),
    ]


def _whole_sync(facts: CardFacts) -> Iterator[str]:
    """What stops all cards alike, and the alert about this one."""
    page_id = None if facts.card is None else facts.card.notion_page_id
    for incident in facts.incidents:
        about_this = incident.name == IncidentKind.CARD_FAILING.about(str(page_id))
        if incident.level == "CRITICAL" or about_this:
            yield f"An alert is open: {incident}"
    late = NO_CYCLE_YET
    if facts.last_good_cycle is not None:
        late = overdue_cycle(facts.last_good_cycle, facts.now)
    if late:
        yield f"{late[0].upper()}{late[1:]}. {PROBLEMS[IncidentKind.NO_GOOD_CYCLE].cure}"


def _reading(facts: CardFacts) -> Iterator[str]:
    card = facts.card
    if card is not None and card.unreadable:
        failed = f"could not be read {times(card.attempts)} ({_clause(card.last_error)})"
        yield (
            f"The page {failed}; nothing is written to it before it was: "
            f"the next try is due {_due(card, facts.now)}."
        )
    elif card is None or card.first_seen_at is None:
        yield (
            "The page was never read: it is new, it cannot be read, or it is none of this board's."
        )
    elif card.trashed_at is not None:
        departure, cure = _departure(facts.left, utc_time(card.trashed_at))
        yield f"{departure}: nothing is pushed to it, its task stays. {cure}"
    elif card.missing_at is not None:
        yield (
            f"Since {utc_time(card.missing_at)} the page looks gone, like too many others: "
            "nothing is written to it. If it is there again, a cycle finds it; "
            "if it is really gone: `showrunner push --confirm`."
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


def _validity(facts: CardFacts) -> Iterator[str]:
    card, task = facts.card, facts.task
    if card is None or (base := card.base) is None:
        return
    wrong = " ".join(violation.message for violation in card.known_violations())
    if wrong:
        yield _invalid(wrong, has_task=task is not None, deleted=facts.deleted)
    elif task is None and base.status is None:
        yield f"It has no task, because its Status “{base.shown.status}” is none of the 26 columns."
    elif task is None:
        yield (
            "It has no task, because that was deleted: "
            "the next edit of the card on the board makes a new one."
        )
    if base.channel and channel_named(base.channel, facts.channels) is None:
        yield (
            f"The channel “{base.channel}” is not configured: "
            f"add channel_configs/{base.channel}.yaml if it is right."
        )


def _invalid(wrong: str, *, has_task: bool, deleted: bool) -> str:
    if has_task:
        return f"The task keeps its last valid values, because the card is not valid: {wrong}"
    if deleted:
        return f"Its task was deleted, and it gets no other, because the card is not valid: {wrong}"
    return f"It has no task, because the card is not valid: {wrong}"


def _waiting_move(facts: CardFacts) -> Iterator[str]:
    """A move that is neither granted nor refused yet."""
    card = facts.card
    if card is None or card.trashed_at is not None or card.status_kept_until is None:
        return
    yield (
        f"The move to “{card.waits_for}” waits until the card is valid: it is taken then, "
        f"if the card still stands there. Else it goes back to “{card.base_status}” "
        f"after {utc_time(card.status_kept_until)}."
    )


def _refused_edit(facts: CardFacts) -> Iterator[str]:
    card = facts.card
    if card is None or (base := card.base) is None or not base.rejection:
        return
    if base.rejection in current_attention(card, base, facts.task):
        yield f"What a person asked for was not granted: {base.rejection}"


def _push(facts: CardFacts) -> Iterator[str]:
    change, card = facts.change, facts.card
    if change is None or card is None or card.unreadable:
        return
    names = ", ".join(sorted(change.values))
    if change.waits:
        if card.missing_at is None:
            yield (
                f"Writing {names} waits, like many moves that nobody watched: "
                "`showrunner push --confirm` goes on; "
                "`showrunner import --take-board` takes what the board shows instead."
            )
        return
    if change.attempts:
        failed = f"failed {times(change.attempts)} ({_clause(card.last_error)})"
        yield f"Writing {names} {failed}; the next try is due {_due(card, facts.now)}."
    else:
        yield f"The next cycle writes what differs: {names}."
    yield from _missing_options(change, facts.board)


def _missing_options(change: PendingWrite, board: Board | None) -> Iterator[str]:
    """Values to write for which the board has no option."""
    properties = {} if board is None else board.properties
    for name in ("Status", "Priority"):
        value, known = change.values.get(name), properties.get(name)
        if value is not None and known is not None and value not in known.options:
            yield (
                f"The board's {known.name} has no option “{value}”. "
                f"{PROBLEMS[IncidentKind.BOARD_DRIFT].cure}"
            )


def _differences(facts: CardFacts) -> Iterator[str]:
    """The values that differ, where something keeps them from being made equal."""
    card, change = facts.card, facts.change
    if card is None:
        return
    held_up = (
        card.trashed_at is not None
        or card.missing_at is not None
        or card.status_kept_until is not None
        or card.unreadable
        or bool(card.violations)
        or (change is not None and change.waits)
    )
    if held_up and (names := apart(card, facts.task)):
        yield f"What differs: {', '.join(names)}."


def _events(facts: CardFacts) -> Iterator[str]:
    for event in facts.events:
        match event.state(facts.now):
            case EventState.DEAD:
                failed = f"failed {times(event.attempts)} ({_clause(event.error)})"
                yield (
                    f"Event {event.row} is dead: it {failed}. "
                    f"`showrunner events replay {event.row}` tries it again."
                )
            case EventState.LATER:
                wait = spoken(event.next_attempt_at - facts.now)
                yield f"Event {event.row} {_why_later(event)}; it is due in {wait}."
            case EventState.CLAIMED:
                yield f"Event {event.row} is being worked on."
            case _:
                yield f"Event {event.row} waits for the next ingest or cycle."


def _why_later(event: WebhookEvent) -> str:
    if not event.error:
        return "was given back"
    return f"failed {times(event.attempts)} ({_clause(event.error)})"


def _due(card: Card, now: datetime) -> str:
    wait = (card.next_attempt_at or now) - now
    return f"in {spoken(wait)}" if wait > timedelta(0) else "at the next cycle"


def _clause(error: str | None) -> str:
    """An error's sentence as a clause, without its full stop."""
    return (error or "nobody could say why").rstrip(".")
