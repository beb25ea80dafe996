"""Routes that read: tasks and their production."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query

from models.production.overview import Filter, Overview, Stage, details, list_tasks, overviews
from models.production.reviews import UnknownTask
from models.rules.statuses import Status
from models.tables.task import Task
from webhook.api.access import AnyToken
from webhook.api.answers import TaskAnswer, TaskDetails, Tasks
from webhook.api.bodies import storable
from webhook.api.database import OnDatabase
from webhook.api.errors import ApiError, ErrorCode

router = APIRouter(tags=["tasks"])

LIMIT_MAX: Final = 200
_CURSOR_MAX: Final = 200


@router.get("/v1/tasks", summary="List tasks")
async def read_tasks(
    _token: AnyToken,
    database: OnDatabase,
    status: Annotated[Status | None, Query(description="Only tasks of this state.")] = None,
    channel: Annotated[
        str | None, Query(max_length=100, description="Only tasks of this channel.")
    ] = None,
    stage: Annotated[
        Stage | None,
        Query(
            description="`waiting` for a worker, `working`, at a `gate` for a person, or at "
            "`errors`."
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Tasks of a page.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=_CURSOR_MAX, description="`next_cursor` of the last page.")
    ] = None,
) -> Tasks:
    """List tasks, the newest first. A task added between two pages does not shift the next one."""
    after = None if cursor is None else _place_of(cursor)
    wanted = Filter(status=status, channel=_checked(channel), stage=stage, after=after)
    async with database.transaction() as session:
        found = await list_tasks(session, wanted, limit=limit + 1)
    page = found[:limit]
    return Tasks(
        tasks=[TaskAnswer.of(overview) for overview in page],
        next_cursor=_cursor_after(page[-1]) if len(found) > limit else None,
    )


@router.get("/v1/tasks/{task_id}", summary="Show a task")
async def read_task(task_id: UUID, _token: AnyToken, database: OnDatabase) -> TaskDetails:
    """Show a task with its lease, steps, pieces and reviews."""
    async with database.transaction() as session:
        task = await session.get(Task, task_id)
        if task is None:
            raise UnknownTask(f"There is no task {task_id}; it may have been deleted.")
        [overview] = await overviews(session, [task])
        return TaskDetails.with_details(overview, await details(session, task_id))


def _checked(channel: str | None) -> str | None:
    """The channel, if such a text can be one."""
    try:
        return None if channel is None else storable(channel)
    except ValueError as error:
        raise ApiError(422, ErrorCode.INVALID_REQUEST, f"channel: {error}.") from None


def _cursor_after(overview: Overview) -> str:
    task = overview.task
    return urlsafe_b64encode(f"{task.created_at.isoformat()} {task.id}".encode()).decode()


def _place_of(cursor: str) -> tuple[datetime, UUID]:
    try:
        moment, _, task_id = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        at, place = datetime.fromisoformat(moment), UUID(task_id)
    except (binascii.Error, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        message = "cursor: send `next_cursor` of the last page as it is, or leave it out."
        raise ApiError(422, ErrorCode.INVALID_REQUEST, message)
    return at, place
