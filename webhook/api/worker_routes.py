"""Routes for workers: each calls the function of the schema `showrunner` of the same name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from models.tables.production.tokens import Token
from webhook.api.access import WorkerToken
from webhook.api.answers import (
    AttachAnswer,
    Claimed,
    ClaimedTask,
    FailAnswer,
    HeartbeatAnswer,
    ReportAnswer,
)
from webhook.api.bodies import Attach, ByWorker, Claim, Fail, Finish, Heartbeat, Report
from webhook.api.database import Database, OnDatabase

router = APIRouter(tags=["workers"])


@router.post("/v1/tasks/claim", summary="Take the next task")
async def claim(body: Claim, token: WorkerToken, database: OnDatabase) -> Claimed:
    """Take the next task, by priority, then of the channel served least recently, then the oldest.

    A new task moves from Queued to Processing; one that was approved keeps its column, which says
    what comes next. It is yours until `lease_until`; heartbeats prolong that.
    """
    found = await database.call(
        "claim_task", worker=_name(token, body), lease=body.lease, channels=body.channels
    )
    return Claimed(task=None if found is None else ClaimedTask.model_validate({**found}))


@router.post("/v1/tasks/{task_id}/heartbeat", summary="Prolong the lease")
async def heartbeat(
    task_id: UUID, body: Heartbeat, token: WorkerToken, database: OnDatabase
) -> HeartbeatAnswer:
    """Prolong the lease, and learn whether to go on."""
    answer = await _ask(database, "heartbeat", task_id, token, body, lease=body.lease)
    return HeartbeatAnswer(answer=answer)


@router.post("/v1/tasks/{task_id}/report", summary="Move the task to a step's column")
async def report(
    task_id: UUID, body: Report, token: WorkerToken, database: OnDatabase
) -> ReportAnswer:
    """Move the task to the working or done column of a step, which the card shows."""
    given = {"board_status": body.board_status.value, "detail": body.detail}
    return ReportAnswer(answer=await _ask(database, "report", task_id, token, body, **given))


@router.post("/v1/tasks/{task_id}/fail", summary="Give up")
async def fail(task_id: UUID, body: Fail, token: WorkerToken, database: OnDatabase) -> FailAnswer:
    """Move the task to an error's column, with a reason that people read on the card.

    A retriable error comes back by itself after 1, 5, 15 and 60 minutes, or at `retry_at`; the
    fifth in a row is an API failure.
    """
    given = {"kind": body.kind.value, "reason": body.reason, "retry_at": body.retry_at}
    return FailAnswer(board_status=await _ask(database, "fail", task_id, token, body, **given))


@router.post("/v1/tasks/{task_id}/attach", summary="Record a piece and its cost")
async def attach(
    task_id: UUID, body: Attach, token: WorkerToken, database: OnDatabase
) -> AttachAnswer:
    """Record what was made. Sending it again changes nothing; other content replaces it."""
    given = body.model_dump(exclude={"worker", "kind"})
    answer = await _ask(database, "attach", task_id, token, body, kind=body.kind.value, **given)
    return AttachAnswer(answer=answer)


@router.post("/v1/tasks/{task_id}/finish", summary="The film is ready, or uploaded")
async def finish(
    task_id: UUID, body: Finish, token: WorkerToken, database: OnDatabase
) -> ReportAnswer:
    """Move the task to Ready for Review, or to Upload Complete when it was being uploaded."""
    return ReportAnswer(answer=await _ask(database, "finish", task_id, token, body))


def _name(token: Token, body: ByWorker) -> str:
    """The worker's name in the database, in which no token can stand for another's workers."""
    return f"{token.name}/{body.worker}"


async def _ask(
    database: Database, function: str, task_id: UUID, token: Token, body: ByWorker, **given: Any
) -> Any:
    """The only value of a function."""
    row = await database.call(function, task=task_id, worker=_name(token, body), **given)
    return None if row is None else row[function]
