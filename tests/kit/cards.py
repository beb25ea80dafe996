"""Boards, pages and cards to judge: each maker takes only what its test is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from models.rules.board_schema import Board, Property
from models.rules.codec.read import BoardCard
from models.rules.merge import Plan, plan
from models.rules.merge_base import MergeBase, NotionValues, TaskState
from models.rules.statuses import BoardStatus, Priority
from models.rules.validation import Violation

NOW: Final = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
"""The minute tests begin at."""
EARLIER: Final = NOW - timedelta(days=2)
"""When the task's status last changed."""

NO_TOPIC: Final = Violation(field="Topic", reason="missing", message="Topic is empty.")
NO_TITLE: Final = Violation(field="Title", reason="missing", message="Title is empty.")

STATUSES: Final = tuple(s.value for s in BoardStatus)
KINDS: Final = {
    "Title": "title",
    "Channel": "select",
    "Topic": "rich_text",
    "Story Direction": "rich_text",
    "Status": "select",
    "Priority": "select",
    "Created": "date",
    "Updated": "date",
    "Attention": "rich_text",
    "Assets": "relation",
    "Videos": "relation",
    "Audio": "relation",
}
OPTIONS: Final = {
    "Status": STATUSES,
    "Priority": ("Low", "Normal", "High"),
    "Channel": ("deep_sea", "history"),
}


def make_board(*, without: Sequence[str] = (), **kinds: str) -> Board:
    """A board that has every property with its own id; `Status="status"` changes a type."""
    wanted = {name: kinds.get(name, kind) for name, kind in KINDS.items() if name not in without}
    return Board(
        data_source_id="source-1",
        properties={
            name: Property(id=f"id-{name}", name=name, type=kind, options=OPTIONS.get(name, ()))
            for name, kind in wanted.items()
        },
    )


def make_page(properties: Mapping[str, Any], **top: Any) -> dict[str, Any]:
    """A page object with the property ids of `make_board`; needed ones are empty by default."""
    empty: dict[str, Any] = {
        "Title": {"type": "title", "title": []},
        "Channel": {"type": "select", "select": None},
        "Topic": {"type": "rich_text", "rich_text": []},
        "Status": {"type": "select", "select": None},
    }
    return {
        "object": "page",
        "id": "page-1",
        "parent": {
            "type": "data_source_id",
            "data_source_id": "source-1",
            "database_id": "database-1",
        },
        "created_time": "2026-11-20T08:15:00.000Z",
        "last_edited_time": "2026-11-23T09:59:00.000Z",
        "last_edited_by": {"object": "user", "id": "ada"},
        "in_trash": False,
        "properties": {
            name: {"id": f"id-{name}", **value} for name, value in {**empty, **properties}.items()
        },
        **top,
    }


def make_card(**values: Any) -> BoardCard:
    """A valid card in Draft, as the board shows it."""
    usual: dict[str, Any] = {
        "page_id": "page-1",
        "title": "The deep",
        "channel": "deep_sea",
        "topic": "Anglerfish",
        "story_direction": "",
        "status": "Draft",
        "priority": "Normal",
        "created": EARLIER,
        "updated": EARLIER,
        "attention": "",
        "created_time": EARLIER,
        "edited_at": EARLIER,
        "edited_by": "ada",
        "in_trash": False,
        "relations": {},
    }
    return BoardCard(**{**usual, **values})


def make_task(**values: Any) -> TaskState:
    """The task of `make_card`, in agreement with it."""
    usual: dict[str, Any] = {
        "title": "The deep",
        "channel_id": "deep_sea",
        "topic": "Anglerfish",
        "story_direction": None,
        "board_status": BoardStatus.DRAFT,
        "priority": Priority.NORMAL,
        "created_at": EARLIER,
        "status_changed_at": EARLIER,
    }
    return TaskState(**{**usual, **values})


def make_base(card: BoardCard | None = None, **values: Any) -> MergeBase:
    """What is remembered of a card that board and database agree on."""
    seen = card or make_card()
    usual: dict[str, Any] = {
        "title": seen.title,
        "channel": seen.channel,
        "topic": seen.topic,
        "story_direction": seen.story_direction,
        "status": BoardStatus(seen.status or "Draft"),
        "priority": Priority((seen.priority or "Normal").lower()),
        "shown": shows(seen),
    }
    return MergeBase(**{**usual, **values})


def shows(card: BoardCard) -> NotionValues:
    """What a card shows of the properties that a push may write."""
    return NotionValues(
        status=card.status,
        priority=card.priority,
        created=card.created,
        updated=card.updated,
        attention=card.attention,
    )


def agreed_on(status: BoardStatus, **task: Any) -> tuple[MergeBase, TaskState]:
    """Base and task of a card that stands in that column on both sides."""
    return make_base(make_card(status=status.value)), make_task(board_status=status, **task)


def replan(made: Plan, card: BoardCard, violations: Sequence[Violation] | None = None) -> Plan:
    """Planning once more with what the first plan says is to be kept."""
    return plan(made.base, card, made.task, made.violations if violations is None else violations)


class StatusOutcome(NamedTuple):
    """What a reading did to Status: the database's and the agreed column, the reason, the move."""

    database: BoardStatus | None
    agreed: BoardStatus | None
    lost: str | None = None
    moved: bool = False


def status_outcome(made: Plan) -> StatusOutcome:
    lost = [entry for entry in made.lost if entry.property == "Status"]
    assert len(lost) <= 1
    column = made.task.board_status if made.task is not None else None
    return StatusOutcome(column, made.base.status, lost[0].reason if lost else None, made.moved)


def observation(
    base: MergeBase | None, shown: str | None, task: TaskState | None, *, valid: bool, **how: Any
) -> Plan:
    """A reading of a card with that Status; `how` as for `plan`, by default no move waits."""
    topic = "Anglerfish" if valid else ""
    return plan(
        base, make_card(status=shown, topic=topic), task, [] if valid else [NO_TOPIC], **how
    )


def agreeing(status: BoardStatus) -> MergeBase:
    return make_base(make_card(status=status.value))
