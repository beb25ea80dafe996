"""`cards`: one row per page of the board, valid or not: what is remembered of it (what has to be pushed: `differs`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Column, ForeignKey, Index, String, Text, and_, or_, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col, select

from models.postgres.engine import timestamptz
from models.rules.backoff import Backoff
from models.rules.codec import BoardCard
from models.rules.merge_base import MergeBase, NotionValues, TaskState
from models.rules.statuses import BoardStatus, Priority
from models.rules.validation import Violation
from models.tables.push_queue import DIFFERING_ONLY, KEPT_BY_DATABASE, WAITING_ONLY
from models.tables.task import Task

TOLD_FOR = timedelta(days=1)
"""How long a card tells of a refusal, unless a move ends it before (design: section 5)."""
RETRIES: Final = Backoff(first=timedelta(seconds=30), longest=timedelta(hours=1))


class Card(SQLModel, table=True):
    """What is remembered of one page (see `models.rules.merge_base` for `base_*`, `shown_*` and `lacking`).

    Attributes:
        attention: what the card should tell its editor.
        edited_at: Notion's last edit time at the last look; whole minutes.
        attempts: pushes that failed since the last good one; `next_attempt_at` and `last_error` belong to it.
        trashed_at: when the page was found in the trash, gone, or moved away; nothing is pushed to it then.
        missing_at: when Notion did not find the page, or nobody had watched it go to the trash; while `trashed_at` is
            empty, the card waits for the operator (see `models.sync.safety_stop`).
        held_at: since when a person's move that nobody watched waits to be put back.
        told_at: since when it tells of `refusal`; None while there is none.
        unqueued_at: the task's `status_changed_at` after it was taken out of the queue for that; None when it was not.
        made_at: when Notion made the page; whole minutes; None for a card not looked at since this is kept.
        unreadable: whether the page holds something that could not be read; `last_error` says why. Nothing is written
            to it before it was read.
        seen_at: when the last look that counted had ended: a look that began before that may be older, and is void.
        waits_for, status_kept_until: a move that waits until the card is valid (see `models.rules.merge_base.Base`).
        recent: `models.sync.lost_updates.Recent.as_json()`, the card's last moments.
        sending: `models.sync.recent_writes.sending()`, the write that was sent last and whose answer is not stored.
    """

    __tablename__ = "cards"
    __table_args__ = (
        Index("ix_cards_trashed_at", "trashed_at", postgresql_where=text("trashed_at IS NOT NULL")),
        Index("ix_cards_missing_at", "missing_at", postgresql_where=text("missing_at IS NOT NULL")),
        Index("ix_cards_held_at", "held_at", postgresql_where=text("held_at IS NOT NULL")),
        Index("ix_cards_told_at", "told_at", postgresql_where=text("told_at IS NOT NULL")),
        Index("ix_cards_made_at", "made_at", postgresql_where=text("trashed_at IS NULL")),
        Index("ix_cards_unreadable", "next_attempt_at", postgresql_where=text("unreadable")),
        *KEPT_BY_DATABASE,
        DIFFERING_ONLY,
        WAITING_ONLY,
    )
    # Not mapped: an object that is held for a while must not write back what the database keeps
    # itself.
    __mapper_args__ = {"exclude_properties": [column.name for column in KEPT_BY_DATABASE]}

    notion_page_id: str = Field(sa_column=Column(String(100), primary_key=True))
    task_id: UUID | None = Field(
        default=None,
        # Checked at the commit: a card and its new task are written in one flush, in no promised
        # order.
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
    shown_status: str | None = Field(default=None, sa_column=Column(Text))
    shown_priority: str | None = Field(default=None, sa_column=Column(Text))
    shown_created: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    shown_updated: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    shown_attention: str = Field(
        default="", sa_column=Column(Text, nullable=False, server_default="")
    )
    lacking: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    attention: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    violations: list[dict[str, str]] = Field(
        default_factory=list,
        sa_column=Column(JSONB, nullable=False, server_default="[]"),
    )
    refusal: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    refused_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    told_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
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
    seen_at: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    recent: dict[str, Any] = Field(
        default_factory=dict,
        sa_column=Column(JSONB, nullable=False, server_default="{}"),
    )
    sending: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))

    @property
    def base(self) -> MergeBase | None:
        """What `plan` needs to know of the card; None before its first look."""
        if self.first_seen_at is None:
            return None
        shown = NotionValues(
            status=self.shown_status,
            priority=self.shown_priority,
            created=self.shown_created,
            updated=self.shown_updated,
            attention=self.shown_attention,
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
            lacking=frozenset(self.lacking),
            refusal=self.refusal,
            refused_at=self.refused_at,
            waits_for=BoardStatus(self.waits_for) if self.waits_for is not None else None,
            status_kept_until=self.status_kept_until,
        )

    def as_seen(self, now: datetime) -> BoardCard:
        """The card as it was last seen, to be judged again when the rules changed and the card did not."""
        return BoardCard(
            page_id=self.notion_page_id,
            title=self.base_title,
            channel=self.base_channel,
            topic=self.base_topic,
            story_direction=self.base_story_direction,
            status=self.shown_status,
            priority=self.shown_priority,
            created=self.shown_created,
            updated=self.shown_updated,
            attention=self.shown_attention,
            created_time=self.base_created or self.first_seen_at or now,
            edited_at=self.edited_at or now,
            edited_by=None,
            in_trash=False,
            relations={},
        )

    def remember(self, base: MergeBase, violations: Sequence[Violation], attention: str) -> None:
        """Take over what a plan or a push says is to be remembered."""
        self.base_title, self.base_channel, self.base_topic = base.title, base.channel, base.topic
        self.base_story_direction = base.story_direction
        self.base_status = base.status.value if base.status is not None else None
        self.base_priority = base.priority.value
        self.base_created, self.base_updated = base.created, base.updated
        self.shown_status, self.shown_priority = base.shown.status, base.shown.priority
        self.shown_created, self.shown_updated = base.shown.created, base.shown.updated
        self.shown_attention = base.shown.attention
        self.lacking = sorted(base.lacking)
        self.refusal, self.refused_at = base.refusal, base.refused_at
        self.waits_for = base.waits_for.value if base.waits_for is not None else None
        self.status_kept_until = base.status_kept_until
        self.violations = [
            {"field": v.field, "reason": v.reason, "message": v.message} for v in violations
        ]
        self.attention = attention

    def standing(self, now: datetime) -> MergeBase | None:
        """`base`, without a refusal that was told for long enough."""
        base = self.base
        over = base is not None and self.told_at is not None and now - self.told_at >= TOLD_FOR
        return replace(base, refusal="", refused_at=None) if base is not None and over else base

    def known_violations(self) -> tuple[Violation, ...]:
        """The violations of the last look."""
        return tuple(Violation(**violation) for violation in self.violations)

    def failed(self, error: str, now: datetime) -> None:
        """The card could not be written or read: wait 30 s, 1 min, 2 min, … at most an hour before the next try."""
        self.attempts += 1
        self.last_error = error[:2000]
        self.next_attempt_at = now + RETRIES.delay(self.attempts)

    def succeeded(self) -> None:
        """A push of this card worked, or none is needed any more."""
        self.attempts, self.next_attempt_at, self.last_error = 0, None, None

    def understood(self) -> None:
        """The page was read, or there is nothing to be read any more."""
        if self.unreadable:
            self.unreadable = False
            self.succeeded()


def task_state(task: Task) -> TaskState:
    """The part of a task that a card can show or ask for."""
    return TaskState(
        title=task.title,
        channel_id=task.channel_id,
        topic=task.topic,
        story_direction=task.story_direction,
        board_status=BoardStatus(task.board_status),
        priority=Priority(task.priority),
        created_at=task.created_at,
        status_changed_at=task.status_changed_at,
    )


async def cards_of(
    session: AsyncSession, page_ids: Collection[str], *, making: Collection[str] = ()
) -> Mapping[str, Card]:
    """The rows of those pages that have one, locked till the commit in one order.

    Who wants their tasks too must hold them before: `models.sync.row_locks`.

    Args:
        making: those of them that are known to be cards: where their rows are missing they are
            made.
    """
    wanted = sorted(set(page_ids))
    if not wanted:
        return {}
    if making:
        blank = insert(Card).values(
            [{"notion_page_id": page_id} for page_id in sorted(set(making))]
        )
        await session.execute(blank.on_conflict_do_nothing())
    rows = await session.scalars(
        select(Card)
        .where(col(Card.notion_page_id).in_(wanted))
        .order_by(Card.notion_page_id)
        .with_for_update(),
        execution_options={"populate_existing": True},
    )
    return {card.notion_page_id: card for card in rows}


async def card_and_task(session: AsyncSession, page_id: str) -> tuple[Card, Task | None] | None:
    """A card and its task, unlocked; None for a page never seen."""
    card = await session.get(Card, page_id)
    if card is None:
        return None
    return card, await session.get(Task, card.task_id) if card.task_id is not None else None


async def cards_of_other_channels(session: AsyncSession, channels: Sequence[str]) -> list[Card]:
    """Cards that the channels configured now concern: those told which to choose from, and those whose own went."""
    blamed = col(Card.violations).contains([{"field": "Channel"}])
    known = col(Card.base_channel).in_(channels)
    rows = await session.scalars(
        select(Card).where(
            col(Card.trashed_at).is_(None),
            col(Card.first_seen_at).is_not(None),
            or_(blamed, ~known),
        )
    )
    return list(rows)


async def others_to_write(
    session: AsyncSession, page_ids: Sequence[str], *, limit: int
) -> list[str]:
    """Other pages than these that can most likely be written: not in the trash, without failed writes.

    Those that are not about to be written come first, then those that a push comes to last.
    """
    known = (col(Card.trashed_at).is_(None), col(Card.first_seen_at).is_not(None))
    query = select(Card.notion_page_id).where(*known, col(Card.notion_page_id).not_in(page_ids))
    order = (
        col(Card.attempts),
        text("differs <> 0"),
        text("task_status_changed_at DESC NULLS FIRST"),
    )
    return list(await session.scalars(query.order_by(*order).limit(limit)))


async def cards_kept_long_enough(session: AsyncSession, *, now: datetime) -> list[Card]:
    """Cards that must be judged again because a waiting time is over.

    Either the card has shown its refusal for `TOLD_FOR`; or its Status was left unchanged for a
    move that waits, and that time has passed or the pipeline has moved the task.
    """
    over = text("(status_kept_until <= :now OR task_board_status <> base_status)").bindparams(
        now=now
    )
    kept = and_(col(Card.status_kept_until).is_not(None), over)
    told = col(Card.told_at) <= now - TOLD_FOR
    return list(
        await session.scalars(select(Card).where(col(Card.trashed_at).is_(None), or_(kept, told)))
    )


async def live_cards(session: AsyncSession, page_ids: Collection[str]) -> set[str]:
    """Those of the pages that are cards and not known to be in the trash."""
    query = select(Card.notion_page_id).where(
        col(Card.notion_page_id).in_(page_ids),
        col(Card.trashed_at).is_(None),
        col(Card.first_seen_at).is_not(None),
    )
    return set(await session.scalars(query))


async def count_cards(session: AsyncSession) -> int:
    """How many cards are followed or could be (not in the trash)."""
    query: Any = text(
        "SELECT count(*) FROM cards WHERE trashed_at IS NULL AND first_seen_at IS NOT NULL"
    )
    return int((await session.execute(query)).scalar_one())


async def count_notes(session: AsyncSession) -> int:
    """How many cards show in Attention what people wrote before we did."""
    query = text(
        "SELECT count(*) FROM cards WHERE trashed_at IS NULL AND 'Attention' = ANY (lacking) AND shown_attention <> ''"
    )
    return int((await session.execute(query)).scalar_one())
