"""`sync_state`: small facts by key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Column, String, delete, func, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col, select

from models.postgres.engine import timestamptz

WATERMARK = "sweep_watermark"
"""moment: when the last complete sweep or import began, by Notion's clock."""
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""A watermark before every card: with it the next sweep reads all cards."""
BOARD = "board"
"""value: {"database_id", "board": `Board.as_json()`}, moment: when it was read last.

Without a moment, the board could not be followed when it was read last."""
BOARD_IDS = "board_ids"
"""With a data source's id. value: `KnownIds`, what its properties, options and views are known
by."""
BOARDS_MADE = "boards_made"
"""value: {"<page id>:<title>": database id}: what `board create` made, by first place and name."""
PIECE_SOURCES = "piece_sources"
"""value: by relation `PieceSource.as_json()`, moment: when the databases were read last."""
BOT = "bot_user"
"""Followed by a token's fingerprint (`models.tables.notion_users`). value: {"id"}: the author of
our own writes."""
IMPORT = "import_progress"
"""value: `ImportProgress.as_json()`, of an unfinished import."""
LAST_GOOD_CYCLE = "last_good_cycle"
"""value: {"by": `models.sync.safety_stop.connection_of`}, moment: when a push cycle last succeeded.

A cycle that works through a backlog sets it every minute. Without a value the board was not
compared since a pause or a restore, and `showrunner.claim_task` gives out no task."""
GOOD_WITHIN: Final = timedelta(minutes=5)
"""Without a good cycle for longer, something is wrong: five were due.

Doctor, watchdog, card diagnosis and the safety stop use this threshold.
"""
FAILED_CYCLE = "last_failed_cycle"
"""value: {"error"}, moment: when a push cycle last failed."""
WATCH = "watch"
"""value: {"since": start of the uninterrupted watch}, moment: of its last check."""
ENROLLED = "verification_token"
"""value: {"token"}: the webhook secret that a handshake delivered."""
CHANNELS = "channels"
"""value: {"ids", "texts", "wrong"}: the channels of the last cycle, the contents of their files by
id, and the invalid files."""
PRESENCE = "presence"
"""value: `Rounds.as_json()`: progress of the check that every card is still on the board."""
PEOPLE = "people"
"""value: names by Notion user id (`models.tables.notion_users`), moment: when Notion last refused
to return one."""
DAILY_BUDGET = "production_daily_budget"
"""value: {"usd"}: what all channels together may spend in a day, as text; `showrunner.claim_task`
reads it. No row for no limit."""
CONFIRMED = "push_confirmed"
"""moment: when the operator confirmed the waiting cards (`models.sync.safety_stop`); deleted when
it was used."""


WATCH_BREAK = timedelta(minutes=2)
"""A longer pause between two checks interrupts the watch; a restart is shorter."""


class SyncState(SQLModel, table=True):
    """One fact: a JSON value, a moment, or both."""

    __tablename__ = "sync_state"

    key: str = Field(sa_column=Column(String(100), primary_key=True))
    value: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    moment: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    updated_at: datetime = Field(
        sa_column=Column(timestamptz(), nullable=False, server_default=func.now())
    )


async def get_value(session: AsyncSession, key: str) -> dict[str, Any] | None:
    """The value under a key, None when there is none."""
    return (await session.scalars(select(SyncState.value).where(SyncState.key == key))).first()


async def get_moment(session: AsyncSession, key: str) -> datetime | None:
    """The moment under a key, None when there is none."""
    return (await session.scalars(select(SyncState.moment).where(SyncState.key == key))).first()


async def remember(
    session: AsyncSession,
    key: str,
    *,
    value: dict[str, Any] | None = None,
    moment: datetime | None = None,
) -> None:
    """Set the value and the moment under a key."""
    row = insert(SyncState).values(
        key=key, value=value, moment=moment, updated_at=func.clock_timestamp()
    )
    new = {
        "value": row.excluded.value,
        "moment": row.excluded.moment,
        "updated_at": row.excluded.updated_at,
    }
    await session.execute(row.on_conflict_do_update(index_elements=["key"], set_=new))


async def remember_once(session: AsyncSession, key: str, *, value: dict[str, Any]) -> bool:
    """Set the value under a key; False, and no change, when the key exists."""
    row = (
        insert(SyncState)
        .values(key=key, value=value)
        .on_conflict_do_nothing()
        .returning(col(SyncState.key))
    )
    return (await session.execute(row)).first() is not None


async def forget(session: AsyncSession, key: str) -> bool:
    """Delete a key; False when there was none."""
    deleted = await session.execute(
        delete(SyncState).where(col(SyncState.key) == key).returning(col(SyncState.key))
    )
    return deleted.first() is not None


async def record_daily_budget(session: AsyncSession, usd: Decimal | None) -> None:
    """Store what all channels together may spend in a day; None for no limit.

    Writes only what changed.
    """
    value = None if usd is None else {"usd": str(usd)}
    if await get_value(session, DAILY_BUDGET) == value:
        return
    if value is None:
        await forget(session, DAILY_BUDGET)
    else:
        await remember(session, DAILY_BUDGET, value=value)


async def watched_since(session: AsyncSession, now: datetime) -> datetime:
    """Record a check of the watchdog; since when it checks without a break, over all processes."""
    query = text(
        "INSERT INTO sync_state AS s (key, value, moment, updated_at) "
        "VALUES (:key, jsonb_build_object('since', CAST(:said AS text)), :now, clock_timestamp()) "
        "ON CONFLICT (key) DO UPDATE SET moment = greatest(s.moment, excluded.moment), "
        "updated_at = clock_timestamp(), "
        "value = CASE WHEN s.moment < :broken THEN excluded.value ELSE s.value END "
        "RETURNING s.value ->> 'since'",
    )
    values = {"key": WATCH, "said": now.isoformat(), "now": now, "broken": now - WATCH_BREAK}
    return datetime.fromisoformat((await session.execute(query, values)).scalar_one())
