"""Sort a batch of webhook events by what must be done about each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.rules.board_schema import Board
from models.rules.notion_ids import page_id_of
from models.sync.writes.lost_updates import ReportedEdit, parse_reported_edit
from models.tables import webhook_events as inbox
from models.tables.webhook_events import WebhookEvent

_NO_DATABASE = (
    "page",
    "block",
    "space",
    "team",
    "agent",
    "page_id",
    "block_id",
    "workspace",
    "agent_id",
)
"""Types of a parent that is no database: a webhook's words, then those of the page objects that
automations send. `database` is missing because it does not say which of its data sources is meant.
A tuple, because a payload may hold any type there, and some cannot be looked up in a set."""


@dataclass
class EventBatch:
    """A batch of events, sorted by what must be done.

    Attributes:
        pages: row ids of our events by the page to read.
        trashed: pages that are said to have left the board, which no query shows.
        finished: row ids of events that need no reading, by the outcome to store.
        reported: users' edits that the events report, by page.
        read: pages that were read and stored.
        schema_changed: whether an event says that the board's properties changed.
    """

    events: Sequence[WebhookEvent]
    pages: dict[str, list[int]] = field(default_factory=dict)
    trashed: set[str] = field(default_factory=set)
    finished: dict[str, list[int]] = field(default_factory=dict)
    reported: dict[str, list[ReportedEdit]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    schema_changed: bool = False

    def __str__(self) -> str:
        """How many cards, for a task's name in the Prefect UI."""
        return f"{len(self.pages)} cards"

    @property
    def left(self) -> list[int]:
        """Row ids of events whose pages were not read yet."""
        return [row for page, rows in self.pages.items() if page not in self.read for row in rows]

    @property
    def undone(self) -> list[WebhookEvent]:
        """Events of which nothing is stored yet."""
        rows = {*self.left, *(row for finished in self.finished.values() for row in finished)}
        return [event for event in self.events if event.row in rows]


def sort_events(
    events: Sequence[WebhookEvent], board: Board, me: Collection[str], cards: Collection[str]
) -> EventBatch:
    """Sort events. Those about our own writes and about other pages need no reading.

    Args:
        me: the Notion users that our own writes are attributed to.
        cards: those of the pages that are known cards: one of them that lies elsewhere was moved
            away from the board.
    """
    batch = EventBatch(events=events)
    for event in events:
        outcome = _outcome_without_reading(event, board, me, cards)
        batch.schema_changed |= event.event_type == inbox.SCHEMA_UPDATED and outcome == "not_a_page"
        if outcome is not None or event.page_id is None:
            batch.finished.setdefault(outcome or "not_a_page", []).append(event.row)
            continue
        batch.pages.setdefault(event.page_id, []).append(event.row)
        edit = parse_reported_edit(event.payload, event.received_at, board, me)
        if edit is not None:
            batch.reported.setdefault(event.page_id, []).append(edit)
        if event.event_type in {"page.deleted", "page.moved"}:
            batch.trashed.add(event.page_id)
    return batch


def _outcome_without_reading(
    event: WebhookEvent, board: Board, me: Collection[str], cards: Collection[str]
) -> str | None:
    """The outcome of an event that needs no reading; None if its page must be read."""
    if inbox.is_own_echo(event.event_type, event.payload, me):
        return "own_write"
    entity = event.payload.get("entity")
    if event.event_type == inbox.SCHEMA_UPDATED and isinstance(entity, dict):
        ours = entity.get("id") in (None, board.data_source_id)
        return "not_a_page" if ours else "other_database"
    if event.page_id is None or page_id_of(event.page_id) is None:
        return "not_a_page"
    if event.page_id in cards:
        return None
    return _outcome_elsewhere(event.payload, board)


def _outcome_elsewhere(payload: Mapping[str, Any], board: Board) -> str | None:
    """The outcome for an unknown page whose event says where it lies; None if it does not."""
    data = payload.get("data")
    parent = data.get("parent") if isinstance(data, dict) else None
    if not isinstance(parent, dict):
        return None
    source = parent.get("data_source_id")
    if source is None and parent.get("type") in _NO_DATABASE:
        return "not_a_card"
    if source is not None and source != board.data_source_id:
        return "other_database"
    return None
