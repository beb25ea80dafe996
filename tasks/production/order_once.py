"""Submit one piece to a service, so that it is never paid for twice.

The intent is committed before the request is sent, and the job's id before it is first polled. What
an answer, or its absence, means is decided by `models.production.paid_orders`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Any, Final
from uuid import uuid4

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.errors import LeaseLost
from models.production.making import Failure, MakerError, RemoteMaker, Request, Submitted
from models.production.money import usd
from models.production.paid_orders import Action, Answer, Submission, action_after
from models.tables.production import claims
from models.tables.production.piece_queries import (
    UNDER_WAY,
    book,
    change_piece,
    count_under_way,
    piece_at,
    put_piece,
    replace_failed,
)
from models.tables.production.pieces import Piece
from tasks.production.budgets import check_budget
from tasks.production.files import as_note, working_folder
from tasks.production.missing_pieces import PieceFailed
from tasks.production.pauses import pause, resume
from tasks.production.pieces import Order, moved
from tasks.runtime.context import Context
from tasks.runtime.locks import Lock
from tasks.runtime.prefect_task import step

log = structlog.get_logger("showrunner.production")

_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(:key)")


class Sent(Enum):
    """What became of a piece."""

    MADE = auto()
    """The service answered with it."""
    UNDER_WAY = auto()
    """The service works on it, or nobody knows whether it does."""
    LATER = auto()
    """There is no place now."""
    PAUSED = auto()
    """The account has no money, no quota or no valid key."""


@step("submit_piece", holds="{order}")
async def submit_piece(ctx: Context, order: Order, maker: RemoteMaker) -> Sent:
    """Submit a piece once.

    Raises:
        MakerError: when the service refuses the piece, nothing could be sent, a budget would be
            exceeded, or a result that was paid for cannot be used.
        LeaseLost: when nobody waits for it any more; nothing was sent.
    """
    work, video = order.work, order.video
    # Before anything is paid for: a service may answer with the result, which needs a place.
    with working_folder(video.root, work.task_id, work.step, work.round) as folder:
        request = video.request(work.step, order.position, folder)
        piece = await _intend(ctx, order, request, maker.price(request))
        if isinstance(piece, Sent):
            return piece
        said = await _answer(maker, request, piece)
        return await _settle(ctx, order, maker, piece, said)


async def _answer(maker: RemoteMaker, request: Request, piece: Piece) -> Submitted:
    """Send a piece, once; without an answer nobody knows what became of it."""
    key = piece.submit_key
    assert key is not None  # noqa: S101 - `_intend` has just written it
    try:
        return await maker.submit(request, key)
    except Exception as error:
        log.exception("submission_unanswered", piece=str(piece.id), maker=maker.name)
        return Submitted(answer=Answer.UNKNOWN, reason=type(error).__name__)


async def _intend(ctx: Context, order: Order, request: Request, price: Decimal) -> Piece | Sent:
    """Commit that a piece is about to be sent, with its estimate; else why it is not sent."""
    work, production = order.work, order.video.production
    name = order.video.maker_of(work.step)
    async with ctx.sessions.begin() as session:
        if not await claims.is_held(session, work.task_id, work.worker):
            raise LeaseLost
        await session.execute(_ONE_AT_A_TIME, {"key": Lock.PLACES.value})
        await check_budget(ctx, session, order, price)
        known = await piece_at(session, work.task_id, order.kind, order.position, work.round)
        if known is not None and known.state in UNDER_WAY:
            return Sent.UNDER_WAY  # a late answer said that the service has it after all
        if known is not None and _is_made(order, known):
            return Sent.MADE  # a late answer brought it
        if await count_under_way(session, name) >= production.at_once_for(name):
            return Sent.LATER
        once_more = bool(known and known.notes.get("sent_once_more"))
        now = ctx.clock()
        notes = {
            "estimate": {"usd": str(price), "at": now.isoformat()},
            "sent_once_more": once_more,
            "sources": [as_note(source, order.video.root) for source in request.sources],
        }
        fresh: dict[str, Any] = {"job_id": None, "account": None, "looked_up": 0}
        piece = await put_piece(
            session,
            **order.row,
            **fresh,
            state="submitting",
            submit_key=uuid4(),
            submitted_at=now,
            notes=notes,
        )
        await book(session, piece, "estimated", price, at=now)
    return piece


def _is_made(order: Order, known: Piece) -> bool:
    return (
        known.state == "done"
        and known.input_hash == order.input_hash
        and order.video.is_there(known)
    )


async def _settle(
    ctx: Context, order: Order, maker: RemoteMaker, piece: Piece, said: Submitted
) -> Sent:
    """Commit what the answer means."""
    action = action_after(
        Submission(
            answer=said.answer,
            amount=estimate_of(piece),
            can_be_looked_up=maker.can_be_looked_up,
            sent_once_more=bool(piece.notes.get("sent_once_more")),
        ),
        resubmit_below=order.video.production.resubmit_below,
    )
    channel = order.work.channel_id
    if action is Action.COLLECT:
        sent = await _store_accepted(ctx, order, piece, said)
        await resume(ctx, maker.name, channel)
        return sent
    async with ctx.sessions.begin() as session:
        await _store_refused(session, piece, said)
    if action is Action.PAUSE_MAKER:
        await pause(ctx, maker.name, said.reason, channel if said.of_channel else None)
        return Sent.PAUSED
    if action is Action.WAIT:
        return Sent.LATER
    if action is Action.SEND_AGAIN:
        raise MakerError(Failure.RETRIABLE, f"“{maker.name}” cannot be reached: {said.reason}")
    if action is Action.FAIL_PIECE:
        where = f"Scene {order.position}: " if order.position else ""
        raise MakerError(Failure.INVALID_INPUT, f"{where}{said.reason}")
    return Sent.UNDER_WAY


async def _store_accepted(ctx: Context, order: Order, piece: Piece, said: Submitted) -> Sent:
    """Store an order that was accepted: its job, or its result together with what it cost.

    Raises:
        PieceFailed: the result that was paid for cannot be used.
    """
    values: dict[str, Any] = {"job_id": said.job_id, "account": said.account}
    if said.made is None and said.failure is None:
        async with ctx.sessions.begin() as session:
            await _store(session, piece, said, state="submitted", **values)
        return Sent.UNDER_WAY
    values |= await _result(order, piece, said)
    async with ctx.sessions.begin() as session:
        if not await _store(session, piece, said, **values):
            return Sent.MADE
        await book_charged(session, piece, said.charged)
        stored = await session.get_one(Piece, piece.id)
    if "failure" in stored.notes:
        raise PieceFailed(stored)
    return Sent.MADE if stored.state == "done" else Sent.LATER


async def _result(order: Order, piece: Piece, said: Submitted) -> dict[str, Any]:
    """The columns of a result that came with the answer, whose file is in its place by then."""
    if said.made is None:
        return _lost(order, piece, said)
    try:
        values = await moved(order.video.root, said.made, order.kind, order.position)
    except MakerError as error:
        cost = estimate_of(piece) if said.charged is None else said.charged
        reason = f"{order} was made for {usd(cost)} and is lost. {error}"
        return _lost(order, piece, replace(said, failure=error.failure, reason=reason))
    return {**values, "state": "done", "notes": {**piece.notes, **said.made.notes}}


def _lost(order: Order, piece: Piece, said: Submitted) -> dict[str, Any]:
    """The columns of a piece that was paid for and cannot be used.

    It counts as lost on the way: below the same amount it is ordered once more, both booked.
    """
    lost = Submission(
        answer=Answer.UNKNOWN,
        amount=estimate_of(piece),
        can_be_looked_up=False,
        sent_once_more=bool(piece.notes.get("sent_once_more")),
    )
    action = action_after(lost, resubmit_below=order.video.production.resubmit_below)
    notes = {**piece.notes, "reason": said.reason}
    failure = said.failure or Failure.MANUAL_REVIEW
    if failure is Failure.RETRIABLE and action is Action.SEND_ONCE_MORE:
        return {"state": "failed", "notes": {**notes, "sent_once_more": True}}
    if failure is Failure.RETRIABLE:
        failure = Failure.MANUAL_REVIEW
    return {"state": "failed", "notes": {**notes, "failure": failure.value}}


async def _store_refused(session: AsyncSession, piece: Piece, said: Submitted) -> None:
    """Store that an order was refused, or that nobody knows."""
    values: dict[str, Any] = {"state": "failed"}
    if said.answer is Answer.UNKNOWN:
        values = {"state": "unknown", "account": said.account}
    else:
        await book_charged(session, piece, said.charged or Decimal(0))
    if said.reason:
        values["notes"] = {**piece.notes, "reason": said.reason}
    await _store(session, piece, said, **values)


async def _store(session: AsyncSession, piece: Piece, said: Submitted, **values: Any) -> bool:
    """Store an answer, which may come when the submission was given up already.

    The piece may even have been ordered once more since. The newer order then stays as it is,
    unless it failed, and the estimate of this one counts on unless it was refused.
    """
    states = {"submitting", "unknown"}
    values = {"notes": piece.notes, **values}
    is_stored = await change_piece(session, piece, states=states, **values)
    if not is_stored and said.answer is Answer.ACCEPTED:
        is_stored = await replace_failed(session, piece, **values)
    if not is_stored:
        log.warning(
            "submission_answered_late", piece=str(piece.id), answer=said.answer, job=said.job_id
        )
    return is_stored


def estimate_of(piece: Piece) -> Decimal:
    """What the piece's last submission may cost."""
    return Decimal(piece.notes.get("estimate", {}).get("usd", "0"))


async def release_estimate(session: AsyncSession, piece: Piece) -> None:
    """Book that the estimate of the last submission does not count any more."""
    estimate = piece.notes.get("estimate")
    if estimate is not None:
        await book(
            session,
            piece,
            "released",
            estimate_of(piece),
            at=datetime.fromisoformat(estimate["at"]),
        )


async def book_charged(session: AsyncSession, piece: Piece, charged: Decimal | None) -> None:
    """Book what the last submission cost; None when only the estimate is known."""
    await release_estimate(session, piece)
    cost = estimate_of(piece) if charged is None else charged
    if cost:
        await book(session, piece, "charged", cost)


def at_risk(piece: Piece, maker: str) -> str:
    """What a person reads about a submission whose outcome nobody knows."""
    return (
        f"Nobody knows whether “{maker}” took {piece.kind} {piece.position}: "
        f"{usd(estimate_of(piece))} may have been charged. Look at the account "
        f"(key {piece.submit_key}), then drag the card to Queued to order it once more."
    )
