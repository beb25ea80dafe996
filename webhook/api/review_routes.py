"""Routes for reviewers: approve, reject, stop, retry."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID, uuid4

import structlog
from fastapi import APIRouter

from models.production.gates import Decision, Outdated
from models.production.reviews import decide, standing_gates
from models.rules.statuses import BoardStatus
from models.tables.production.tokens import Token
from models.tables.task import Task
from models.tables.task_history import act_as
from webhook.api.access import ReviewerToken
from webhook.api.answers import DecisionAnswer
from webhook.api.bodies import Anywhere, Approve, AtGate, Reject, Retry, Stop
from webhook.api.database import Database, OnDatabase
from webhook.api.errors import ApiError, ErrorCode, Standing

router = APIRouter(tags=["reviews"])
log = structlog.get_logger("showrunner.worker_api")


@router.post("/v1/tasks/{task_id}/approve", summary="Approve a step's result")
async def approve(
    task_id: UUID, body: Approve, token: ReviewerToken, database: OnDatabase
) -> DecisionAnswer:
    """Let the task go on. 409 when it no longer waits at that gate in that round."""
    return await _decide(database, token, task_id, Decision.APPROVE, body)


@router.post("/v1/tasks/{task_id}/reject", summary="Reject a step's result")
async def reject(
    task_id: UUID, body: Reject, token: ReviewerToken, database: OnDatabase
) -> DecisionAnswer:
    """Have the step done anew, or only the scenes named in `pieces`.

    A film goes to Review Rejected, where `retry` offers it again; everything else to Queued.
    """
    return await _decide(database, token, task_id, Decision.REJECT, body, body.pieces)


@router.post("/v1/tasks/{task_id}/stop", summary="Stop a task")
async def stop(
    task_id: UUID, body: Stop, token: ReviewerToken, database: OnDatabase
) -> DecisionAnswer:
    """Stop the task: it is moved to Archived, and its worker learns of it at its next request."""
    return await _decide(database, token, task_id, Decision.STOP, body)


@router.post("/v1/tasks/{task_id}/retry", summary="Try a task again")
async def retry(
    task_id: UUID, body: Retry, token: ReviewerToken, database: OnDatabase
) -> DecisionAnswer:
    """Offer a task again that failed or was rejected, with all its attempts."""
    return await _decide(database, token, task_id, Decision.RETRY, body)


async def _decide(
    database: Database,
    token: Token,
    task_id: UUID,
    decision: Decision,
    body: AtGate | Anywhere,
    pieces: Collection[int] = (),
) -> DecisionAnswer:
    actor, correlation_id = f"token:{token.name}", uuid4().hex
    try:
        async with database.transaction() as session:
            await act_as(session, actor, now=database.clock(), correlation_id=correlation_id)
            decided = await decide(
                session,
                task_id,
                decision=decision,
                gate=body.gate,
                round=body.round,
                actor=actor,
                through="http",
                pieces=pieces,
                note=body.note,
            )
    except Outdated as error:
        standing = await _standing(database, task_id)
        raise ApiError(409, ErrorCode.OUTDATED, str(error), task=standing) from None
    log.info(
        "task_decided",
        task=str(task_id),
        decision=decision.value,
        board_status=decided.after.value,
        token=token.name,
        correlation_id=correlation_id,
    )
    return DecisionAnswer(
        task_id=task_id,
        decision=decision,
        before=decided.before,
        board_status=decided.after,
        gate=decided.gate,
        round=None if decided.gate is None else decided.round,
        stopping=decided.stops is not None,
    )


async def _standing(database: Database, task_id: UUID) -> Standing | None:
    """Where a task is by now; None when it was deleted."""
    async with database.transaction() as session:
        task = await session.get(Task, task_id)
        if task is None:
            return None
        gate = (await standing_gates(session, [task])).get(task.id)
    return Standing(
        board_status=BoardStatus(task.board_status),
        gate=None if gate is None else gate.step,
        round=None if gate is None else gate.round,
    )
