"""Submit one piece to a service, so that it is never paid for twice.

The intent is committed before the request is sent, and the job's id before it is first polled. What
an answer, or its absence, means is decided by `models.production.paid_orders`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Any, Final
from uuid import uuid4

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.errors import LeaseLost
from models.production.making import Failure, MakerError, RemoteMaker, Submitted
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
)
from models.tables.production.pieces import Piece
from tasks.production.budgets import check_budget
from tasks.production.pauses import pause, resume
from tasks.production.pieces import Order
from tasks.runtime.context import Context
from tasks.runtime.locks import Lock
from tasks.runtime.prefect_task import step

log = structlog.get_logger("showrunner.production")

_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(:key)")


class Sent(Enum):
    """What became of a piece."""

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
        MakerError: when the service refuses the piece, nothing could be sent, or a budget would be
            exceeded.
        LeaseLost: when nobody waits for it any more; nothing was sent.
    """
    price = maker.price(order.video.request(order.work.step, order.position))
    piece = await _intend(ctx, order, price)
    if isinstance(piece, Sent):
        return piece
    key = piece.submit_key
    assert key is not None  # noqa: S101 - `_intend` has just written it
    try:
        said = await maker.submit(order.video.request(order.work.step, order.position), key)
    except Exception as error:
        log.exception("submission_unanswered", piece=str(piece.id), maker=maker.name)
        said = Submitted(answer=Answer.UNKNOWN, reason=type(error).__name__)
    return await _settle(ctx, order, maker, piece, said)


async def _intend(ctx: Context, order: Order, price: Decimal) -> Piece | Sent:
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
        if await count_under_way(session, name) >= production.at_once_for(name):
            return Sent.LATER
        once_more = bool(known and known.notes.get("sent_once_more"))
        now = ctx.clock()
        notes = {
            "estimate": {"usd": str(price), "at": now.isoformat()},
            "sent_once_more": once_more,
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
    async with ctx.sessions.begin() as session:
        await _store(session, piece, said, action)
    if action is Action.COLLECT:
        await resume(ctx, maker.name)
    if action is Action.PAUSE_MAKER:
        await pause(ctx, maker.name, said.reason)
        return Sent.PAUSED
    if action is Action.WAIT:
        return Sent.LATER
    if action is Action.SEND_AGAIN:
        raise MakerError(Failure.RETRIABLE, f"“{maker.name}” cannot be reached: {said.reason}")
    if action is Action.FAIL_PIECE:
        raise MakerError(Failure.INVALID_INPUT, f"Scene {order.position}: {said.reason}")
    return Sent.UNDER_WAY


async def _store(session: AsyncSession, piece: Piece, said: Submitted, action: Action) -> None:
    """Store an answer, which may come when the submission was given up already.

    The piece may even have been ordered once more since: then the newer order stays as it is, and
    the estimate of this one counts on unless it was refused.
    """
    states = {"submitting", "unknown"}
    values: dict[str, Any]
    if action is Action.COLLECT:
        states.add("failed")
        values = {"state": "submitted", "job_id": said.job_id, "account": said.account}
    elif said.answer is Answer.UNKNOWN:
        values = {"state": "unknown", "account": said.account}
    else:
        await release_estimate(session, piece)
        values = {"state": "failed"}
    notes = {**piece.notes, "reason": said.reason} if said.reason else piece.notes
    if not await change_piece(session, piece, states=states, notes=notes, **values):
        log.warning(
            "submission_answered_late", piece=str(piece.id), answer=said.answer, job=said.job_id
        )


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


def at_risk(piece: Piece, maker: str) -> str:
    """What a person reads about a submission whose outcome nobody knows."""
    return (
        f"Nobody knows whether “{maker}” took {piece.kind} {piece.position}: "
        f"{usd(estimate_of(piece))} may have been charged. Look at the account "
        f"(key {piece.submit_key}), then drag the card to Queued to order it once more."
    )
