"""The functions of the schema `showrunner` that own production calls."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.errors import LeaseLost
from models.postgres.engine import Sessions
from models.tables.production.leases import LeaseRow

_NOT_HELD = "SR001"
"""SQLSTATE of a function for a lease that is not the caller's."""


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A video that was claimed.

    Attributes:
        board_status: where it stands now: Processing when it came from Queued.
    """

    task_id: UUID
    title: str
    channel_id: str
    story_direction: str | None
    board_status: str


async def claim(
    session: AsyncSession,
    worker: str,
    lease: timedelta,
    *,
    channels: Collection[str],
    uploads: Collection[str],
) -> Claimed | None:
    """Claim the next video; None when there is none.

    Args:
        channels: those that are made here.
        uploads: those of them whose approved films are uploaded.
    """
    rows = await _call(
        session,
        "claim_step",
        worker=worker,
        lease=lease,
        channels=sorted(channels),
        uploads=sorted(uploads),
    )
    wanted = ("task_id", "title", "channel_id", "story_direction", "board_status")
    return next((Claimed(**{name: row[name] for name in wanted}) for row in rows), None)


async def begin(session: AsyncSession, task: UUID, worker: str, step: str) -> tuple[str, int, int]:
    """Begin a step; returns what `report` answered, the round and the attempt."""
    row = (await _call(session, "begin_step", task=task, worker=worker, of_step=step))[0]
    return row["said"], row["round"] or 1, row["attempt"] or 1


async def heartbeat(sessions: Sessions, task: UUID, worker: str, lease: timedelta) -> str:
    """Prolong a lease; answers continue, stop or lost."""
    async with sessions.begin() as session:
        return await _ask(session, "heartbeat", task=task, worker=worker, lease=lease)


async def report(session: AsyncSession, task: UUID, worker: str, column: str) -> str:
    """Move a video to a column; answers continue, waiting, stop or done."""
    return await _ask(session, "report", task=task, worker=worker, board_status=column)


async def fail(session: AsyncSession, task: UUID, worker: str, kind: str, reason: str) -> str:
    """Move a video to an Error column, which is returned."""
    return await _ask(session, "fail", task=task, worker=worker, kind=kind, reason=reason)


async def offer(
    session: AsyncSession, task: UUID, worker: str, *, retry_at: datetime | None = None
) -> str:
    """Release a video so that it is claimed again where it stands; answers continue or stop."""
    return await _ask(session, "offer_step", task=task, worker=worker, retry_at=retry_at)


async def note_estimate(session: AsyncSession, task: UUID, usd: Decimal | None) -> None:
    """Note what going on after the next gate will cost, for the card; None: it is not known."""
    known = col(LeaseRow.estimate)
    # A lease that is written makes its card's text anew.
    changed = update(LeaseRow).where(col(LeaseRow.task_id) == task, known.is_distinct_from(usd))
    await session.execute(changed.values(estimate=usd))


async def wait_for_jobs(session: AsyncSession, task: UUID, worker: str, detail: str) -> str:
    """Release a video whose step waits for jobs of a service; answers waiting or stop."""
    return await _ask(session, "wait_for_jobs", task=task, worker=worker, detail=detail)


async def offer_collected(session: AsyncSession) -> list[UUID]:
    """Offer the videos whose jobs have all ended."""
    rows = await _call(session, "offer_collected")
    return [row["offer_collected"] for row in rows]


async def return_expired(session: AsyncSession) -> Sequence[RowMapping]:
    """Return the videos whose lease expired; rows with task_id, worker, step, deaths and column."""
    return await _call(session, "return_expired_leases")


async def return_due(session: AsyncSession) -> int:
    """Return the videos whose next attempt is due; how many."""
    return len(await _call(session, "return_due_retries"))


async def is_held(session: AsyncSession, task: UUID, worker: str) -> bool:
    """Lock a task's lease; whether that worker holds it and nobody wants it stopped."""
    held = text(
        "SELECT showrunner.is_stopped(l) FROM leases AS l "
        "WHERE l.task_id = :task AND l.worker = :worker FOR UPDATE OF l"
    )
    # The task first, then its lease: the order of all writers, so that none can deadlock.
    await session.execute(text("SELECT FROM tasks WHERE id = :task FOR UPDATE"), {"task": task})
    stopped = (await session.execute(held, {"task": task, "worker": worker})).scalar()
    return stopped is False


async def is_concerned(session: AsyncSession) -> bool:
    """Whether there is anything to dispatch: a channel that is produced here, or any lease."""
    wanted = text(
        "SELECT EXISTS (SELECT FROM channels WHERE producer = 'showrunner') "
        "OR EXISTS (SELECT FROM leases)"
    )
    return bool((await session.execute(wanted)).scalar_one())


async def _ask(session: AsyncSession, function: str, **given: Any) -> str:
    return str((await _call(session, function, **given))[0][function])


async def _call(session: AsyncSession, function: str, **given: Any) -> Sequence[RowMapping]:
    """Call a function.

    Raises:
        LeaseLost: the lease is not that worker's.
    """
    arguments = ", ".join(f'"{name}" => {_typed(name, value)}' for name, value in given.items())
    statement = text(f"SELECT * FROM showrunner.{function}({arguments})")  # noqa: S608 - own names
    try:
        return (await session.execute(statement, given)).mappings().all()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _NOT_HELD:
            raise LeaseLost(str(error.orig)) from error
        raise


def _typed(name: str, value: Any) -> str:
    """The placeholder of a value, with a type where the driver cannot know it."""
    kinds = {"retry_at": "timestamptz", "channels": "text[]", "uploads": "text[]"}
    if name in kinds:
        return f"CAST(:{name} AS {kinds[name]})"
    if isinstance(value, str):
        return f"CAST(:{name} AS text)"
    return f":{name}"
