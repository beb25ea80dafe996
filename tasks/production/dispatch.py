"""Dispatch: return what expired or is due, and claim the steps that may begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from models.operations.outages import sqlstate_of
from models.postgres.engine import Sessions
from models.production.config import Production, ProductionError, installed_makers, production_of
from models.production.leases import LEASE, SHORTEST, Heartbeat
from models.production.making import Failure, MakerError
from models.production.steps import Step
from models.production.story import StoryError
from models.rules.channels import Channel
from models.rules.statuses import BoardStatus
from models.tables.production import claims
from models.tables.production.claims import Claimed
from models.tables.production.piece_queries import count_under_way, finished_steps
from tasks.production.pauses import paused_until
from tasks.production.plan import Work, next_step, take_snapshot
from tasks.production.video import load_video
from tasks.runtime.context import Context

log = structlog.get_logger("showrunner.production")

_REFUSED: Final = frozenset({"SR002", "SR003"})
"""SQLSTATEs of `showrunner.report` for a column that cannot be reached."""
ROUNDS_MAX: Final = 1_000
"""Claims of one dispatch, after which the next one goes on."""


@dataclass(kw_only=True)
class Dispatched:
    """What a dispatch did.

    Attributes:
        begun: the steps to be run now.
        failed: videos that cannot be produced as they are.
        returned: videos whose lease expired.
        retried: videos whose next attempt was due.
        collects: whether services are working on something.
    """

    begun: list[Work] = field(default_factory=list)
    failed: int = 0
    returned: int = 0
    retried: int = 0
    collects: bool = False

    def __str__(self) -> str:
        """The run's name; empty when nothing was done."""
        counts = {
            "started": len(self.begun),
            "retried": self.retried,
            "returned": self.returned,
            "failed": self.failed,
        }
        return ", ".join(f"{name} {count}" for name, count in counts.items() if count)


async def dispatch_steps(ctx: Context) -> Dispatched:
    """Return what expired and is due, then claim all steps that may begin."""
    done = Dispatched()
    if not await _is_concerned(ctx):
        return done
    await _return_leases(ctx, done)
    produced = await productions(ctx)
    for _ in range(ROUNDS_MAX):
        if not await _claim_next(ctx, produced, done):
            break
    async with ctx.sessions() as session:
        done.collects = bool(await count_under_way(session))
    return done


async def productions(ctx: Context) -> dict[str, tuple[Channel, Production]]:
    """The channels that are produced here, with their blocks, by id."""
    installed, found = installed_makers(), {}
    for id_, channel in (await ctx.channels()).items():
        try:
            block = production_of(channel.settings, installed)
        except ProductionError as error:
            # The alert about the channel's file is sent where the file is read. Steps of the
            # channel that already run are not stopped.
            log.warning("production_block_wrong", channel=id_, error=str(error))
            continue
        if block is not None and block.makers:
            found[id_] = (channel, block)
    return found


async def _is_concerned(ctx: Context) -> bool:
    """Whether anything was ever produced or waits: else not even the channels are read."""
    async with ctx.sessions() as session:
        return await claims.is_concerned(session)


async def _return_leases(ctx: Context, done: Dispatched) -> None:
    async with ctx.sessions.begin() as session:
        expired = await claims.return_expired(session)
        done.retried = await claims.return_due(session)
        await claims.offer_collected(session)
    done.returned = len(expired)
    for row in expired:
        log.warning("lease_expired", **{name: str(value or "") for name, value in row.items()})


async def _claim_next(
    ctx: Context, produced: Mapping[str, tuple[Channel, Production]], done: Dispatched
) -> bool:
    """Claim a step and begin it; False when none may begin."""
    uploads = [id_ for id_, (_, block) in produced.items() if Step.UPLOAD in block.makers]
    worker = f"showrunner-{uuid4().hex[:12]}"
    async with ctx.sessions.begin() as session:
        claimed = await claims.claim(
            session, worker, LEASE, channels=list(produced), uploads=uploads
        )
        if claimed is None:
            return False
        channel, block = produced[claimed.channel_id]
        try:
            async with session.begin_nested():
                work = await _begin(ctx, session, claimed, worker, channel, block)
        except (StoryError, MakerError, DBAPIError) as error:
            kind, reason = _failure(error)
            await claims.fail(session, claimed.task_id, worker, kind, reason)
            done.failed += 1
            return True
    if work is not None:
        done.begun.append(work)
    return True


def _failure(error: Exception) -> tuple[Failure, str]:
    """The kind of an error for which the video itself is the reason, and what its card says.

    Raises:
        The error itself, when it is another one.
    """
    if isinstance(error, MakerError):
        return error.failure, str(error)
    if isinstance(error, StoryError):
        return Failure.INVALID_INPUT, str(error)
    if isinstance(error, DBAPIError) and sqlstate_of(error) in _REFUSED:
        return Failure.MANUAL_REVIEW, (
            "It stands behind a gate that nobody approved; drag the card to Queued."
        )
    raise error


async def _begin(
    ctx: Context,
    session: AsyncSession,
    claimed: Claimed,
    worker: str,
    channel: Channel,
    block: Production,
) -> Work | None:
    """Choose the step and move the card; None when it is stopped, or its maker is paused."""
    await take_snapshot(session, claimed, block)
    video = await load_video(
        session,
        claimed.task_id,
        claimed.title,
        channel=channel,
        production=block,
        root=ctx.settings.production_folder,
    )
    finished = await finished_steps(session, claimed.task_id)
    step = next_step(video, BoardStatus(claimed.board_status), finished)
    until = await paused_until(session, video.maker_of(step), claimed.channel_id)
    said, round_, attempt = await claims.begin(session, claimed.task_id, worker, step)
    if said != "continue":
        return None
    if until is not None and until > ctx.clock():
        await claims.offer(session, claimed.task_id, worker, retry_at=until)
        return None
    return Work(
        task_id=claimed.task_id,
        title=claimed.title,
        channel_id=claimed.channel_id,
        worker=worker,
        step=step,
        round=round_,
        attempt=attempt,
    )


async def offer_again(ctx: Context, work: Work, wait: timedelta) -> None:
    """Release a step whose run could not be started."""
    async with ctx.sessions.begin() as session:
        if await claims.is_held(session, work.task_id, work.worker):
            await claims.offer(session, work.task_id, work.worker, retry_at=ctx.clock() + wait)


async def expire_leases(sessions: Sessions, runs: Iterable[Mapping[str, Any]]) -> bool:
    """Let the leases of runs whose process died expire in seconds; whether there were any.

    They still count as expired: a video that kills every process is for a person in the end.

    Args:
        runs: the parameters of runs; those of other flows than `produce` are left out.
    """
    found = False
    for values in runs:
        if values.keys() >= {"task_id", "worker"}:
            task = UUID(values["task_id"])
            said = await claims.heartbeat(sessions, task, values["worker"], SHORTEST)
            found = found or said != Heartbeat.LOST
    return found


def run_values(work: Work) -> dict[str, Any]:
    """The parameters of a run of the deployment `produce`."""
    return {
        "task_id": str(work.task_id),
        "worker": work.worker,
        "step": work.step.value,
        "round": work.round,
        "attempt": work.attempt,
    }
