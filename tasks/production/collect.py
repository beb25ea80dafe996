"""Collect: ask services about every job that is under way, of all videos, in one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import structlog

from models.production.config import Production
from models.production.making import (
    AccountRefused,
    Failure,
    Job,
    JobState,
    MakerError,
    RemoteMaker,
)
from models.production.paid_orders import LOOK_UPS, Action, Answer, Submission, action_after
from models.production.steps import STEPS, PieceKind, Step
from models.rules.channels import Channel
from models.tables.production import claims
from models.tables.production.logins import logins_of
from models.tables.production.piece_queries import change_piece, count_under_way, under_way
from models.tables.production.pieces import Piece
from tasks.production.dispatch import productions
from tasks.production.files import from_notes, working_folder
from tasks.production.makers import maker_named
from tasks.production.order_once import at_risk, book_charged, estimate_of
from tasks.production.pauses import pause, resume_channel
from tasks.production.pieces import moved
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import Context
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.runtime.prefect_task import step
from tasks.runtime.unexpected_errors import concerns_one

log = structlog.get_logger("showrunner.production")

AT_ONCE: Final = 8
"""Jobs that are asked about at a time."""
_STEP_OF: Final = {rule.piece: name for name, rule in STEPS.items()}


@dataclass(kw_only=True)
class Collected:
    """What a collect found.

    Attributes:
        asked: jobs that were asked about.
        ended: those of them that are over.
        offered: videos that go on, since all their jobs are over.
        left: jobs that are still under way.
    """

    asked: int = 0
    ended: int = 0
    offered: int = 0
    left: int = 0

    def __str__(self) -> str:
        """The run's name; empty when nothing was under way."""
        if not self.asked:
            return ""
        return f"asked about {self.asked}, ended {self.ended}, still under way {self.left}"


async def collect_jobs(ctx: Context) -> Collected:
    """Ask about every job once, fetch what is finished, and offer the videos that go on."""
    found = Collected()
    async with one_at_a_time(ctx, Lock.COLLECT) as acquired:
        if acquired:
            await _collect(ctx, found)
    return found


async def _collect(ctx: Context, found: Collected) -> None:
    async with ctx.sessions() as session:
        rows = await under_way(session)
    produced = await productions(ctx) if rows else {}
    found.asked = len(rows)
    await run_all((_one(ctx, row, produced, found) for row in rows), at_once=AT_ONCE)
    async with ctx.sessions.begin() as session:
        found.offered = len(await claims.offer_collected(session))
        found.left = await count_under_way(session)


async def _one(
    ctx: Context,
    row: Mapping[Any, Any],
    produced: Mapping[str, tuple[Channel, Production]],
    found: Collected,
) -> None:
    """Ask about one piece. What goes wrong with it is tried again by the next collect."""
    async with ctx.sessions() as session:
        piece = await session.get(Piece, row["id"])
    if piece is None or piece.maker is None:
        return
    _, block = produced.get(row["channel_id"], (None, None))
    try:
        job = await _job(ctx, piece, row["channel_id"], block)
        is_over = await collect_piece(ctx, piece, job, block, abandoned=bool(row["abandoned"]))
    except AccountRefused as error:
        channel = row["channel_id"] if error.of_channel else None
        await pause(ctx, piece.maker, str(error), channel)
    except MakerError as error:
        log.warning("job_not_collected", piece=str(piece.id), reason=str(error))
    except Exception as error:
        if not (concerns_one(error) or isinstance(error, (OSError, httpx.HTTPError))):
            raise
        log.exception("job_not_collected_unforeseen", piece=str(piece.id), maker=piece.maker)
    else:
        found.ended += is_over
        if is_over and piece.state == "submitted":
            await resume_channel(ctx, piece.maker, row["channel_id"])


async def _job(ctx: Context, piece: Piece, channel: str, block: Production | None) -> Job:
    maker = piece.maker or ""
    async with ctx.sessions() as session:
        login = (await logins_of(session, channel)).get(maker)
    return Job(
        key=piece.submit_key or piece.id,
        id=piece.job_id,
        account=piece.account,
        options={} if block is None else block.options.get(maker, {}),
        sources=from_notes(piece.notes, ctx.settings.production_folder),
        login=login,
    )


@step("collect_piece", holds="{piece.kind} {piece.position}")
async def collect_piece(
    ctx: Context, piece: Piece, job: Job, block: Production | None, *, abandoned: bool
) -> bool:
    """Ask about one piece; whether its job is over.

    Args:
        block: of the piece's channel; None when it is not produced here any more.
        abandoned: whether no process is submitting it any more.
    """
    maker = maker_named(piece.maker or "")
    if not isinstance(maker, RemoteMaker) or piece.submit_key is None:
        return False
    if piece.state == "submitted":
        return await _poll(ctx, piece, maker, job)
    if piece.state == "submitting" and not abandoned:
        return False
    return await _look_up(ctx, piece, maker, job, block)


async def _look_up(
    ctx: Context, piece: Piece, maker: RemoteMaker, job: Job, block: Production | None
) -> bool:
    """Find out what became of a submission without an answer."""
    limits = {} if block is None else {"resubmit_below": block.resubmit_below}
    action = _action(piece, maker, limits)
    if action is Action.LOOK_UP:
        submitted = piece.submitted_at or piece.updated_at
        if ctx.clock() < submitted + LOOK_UPS[piece.looked_up]:
            return False
        if id_ := await maker.look_up(job):
            await _change(ctx, piece, state="submitted", job_id=id_)
            return False
        piece.looked_up += 1
        if not await _change(ctx, piece, state="unknown", looked_up=piece.looked_up):
            return False
        action = _action(piece, maker, limits)
    if action is Action.LOOK_UP:
        return False
    # Its estimate stays booked: it may have been charged.
    notes = dict(piece.notes)
    if action is Action.SEND_ONCE_MORE:
        notes["sent_once_more"] = True
    else:
        notes |= {"failure": Failure.MANUAL_REVIEW.value, "reason": at_risk(piece, maker.name)}
    return await _change(ctx, piece, state="failed", notes=notes)


def _action(piece: Piece, maker: RemoteMaker, limits: Mapping[str, Any]) -> Action:
    submission = Submission(
        answer=Answer.UNKNOWN,
        amount=estimate_of(piece),
        can_be_looked_up=maker.can_be_looked_up,
        looked_up=piece.looked_up,
        sent_once_more=bool(piece.notes.get("sent_once_more")),
    )
    return action_after(submission, **limits)


async def _poll(ctx: Context, piece: Piece, maker: RemoteMaker, job: Job) -> bool:
    state = await maker.poll(job)
    if state.lost:
        # As if it had been sent just now: the look-ups then have the time that they need.
        since = {"job_id": None, "looked_up": 0, "submitted_at": ctx.clock()}
        async with ctx.sessions.begin() as session:
            await change_piece(session, piece, states=("submitted",), state="unknown", **since)
        return False
    if not state.ended:
        return False
    if state.failure is not None:
        failed = {"failure": state.failure.value, "reason": state.reason}
        await _end(ctx, piece, state, state="failed", notes={**piece.notes, **failed})
        return True
    if state.url is not None:
        await _end(ctx, piece, state, state="done", url=state.url)
        return True
    kind, made_by = PieceKind(piece.kind), _STEP_OF[PieceKind(piece.kind)]
    try:
        values = await _fetched(ctx, piece, maker, job, kind, made_by)
    except MakerError as error:
        if error.failure is not Failure.API_FAILURE or isinstance(error, AccountRefused):
            raise
        # Ordering it anew would be paid for anew, which a person decides.
        gone = {"failure": Failure.MANUAL_REVIEW.value, "reason": str(error)}
        values = {"state": "failed", "notes": {**piece.notes, **gone}}
    await _end(ctx, piece, state, **{"state": "done", **values})
    return True


async def _fetched(
    ctx: Context, piece: Piece, maker: RemoteMaker, job: Job, kind: PieceKind, made_by: Step
) -> dict[str, Any]:
    """Download a result and move it to its place; the columns that say where it is."""
    root = ctx.settings.production_folder
    with working_folder(root, piece.task_id, made_by, piece.round) as folder:
        made = await maker.fetch(job, folder)
        values = await moved(root, made, kind, piece.position)
    return {**values, "notes": {**piece.notes, **made.notes}}


async def _end(ctx: Context, piece: Piece, job: JobState, **values: Any) -> None:
    """Record a job's end and what it cost, once. The estimate counts if the service is silent."""
    async with ctx.sessions.begin() as session:
        if await change_piece(session, piece, states=("submitted",), **values):
            await book_charged(session, piece, job.charged)


async def _change(ctx: Context, piece: Piece, **values: Any) -> bool:
    """Change a piece whose submission is still unanswered; return whether it was changed."""
    async with ctx.sessions.begin() as session:
        return await change_piece(session, piece, states=("submitting", "unknown"), **values)
