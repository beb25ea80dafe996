"""`cards`: one row per page of the board, valid or not, with what is remembered of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Column, Double, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.postgres.engine import timestamptz
from models.rules.attention import attention
from models.rules.backoff import Backoff
from models.rules.codec.read import BoardCard
from models.rules.merge import ABSENT
from models.rules.merge_base import MergeBase, NotionValues, ProductionFacts
from models.rules.statuses import BoardStatus, Priority
from models.rules.validation import Violation
from models.tables.push_queue import DIFFERING_ONLY, KEPT_BY_DATABASE, WAITING_ONLY

REJECTION_SHOWN_FOR = timedelta(days=1)
"""How long a card shows a rejection, unless a move ends it before (design: section 5)."""
RETRIES: Final = Backoff(first=timedelta(seconds=30), longest=timedelta(hours=1))


class Card(SQLModel, table=True):
    """What is remembered of one page.

    `models.rules.merge_base` explains `base_*`, `notion_*` (what Notion showed last) and
    `initially_empty`; `models.tables.push_queue` explains `task_*` and `drift_mask`, which only
    the database writes.

    Attributes:
        violations: what made the card invalid when it was read last.
        violation_text: the sentences about them, as the card's editor reads them.
        edited_at: Notion's time of the last edit, as of the last read; whole minutes.
        attempts: writes that failed since the last good one; `next_attempt_at` and `last_error`
            belong to them.
        trashed_at: when the page was found in the trash, deleted or moved away; nothing is written
            to it from then on.
        missing_at: since when Notion does not find the page, or the page is in the trash although
            no webhook said so; while `trashed_at` is empty, the card waits for the operator (see
            `models.sync.safety_stop`).
        held_at: since when a user's move of which no webhook was received waits to be put back.
        rejection_shown_since: since when the card shows `rejection`; None while there is none.
        unqueued_at: the task's `status_changed_at` after it was taken out of the queue because its
            card left the board; None when it was not.
        made_at: when Notion made the page; whole minutes; None until it was read with migration
            0008.
        unreadable: whether the page holds something that could not be read; `last_error` says why.
            Nothing is written to the page before it was read.
        last_read_at: when the last accepted read ended. A read that began before that may be
            older, and is discarded.
        waits_for, status_kept_until: a move that waits until the card is valid (see
            `models.rules.merge_base.MergeBase`).
        recent_activity: `models.sync.writes.lost_updates.RecentActivity.as_json()`.
        production_text, task_progress, task_cost, task_video: what production shows on the card;
            only triggers write them (migration 0024).
        facts_written_at: when Progress, Cost or Video was written last.
        write_in_flight: the write that was sent last and whose answer is not stored yet, as
            `models.sync.writes.recent.write_in_flight()` makes it.
    """

    __tablename__ = "cards"
    __table_args__ = (
        Index("ix_cards_trashed_at", "trashed_at", postgresql_where=text("trashed_at IS NOT NULL")),
        Index("ix_cards_missing_at", "missing_at", postgresql_where=text("missing_at IS NOT NULL")),
        Index("ix_cards_held_at", "held_at", postgresql_where=text("held_at IS NOT NULL")),
        Index(
            "ix_cards_rejection_shown_since",
            "rejection_shown_since",
            postgresql_where=text("rejection_shown_since IS NOT NULL"),
        ),
        Index("ix_cards_made_at", "made_at", postgresql_where=text("trashed_at IS NULL")),
        Index("ix_cards_unreadable", "next_attempt_at", postgresql_where=text("unreadable")),
        *KEPT_BY_DATABASE,
        DIFFERING_ONLY,
        WAITING_ONLY,
    )
    # Not mapped: an object that was loaded earlier must not overwrite what the database keeps.
    __mapper_args__ = {"exclude_properties": [column.name for column in KEPT_BY_DATABASE]}

    notion_page_id: str = Field(sa_column=Column(String(100), primary_key=True))
    task_id: UUID | None = Field(
        default=None,
        # Checked at the commit: one flush writes a card and its new task, in either order.
        sa_column=Column(
            ForeignKey("tasks.id", ondelete="SET NULL", deferrable=True, initially="DEFERRED"),
            unique=True,
            nullable=True,
        ),
    )
    base_title: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    base_channel: str | None = Field(default=None, sa_column=Column(Text))
    base_topic: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    base_story_direction: str = Field(
        default="", sa_column=Column(Text, nullable=False, server_default="")
    )
    base_status: str | None = Field(default=None, sa_column=Column(String(50)))
    base_priority: str = Field(
        default="normal", sa_column=Column(String(50), nullable=False, server_default="normal")
    )
    base_created: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    base_updated: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    notion_status: str | None = Field(default=None, sa_column=Column(Text))
    notion_priority: str | None = Field(default=None, sa_column=Column(Text))
    notion_created: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    notion_updated: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    notion_attention: str = Field(
        default="", sa_column=Column(Text, nullable=False, server_default="")
    )
    notion_progress: float | None = Field(default=None, sa_column=Column(Double))
    notion_cost: float | None = Field(default=None, sa_column=Column(Double))
    notion_video: str | None = Field(default=None, sa_column=Column(Text))
    production_text: str = Field(
        default="", sa_column=Column(Text, nullable=False, server_default="")
    )
    task_progress: float | None = Field(default=None, sa_column=Column(Double))
    task_cost: float | None = Field(default=None, sa_column=Column(Double))
    task_video: str | None = Field(default=None, sa_column=Column(Text))
    facts_written_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    initially_empty: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    violation_text: str = Field(
        default="", sa_column=Column(Text, nullable=False, server_default="")
    )
    violations: list[dict[str, str]] = Field(
        default_factory=list,
        sa_column=Column(JSONB, nullable=False, server_default="[]"),
    )
    rejection: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    rejected_at_status_change: datetime | None = Field(
        default=None, sa_column=Column(timestamptz())
    )
    rejection_shown_since: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    waits_for: str | None = Field(default=None, sa_column=Column(String(50)))
    status_kept_until: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    edited_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    next_attempt_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    last_error: str | None = Field(default=None, sa_column=Column(Text))
    trashed_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    missing_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    held_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    unqueued_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    made_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    unreadable: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    first_seen_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    last_read_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    recent_activity: dict[str, Any] = Field(
        default_factory=dict,
        sa_column=Column(JSONB, nullable=False, server_default="{}"),
    )
    write_in_flight: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB(none_as_null=True))
    )

    @property
    def base(self) -> MergeBase | None:
        """The merge base of the card; None before its first read."""
        if self.first_seen_at is None:
            return None
        shown = NotionValues(
            status=self.notion_status,
            priority=self.notion_priority,
            created=self.notion_created,
            updated=self.notion_updated,
            attention=self.notion_attention,
            progress=self.notion_progress,
            cost=self.notion_cost,
            video=self.notion_video,
        )
        production = ProductionFacts(
            text=self.production_text,
            progress=self.task_progress,
            cost=self.task_cost,
            video=self.task_video,
        )
        return MergeBase(
            title=self.base_title,
            channel=self.base_channel,
            topic=self.base_topic,
            story_direction=self.base_story_direction,
            status=BoardStatus(self.base_status) if self.base_status is not None else None,
            priority=Priority(self.base_priority),
            created=self.base_created,
            updated=self.base_updated,
            shown=shown,
            production=production,
            initially_empty=frozenset(self.initially_empty),
            rejection=self.rejection,
            rejected_at_status_change=self.rejected_at_status_change,
            waits_for=BoardStatus(self.waits_for) if self.waits_for is not None else None,
            status_kept_until=self.status_kept_until,
        )

    def as_seen(self, now: datetime) -> BoardCard:
        """The card as it was read last, to be planned again when only the rules changed."""
        lacks_priority = self.notion_priority == ABSENT
        return BoardCard(
            page_id=self.notion_page_id,
            title=self.base_title,
            channel=self.base_channel,
            topic=self.base_topic,
            story_direction=self.base_story_direction,
            status=self.notion_status,
            priority=None if lacks_priority else self.notion_priority,
            created=self.notion_created,
            updated=self.notion_updated,
            attention=self.notion_attention,
            created_time=self.base_created or self.first_seen_at or now,
            edited_at=self.edited_at or now,
            edited_by=None,
            in_trash=False,
            relations={},
            computed=frozenset({"Priority"} if lacks_priority else ()),
            progress=self.notion_progress,
            cost=self.notion_cost,
            video=self.notion_video,
        )

    @property
    def attention(self) -> str:
        """The text for the card's editor when the card was last planned; '' when there is none."""
        return attention(self.known_violations(), self.rejection, self.production_text)

    def remember(self, base: MergeBase, violations: Sequence[Violation]) -> None:
        """Store the merge base and the violations that a plan or a write resulted in."""
        self.base_title, self.base_channel, self.base_topic = base.title, base.channel, base.topic
        self.base_story_direction = base.story_direction
        self.base_status = base.status.value if base.status is not None else None
        self.base_priority = base.priority.value
        self.base_created, self.base_updated = base.created, base.updated
        self.notion_status, self.notion_priority = base.shown.status, base.shown.priority
        self.notion_created, self.notion_updated = base.shown.created, base.shown.updated
        self.notion_attention = base.shown.attention
        self.notion_progress, self.notion_cost = base.shown.progress, base.shown.cost
        self.notion_video = base.shown.video
        self.initially_empty = sorted(base.initially_empty)
        self.rejection, self.rejected_at_status_change = (
            base.rejection,
            base.rejected_at_status_change,
        )
        self.waits_for = base.waits_for.value if base.waits_for is not None else None
        self.status_kept_until = base.status_kept_until
        self.violations = [
            {"field": v.field, "reason": v.reason, "message": v.message} for v in violations
        ]
        self.violation_text = attention(violations, "")

    def standing(self, now: datetime) -> MergeBase | None:
        """`base`, without a rejection that the card has shown for `REJECTION_SHOWN_FOR`."""
        base, since = self.base, self.rejection_shown_since
        if base is None or since is None or now - since < REJECTION_SHOWN_FOR:
            return base
        return replace(base, rejection="", rejected_at_status_change=None)

    def known_violations(self) -> tuple[Violation, ...]:
        """The violations of the last accepted read."""
        return tuple(Violation(**violation) for violation in self.violations)

    def failed(self, error: str, now: datetime) -> None:
        """Record a failed write or read: retry after 30 s, 1 min, 2 min, … at most an hour."""
        self.attempts += 1
        self.last_error = error[:2000]
        self.next_attempt_at = now + RETRIES.delay(self.attempts)

    def succeeded(self) -> None:
        """Record that a write worked, or that none is needed any more."""
        self.attempts, self.next_attempt_at, self.last_error = 0, None, None

    def understood(self) -> None:
        """Record that the page was read, or that there is nothing left to read."""
        if self.unreadable:
            self.unreadable = False
            self.succeeded()
