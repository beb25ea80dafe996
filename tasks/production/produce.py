"""Produce one step of one video: make what is missing, then report the step's done column."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models.errors import LeaseLost
from models.production.leases import Heartbeat
from models.production.making import LocalMaker, MakerError, RemoteMaker
from models.production.steps import STEPS
from models.tables.production import claims
from tasks.production.budgets import check_budget, going_on_usd
from tasks.production.makers import maker_named
from tasks.production.missing_pieces import (
    PieceFailed,
    mark_as_shown,
    missing_pieces,
    read_video,
    report_failures,
)
from tasks.production.order_once import Sent, submit_piece
from tasks.production.pauses import PAUSE
from tasks.production.pieces import Order, make_piece, unforeseen
from tasks.production.plan import Work
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import Context
from tasks.runtime.unexpected_errors import concerns_one

log = structlog.get_logger("showrunner.production")

HEARTBEAT_SECONDS: Final = 5.0
"""How often the lease is prolonged: a stop takes effect within that time."""
HELD: Final = timedelta(minutes=1)
"""The lease of a step whose run has begun: its work goes on that soon after the process died. Until
the run begins, the lease is the longer one of the claim."""
LATER: Final = timedelta(seconds=20)
"""When a service that had no free place is asked again."""

Progress = Callable[[int, int], Awaitable[None]]
"""Called with how many pieces are there, of how many."""


class End(StrEnum):
    """How a run of a step ended."""

    DONE = "done"
    """The step is finished, and the video goes on or waits at a gate."""
    WAITING = "waiting"
    """It goes on when a service has finished its jobs, or has a free place."""
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    """The lease was another worker's already."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of a run of a step.

    Attributes:
        reason: for people, of a failure.
    """

    end: End
    reason: str = ""


async def no_progress(_done: int, _all: int) -> None:
    """Report nothing."""


async def produce_step(ctx: Context, work: Work, progress: Progress = no_progress) -> Outcome:
    """Make what is missing of a claimed step while its lease is prolonged.

    Raises:
        Exception: PostgreSQL does not answer. The lease then expires, and the next run makes only
            what is missing.
    """
    said = await claims.heartbeat(ctx.sessions, work.task_id, work.worker, HELD)
    if said != Heartbeat.CONTINUE:
        return await _give_way(ctx, work, said)
    sending = asyncio.Lock()
    making = asyncio.ensure_future(_make(ctx, work, progress, sending))
    watching = asyncio.ensure_future(_keep_lease(ctx, work))
    try:
        await asyncio.wait({making, watching}, return_when=asyncio.FIRST_COMPLETED)
        if making.done():
            return await _conclude(ctx, work, making)
        # An answer that is on its way says what was paid for: it is waited for, and stored.
        async with sending:
            making.cancel()
        with suppress(asyncio.CancelledError, MakerError, LeaseLost):
            await making
        return await _give_way(ctx, work, watching.result())
    finally:
        for task in (making, watching):
            task.cancel()
        await asyncio.gather(making, watching, return_exceptions=True)


async def _keep_lease(ctx: Context, work: Work) -> str:
    """Prolong the lease until a heartbeat answers `lost` or `stop`; return that answer."""
    while True:
        await ctx.sleep(HEARTBEAT_SECONDS)
        said = await claims.heartbeat(ctx.sessions, work.task_id, work.worker, HELD)
        if said != Heartbeat.CONTINUE:
            return said


async def _give_way(ctx: Context, work: Work, said: str) -> Outcome:
    """Tell the database that a stop took effect."""
    if said == Heartbeat.LOST:
        return Outcome(end=End.LOST)
    try:
        async with ctx.sessions.begin() as session:
            await claims.report(session, work.task_id, work.worker, STEPS[work.step].working)
    except LeaseLost:
        return Outcome(end=End.LOST)
    return Outcome(end=End.STOPPED)


async def _conclude(ctx: Context, work: Work, making: asyncio.Future[Sent | None]) -> Outcome:
    """Report what became of the step."""
    try:
        try:
            left = making.result()
        except MakerError as error:
            return await _fail(ctx, work, error)
        except Exception as error:
            if not concerns_one(error):
                raise
            log.exception("step_failed_unforeseen", task_id=str(work.task_id), step=work.step)
            return await _fail(ctx, work, unforeseen(error))
        costs = await going_on_usd(ctx, work) if left is None else None
        async with ctx.sessions.begin() as session:
            said = await _release(ctx, session, work, left, costs)
    except LeaseLost:
        said = await claims.heartbeat(ctx.sessions, work.task_id, work.worker, HELD)
        return await _give_way(ctx, work, said)
    ends = {"stop": End.STOPPED, "later": End.WAITING}
    return Outcome(end=ends.get(said, End.DONE))


async def _release(
    ctx: Context, session: AsyncSession, work: Work, left: Sent | None, costs: Decimal | None
) -> str:
    """Release the video: finished with the step, or waiting.

    Args:
        costs: USD that going on after the step's gate will cost; None when it has none.
    """
    task, worker = work.task_id, work.worker
    if left is None:
        said = await claims.report(session, task, worker, STEPS[work.step].done)
        await claims.note_estimate(session, task, costs)
        if said == "continue":
            said = await claims.offer(session, task, worker)
        return said
    if left is Sent.UNDER_WAY:
        said = await claims.wait_for_jobs(session, task, worker, "waiting for the maker's jobs")
    else:
        wait = PAUSE if left is Sent.PAUSED else LATER
        said = await claims.offer(session, task, worker, retry_at=ctx.clock() + wait)
    return "stop" if said == "stop" else "later"


async def _fail(ctx: Context, work: Work, error: MakerError) -> Outcome:
    """Move the card to its Error column.

    Raises:
        LeaseLost: nobody waits for the step any more.
    """
    async with ctx.sessions.begin() as session:
        if not await claims.is_held(session, work.task_id, work.worker):
            raise LeaseLost
        await claims.fail(session, work.task_id, work.worker, error.failure, str(error))
        if isinstance(error, PieceFailed):
            await mark_as_shown(session, error.piece)
    log.warning("step_failed", task_id=str(work.task_id), step=work.step, kind=error.failure)
    return Outcome(end=End.FAILED, reason=str(error))


async def _make(ctx: Context, work: Work, progress: Progress, sending: asyncio.Lock) -> Sent | None:
    """Make what is missing; None when all is there, else why it is not.

    Args:
        sending: held while a piece is submitted.

    Raises:
        MakerError: a piece cannot be made.
        LeaseLost: nobody waits for the step any more.
    """
    video = await read_video(ctx, work)
    maker = maker_named(video.maker_of(work.step))
    report_failures(work, video)
    missing, awaited = await missing_pieces(ctx, work, video)
    there = len(video.positions(work.step)) - len(missing) - awaited
    await progress(there, len(video.positions(work.step)))
    if isinstance(maker, RemoteMaker):
        sent = await _submit_all(ctx, missing, maker, sending, progress)
        if awaited and sent is None:
            return Sent.UNDER_WAY
        return sent
    await _make_all(ctx, missing, maker, progress)
    return None


async def _make_all(
    ctx: Context, missing: Sequence[Order], maker: LocalMaker, progress: Progress
) -> None:
    """Make pieces side by side, each only if the one before did not fail."""
    made = 0

    async def one(order: Order) -> None:
        nonlocal made
        await make_piece(ctx, order, maker)
        made += 1
        total = len(order.video.positions(order.work.step))
        await progress(total - len(missing) + made, total)

    await run_all(one(order) for order in missing)


async def _submit_all(
    ctx: Context,
    missing: Sequence[Order],
    maker: RemoteMaker,
    sending: asyncio.Lock,
    progress: Progress,
) -> Sent | None:
    """Submit pieces one after the other, as long as the service takes them.

    None when it answered with every result.
    """
    if not missing:
        return None
    work, video = missing[0].work, missing[0].video
    requests = (video.request(work.step, order.position) for order in missing)
    whole_step = sum((maker.price(request) for request in requests), start=Decimal(0))
    async with ctx.sessions() as session:
        await check_budget(ctx, session, missing[0], whole_step)
    made, total = 0, len(video.positions(work.step))
    for order in missing:
        async with sending:
            sent = await submit_piece(ctx, order, maker)
        if sent not in {Sent.UNDER_WAY, Sent.MADE}:
            return sent
        if sent is Sent.MADE:
            made += 1
            await progress(total - len(missing) + made, total)
    return None if made == len(missing) else Sent.UNDER_WAY
