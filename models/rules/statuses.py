"""The 26 board statuses, the 9 states of a task, the two maps between them, and who may move what.

Source: spec sections 1.2 and 6.4 for the names and maps; the moves are this project's answer to
"PostgreSQL wins" and "people gate, the pipeline moves". The pair (status, board_status) is
lossless: see `STATE_OF`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Status(StrEnum):
    """The state of a task, stored by value in `tasks.status`."""

    DRAFT = "draft"
    PENDING = "pending"
    PROCESSING = "processing"
    AWAITING_REVIEW = "awaiting_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    COMPLETED = "completed"
    FAILED = "failed"
    RETRY = "retry"


class BoardStatus(StrEnum):
    """The columns of the board in the order of spec 1.2, stored in `tasks.board_status`."""

    DRAFT = "Draft"
    READY_FOR_PLANNING = "Ready for Planning"
    QUEUED = "Queued"
    PROCESSING = "Processing"
    ASSETS_GENERATING = "Assets Generating"
    ASSETS_READY = "Assets Ready"
    COMPOSITES_CREATING = "Composites Creating"
    COMPOSITES_READY = "Composites Ready"
    VIDEOS_GENERATING = "Videos Generating"
    VIDEOS_READY = "Videos Ready"
    AUDIO_GENERATING = "Audio Generating"
    AUDIO_READY = "Audio Ready"
    SFX_GENERATING = "SFX Generating"
    SFX_READY = "SFX Ready"
    ASSEMBLING_VIDEO = "Assembling Video"
    READY_FOR_REVIEW = "Ready for Review"
    UNDER_REVIEW = "Under Review"
    REVIEW_APPROVED = "Review Approved"
    REVIEW_REJECTED = "Review Rejected"
    UPLOADING = "Uploading"
    UPLOAD_COMPLETE = "Upload Complete"
    ERROR_INVALID_INPUT = "Error: Invalid Input"
    ERROR_API_FAILURE = "Error: API Failure"
    ERROR_RETRIABLE = "Error: Retriable"
    ERROR_MANUAL_REVIEW = "Error: Manual Review"
    ARCHIVED = "Archived"


class Priority(StrEnum):
    """How urgent a task is, stored by value in `tasks.priority`."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"

    @property
    def option(self) -> str:
        """The name of this priority's option on the board (spec 5.3)."""
        return self.value.title()


B = BoardStatus

STATE_OF: Mapping[BoardStatus, Status] = MappingProxyType(
    {
        B.DRAFT: Status.DRAFT,
        B.READY_FOR_PLANNING: Status.DRAFT,
        B.QUEUED: Status.PENDING,
        B.PROCESSING: Status.PROCESSING,
        B.ASSETS_GENERATING: Status.PROCESSING,
        B.ASSETS_READY: Status.PROCESSING,
        B.COMPOSITES_CREATING: Status.PROCESSING,
        B.COMPOSITES_READY: Status.PROCESSING,
        B.VIDEOS_GENERATING: Status.PROCESSING,
        B.VIDEOS_READY: Status.PROCESSING,
        B.AUDIO_GENERATING: Status.PROCESSING,
        B.AUDIO_READY: Status.PROCESSING,
        B.SFX_GENERATING: Status.PROCESSING,
        B.SFX_READY: Status.PROCESSING,
        B.ASSEMBLING_VIDEO: Status.PROCESSING,
        B.READY_FOR_REVIEW: Status.AWAITING_REVIEW,
        B.UNDER_REVIEW: Status.AWAITING_REVIEW,
        B.REVIEW_APPROVED: Status.APPROVED,
        B.REVIEW_REJECTED: Status.REJECTED,
        B.UPLOADING: Status.PROCESSING,
        B.UPLOAD_COMPLETE: Status.COMPLETED,
        B.ERROR_INVALID_INPUT: Status.FAILED,
        B.ERROR_API_FAILURE: Status.FAILED,
        B.ERROR_RETRIABLE: Status.RETRY,
        B.ERROR_MANUAL_REVIEW: Status.FAILED,
        B.ARCHIVED: Status.COMPLETED,
    },
)
"""The state each board status belongs to. Every board status belongs to exactly one."""

CANONICAL: Mapping[Status, BoardStatus] = MappingProxyType(
    {
        Status.DRAFT: B.DRAFT,
        Status.PENDING: B.QUEUED,
        Status.PROCESSING: B.PROCESSING,
        Status.AWAITING_REVIEW: B.READY_FOR_REVIEW,
        Status.APPROVED: B.REVIEW_APPROVED,
        Status.REJECTED: B.REVIEW_REJECTED,
        Status.COMPLETED: B.UPLOAD_COMPLETE,
        Status.FAILED: B.ERROR_MANUAL_REVIEW,
        Status.RETRY: B.ERROR_RETRIABLE,
    },
)
"""The column that stands for a state if nothing finer is known."""

NOTION_TO_INTERNAL_STATUS: Mapping[str, str] = MappingProxyType(
    {b.value: s.value for b, s in STATE_OF.items()}
)
INTERNAL_TO_NOTION_STATUS: Mapping[str, str] = MappingProxyType(
    {s.value: b.value for s, b in CANONICAL.items()}
)
"""The spec's names (6.4) for the two maps, by plain text."""

ERRORS = (B.ERROR_INVALID_INPUT, B.ERROR_API_FAILURE, B.ERROR_RETRIABLE, B.ERROR_MANUAL_REVIEW)
PLANNING = (B.DRAFT, B.READY_FOR_PLANNING)

AFTER_GATE: Mapping[BoardStatus, BoardStatus] = MappingProxyType(
    {
        B.ASSETS_READY: B.COMPOSITES_CREATING,
        B.COMPOSITES_READY: B.VIDEOS_GENERATING,
        B.VIDEOS_READY: B.AUDIO_GENERATING,
        B.AUDIO_READY: B.SFX_GENERATING,
        B.SFX_READY: B.ASSEMBLING_VIDEO,
    }
)
"""The columns that may be gates, and where a card goes on when its gate is passed."""

IN_WORK = tuple(column for column, state in STATE_OF.items() if state is Status.PROCESSING)
"""Columns in which a worker works on the task, or may go on with it."""

PEOPLE_MAY_MOVE: Mapping[BoardStatus, frozenset[BoardStatus]] = MappingProxyType(
    {
        B.DRAFT: frozenset({B.READY_FOR_PLANNING, B.QUEUED, B.ARCHIVED}),
        B.READY_FOR_PLANNING: frozenset({B.DRAFT, B.QUEUED, B.ARCHIVED}),
        B.QUEUED: frozenset({*PLANNING, B.ARCHIVED}),
        **{column: frozenset({B.ARCHIVED}) for column in IN_WORK},
        B.READY_FOR_REVIEW: frozenset({B.UNDER_REVIEW, B.REVIEW_APPROVED, B.REVIEW_REJECTED}),
        B.UNDER_REVIEW: frozenset({B.READY_FOR_REVIEW, B.REVIEW_APPROVED, B.REVIEW_REJECTED}),
        B.REVIEW_APPROVED: frozenset({B.UNDER_REVIEW}),
        B.REVIEW_REJECTED: frozenset({*PLANNING, B.QUEUED, B.UNDER_REVIEW, B.ARCHIVED}),
        **{error: frozenset({*PLANNING, B.QUEUED, B.ARCHIVED}) for error in ERRORS},
        B.UPLOAD_COMPLETE: frozenset({B.ARCHIVED, B.DRAFT}),
        B.ARCHIVED: frozenset({B.DRAFT}),
    },
)
"""Where users may drag a card on the board. Archived stops what is in work."""

PEOPLE_MAY_MOVE_AT_GATE: Mapping[BoardStatus, frozenset[BoardStatus]] = MappingProxyType(
    {done: frozenset({after, B.QUEUED, B.ARCHIVED}) for done, after in AFTER_GATE.items()}
)
"""Where users may drag a card that waits at a gate of its channel: the next working column
approves, Queued rejects, Archived stops.

The review of the film has its columns in `PEOPLE_MAY_MOVE`.
"""

STARTS = (*PLANNING, B.QUEUED)
"""Where a new card may stand: in any other column, work that was never done would be skipped."""

FINISHED = frozenset(column for column, state in STATE_OF.items() if state is Status.COMPLETED)

PEOPLE_MAY_MOVE_UNFOLLOWED = frozenset({*STARTS, B.ARCHIVED})
"""Where users may drag a card without a task in a later column (an old, invalid card)."""

FREE_OF_RULES = frozenset({*PLANNING, B.ARCHIVED})
"""Columns that an invalid card may stand in: nothing is produced from them."""


def board_status(name: str | None) -> BoardStatus | None:
    """The board status of that exact name; None for an unknown one.

    A missing status is Draft (spec 1.1).
    """
    if name is None:
        return BoardStatus.DRAFT
    try:
        return BoardStatus(name)
    except ValueError:
        return None


def priority(name: str | None) -> Priority:
    """The priority of a board option; a missing or unknown one is Normal (spec 2.1)."""
    try:
        return Priority((name or "").lower())
    except ValueError:
        return Priority.NORMAL


def people_may_move(
    from_: BoardStatus, to: BoardStatus, gates: Collection[BoardStatus] = ()
) -> bool:
    """Whether a user may drag a card from one column to another. Staying is no move."""
    return to in moves_of_people(from_, gates=gates)


def moves_of_people(
    from_: BoardStatus, *, followed: bool = True, gates: Collection[BoardStatus] = ()
) -> frozenset[BoardStatus]:
    """Where users may drag a card that stands there.

    Args:
        followed: whether the card has a task, or stands in a column where it may wait for one.
        gates: the columns in which a task of the card's channel waits for a person.
    """
    if not followed:
        return PEOPLE_MAY_MOVE_UNFOLLOWED - {from_}
    if from_ in gates and from_ in PEOPLE_MAY_MOVE_AT_GATE:
        return PEOPLE_MAY_MOVE_AT_GATE[from_]
    return PEOPLE_MAY_MOVE.get(from_, frozenset())


@dataclass(frozen=True, kw_only=True)
class LostValue:
    """A user's value that is not stored; the history keeps it.

    Attributes:
        action: `refused` (it was not allowed), `overruled` (the database changed too, and wins),
            `waiting` (it is accepted once the card is valid) or `put_back` (the card cannot stay
            where it stood).
        reason: `not_yours`, `invalid_card`, `unknown_option`, `emptied`, `both_changed`,
            `starts_late` or `older_database`.
    """

    property: str
    action: str
    reason: str
    value: str | None
    kept: str | None


@dataclass(frozen=True, kw_only=True)
class Decision(Generic[Value]):
    """What becomes of one property that both users and the database may change.

    Attributes:
        agreed: the merge base from now on.
        database: the database's value from now on.
        lost: the edit that was not accepted.
        rejection: the message about it.
        moved: whether the database's value changes: a user's edit was accepted, or a rule moved the
            card.
        waits: whether the board's value is accepted once the card is valid, if it still stands
            there.
    """

    agreed: Value
    database: Value
    lost: tuple[LostValue, ...] = ()
    rejection: str = ""
    moved: bool = False
    waits: bool = False
