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

from models.production.leases import LEASE, Heartbeat
from models.production.making import Failure, LocalMaker, MakerError, RemoteMaker
from models.production.money import Cap, overdrawn
from models.production.steps import STEPS
from models.tables.production import claims
from models.tables.production.piece_queries import UNDER_WAY, change_piece, spent
from models.tables.production.pieces import Piece
from tasks.production.dispatch import productions
from tasks.production.makers import maker_named
from tasks.production.pauses import PAUSE
from tasks.production.pieces import LeaseLost, Order, make_piece, unforeseen, use_again
from tasks.production.plan import Work
from tasks.production.submit import Sent, submit_piece
from tasks.production.video import Video, load_video
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import Context
from tasks.runtime.unexpected_errors import concerns_one

log = structlog.get_logger("showrunner.production")

HEARTBEAT_SECONDS: Final = 5.0
"""How often the lease is prolonged: a stop takes effect within that time."""
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
    said = await claims.heartbeat(ctx.sessions, work.task_id, work.worker, LEASE)
    if said != Heartbeat.CONTINUE:
        return await _give_way(ctx, work, said)
    making = asyncio.ensure_future(_make(ctx, work, progress))
    watching = asyncio.ensure_future(_keep_lease(ctx, work))
    try:
        await asyncio.wait({making, watching}, return_when=asyncio.FIRST_COMPLETED)
        if making.done():
            return await _conclude(ctx, work, making)
        return await _give_way(ctx, work, watching.result(), making)
    finally:
        for task in (making, watching):
            task.cancel()
        await asyncio.gather(making, watching, return_exceptions=True)


async def _keep_lease(ctx: Context, work: Work) -> str:
    """Prolong the lease until it is lost or the video is to be stopped; which of them."""
    while True:
        await ctx.sleep(HEARTBEAT_SECONDS)
        said = await claims.heartbeat(ctx.sessions, work.task_id, work.worker, LEASE)
        if said != Heartbeat.CONTINUE:
            return said


async def _give_way(
    ctx: Context, work: Work, said: str, making: asyncio.Future[Sent | None] | None = None
) -> Outcome:
    """Cancel what is being made, and tell the database that a stop took effect."""
    if making is not None:
        making.cancel()
        with suppress(asyncio.CancelledError, MakerError, LeaseLost):
            await making
    if said == Heartbeat.LOST:
        return Outcome(end=End.LOST)
    async with ctx.sessions.begin() as session:
        await claims.report(session, work.task_id, work.worker, STEPS[work.step].working)
    return Outcome(end=End.STOPPED)


async def _conclude(ctx: Context, work: Work, making: asyncio.Future[Sent | None]) -> Outcome:
    """Report what became of the step."""
    try:
        left = making.result()
    except MakerError as error:
        return await _fail(ctx, work, error)
    except LeaseLost:
        said = await claims.heartbeat(ctx.sessions, work.task_id, work.worker, LEASE)
        return await _give_way(ctx, work, said)
    except Exception as error:
        if not concerns_one(error):
            raise
        log.exception("step_failed_unforeseen", task_id=str(work.task_id), step=work.step)
        return await _fail(ctx, work, unforeseen(error))
    async with ctx.sessions.begin() as session:
        said = await _release(ctx, session, work, left)
    ends = {"stop": End.STOPPED, "later": End.WAITING}
    return Outcome(end=ends.get(said, End.DONE))


async def _release(ctx: Context, session: AsyncSession, work: Work, left: Sent | None) -> str:
    """Release the video: finished with the step, or waiting."""
    task, worker = work.task_id, work.worker
    if left is None:
        said = await claims.report(session, task, worker, STEPS[work.step].done)
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
    async with ctx.sessions.begin() as session:
        if not await claims.is_held(session, work.task_id, work.worker):
            lost = True
        else:
            lost = False
            await claims.fail(session, work.task_id, work.worker, error.failure, str(error))
    if lost:
        said = await claims.heartbeat(ctx.sessions, work.task_id, work.worker, LEASE)
        return await _give_way(ctx, work, said)
    log.warning("step_failed", task_id=str(work.task_id), step=work.step, kind=error.failure)
    return Outcome(end=End.FAILED, reason=str(error))


async def _make(ctx: Context, work: Work, progress: Progress) -> Sent | None:
    """Make what is missing; None when all is there, else why it is not.

    Raises:
        MakerError: a piece cannot be made.
        LeaseLost: nobody waits for the step any more.
    """
    video = await read_video(ctx, work)
    maker = maker_named(video.maker_of(work.step))
    await _report_failures(ctx, work, video)
    missing, awaited = await _missing(ctx, work, video)
    there = len(video.positions(work.step)) - len(missing) - awaited
    await progress(there, len(video.positions(work.step)))
    if isinstance(maker, RemoteMaker):
        sent = await _submit_all(ctx, missing, maker)
        if awaited and sent is None:
            return Sent.UNDER_WAY
        return sent
    await _make_all(ctx, missing, maker, progress)
    return None


async def read_video(ctx: Context, work: Work) -> Video:
    """The video of a claimed step.

    Raises:
        MakerError: when its channel is not produced here any more.
    """
    produced = await productions(ctx)
    if work.channel_id not in produced:
        raise MakerError(
            Failure.MANUAL_REVIEW,
            "The channel's file has no usable production block any more. Mend it, then drag the "
            "card to Queued.",
        )
    channel, block = produced[work.channel_id]
    async with ctx.sessions() as session:
        return await load_video(
            session,
            work.task_id,
            work.title,
            channel=channel,
            production=block,
            root=ctx.settings.production_folder,
        )


async def _missing(ctx: Context, work: Work, video: Video) -> tuple[list[Order], int]:
    """The pieces to be made, and how many a service is working on; records those used again."""
    missing, awaited = [], 0
    for position in video.positions(work.step):
        hash_ = video.hash_of(work.step, position)
        order = Order(work=work, video=video, position=position, input_hash=hash_)
        here = video.of_round(order.kind, position, work.round)
        if here is not None and here.state in UNDER_WAY:
            await _abandon(ctx, here)
            awaited += 1
            continue
        known = video.same(order.kind, hash_)
        if known is None:
            missing.append(order)
        elif here is None or here.id != known.id:
            await use_again(ctx, order, known)
    return missing, awaited


async def _abandon(ctx: Context, piece: Piece) -> None:
    """Mark a submission whose process died: nobody knows whether it was sent."""
    if piece.state == "submitting":
        async with ctx.sessions.begin() as session:
            await change_piece(session, piece.id, state="unknown")


async def _report_failures(ctx: Context, work: Work, video: Video) -> None:
    """Raise the first failure of a service that its card does not show yet.

    A person who then drags the card to Queued has the piece ordered once more.
    """
    kind = STEPS[work.step].piece
    for position in video.positions(work.step):
        piece = video.of_round(kind, position, work.round)
        if piece is None or piece.state != "failed" or "failure" not in piece.notes:
            continue
        notes = dict(piece.notes)
        failure, reason = notes.pop("failure"), notes.get("reason", "")
        async with ctx.sessions.begin() as session:
            await change_piece(session, piece.id, notes=notes)
        raise MakerError(Failure(failure), reason)


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


async def _submit_all(ctx: Context, missing: Sequence[Order], maker: RemoteMaker) -> Sent | None:
    """Submit pieces one after the other, as long as the service takes them."""
    if not missing:
        return None
    await _check_budget(ctx, missing, maker)
    for order in missing:
        sent = await submit_piece(ctx, order, maker)
        if sent is not Sent.UNDER_WAY:
            return sent
    return Sent.UNDER_WAY


async def _check_budget(ctx: Context, missing: Sequence[Order], maker: RemoteMaker) -> None:
    work, video = missing[0].work, missing[0].video
    requests = (video.request(work.step, order.position) for order in missing)
    asked = sum((maker.price(request) for request in requests), start=Decimal(0))
    async with ctx.sessions() as session:
        amounts = await spent(session, work.task_id, work.channel_id, ctx.clock())
    limits = dict(video.production.budget.limits)
    if ctx.settings.production_daily_budget is not None:
        limits[Cap.DAY] = ctx.settings.production_daily_budget
    known = dict(zip((Cap.VIDEO, Cap.CHANNEL, Cap.DAY), amounts, strict=True))
    if over := overdrawn(asked, known, limits):
        raise MakerError(Failure.MANUAL_REVIEW, f"{over.sentence} Then drag the card to Queued.")
