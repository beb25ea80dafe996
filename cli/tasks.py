"""`showrunner task …`: what the pipeline's operator asks of the database, without psql."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table
from sqlalchemy import String, cast, inspect, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from cli.printing import SHORT_ID, console, short, short_id
from cli.running import correlate, run
from cli.surroundings import settings_here
from models.creation import CardCreation, Waiting, why_no_card
from models.errors import GiveUp
from models.history import TaskHistory, act_as
from models.statuses import STATE_OF, BoardStatus, Status
from models.task import Task
from tasks.connections import Connections, connected

app = typer.Typer(help="List, show and move tasks in the database.", no_args_is_help=True)

TaskId = Annotated[str, typer.Argument(help="The task's id, its first characters, or the id of its Notion page.")]


@app.command("list")
def list_tasks(
    status: Annotated[str | None, typer.Option(help="Only tasks of this state, e.g. pending.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most that many, the last changed first.")] = 50,
) -> None:
    """List tasks, the last changed first."""
    run(_list(status, limit))


async def _list(status: str | None, limit: int) -> None:
    if status is not None and status not in set(Status):
        raise GiveUp(f"There is no state “{status}”; choose one of: {', '.join(Status)}.")
    async with connected(settings_here()) as on, on.sessions() as session:
        query = select(Task).order_by(col(Task.updated_at).desc()).limit(limit)
        rows = await session.scalars(query.where(Task.status == status) if status else query)
        table = Table(box=None, pad_edge=False)
        for name in ("task", "status", "board status", "priority", "channel", "title"):
            table.add_column(name, no_wrap=True, min_width=SHORT_ID if name == "task" else None)
        for task in rows:
            table.add_row(short_id(task.id), task.status, task.board_status, task.priority, task.channel_id, task.title)
        console.print(table)


@app.command("show")
def show_task(task_id: TaskId) -> None:
    """Show a task and its history."""
    run(_show(task_id))


async def _show(task_id: str) -> None:
    async with connected(settings_here()) as on, on.sessions() as session:
        task = await find_task(session, task_id)
        for name in inspect(Task).columns.keys():  # noqa: SIM118 - a column collection yields columns, not names
            value = getattr(task, name)
            console.print(f"{name:<18} {value if value is not None else ''}", markup=False)
        if task.notion_page_id is None:
            waiting = Waiting(task=task, creation=await session.get(CardCreation, task.id))
            console.print(f"{'card':<18} {why_no_card(waiting, on.clock())}", markup=False)
        query = select(TaskHistory).where(TaskHistory.task_id == task.id).order_by(col(TaskHistory.id))
        table = Table("when", "who", "what", "property", "from", "to", "lost", "correlation id", box=None)
        for row in await session.scalars(query):
            cells = (row.property, row.old_value, row.new_value, row.lost_value, row.correlation_id)
            table.add_row(f"{row.at:%Y-%m-%d %H:%M:%S}", row.actor, row.action, *(short(cell) for cell in cells))
        console.print(table)


@app.command("move")
def move_task(
    task_id: TaskId,
    to: Annotated[str, typer.Argument(help="The column to move it to, e.g. “Assets Generating”.")],
) -> None:
    """Move a task, as the pipeline does; the card shows it at the next cycle."""
    run(_move(task_id, to))


async def _move(task_id: str, to: str) -> None:
    if to not in set(BoardStatus):
        raise GiveUp(f"There is no board status “{to}”; choose one of: {', '.join(BoardStatus)}.")
    target = BoardStatus(to)
    async with connected(settings_here()) as on:
        before = await _store_move(on, task_id, target)
    console.print(f"{before} → {target} (status {STATE_OF[target]})", markup=False)


async def _store_move(on: Connections, task_id: str, target: BoardStatus) -> str:
    async with on.sessions.begin() as session:
        now = on.clock()
        await act_as(session, "operator", now=now, correlation_id=correlate())
        task = await find_task(session, task_id)
        before = task.board_status
        if before != target:
            task.board_status, task.status, task.status_changed_at = target.value, STATE_OF[target].value, now
    return before


async def find_task(session: AsyncSession, task_id: str) -> Task:
    """The task of that id, of that beginning of an id, or of that Notion page; locked if the caller goes on to write.

    Raises:
        GiveUp: when there is none, or more than one begins so.
    """
    wanted = task_id.strip().lower()
    by_start = cast(col(Task.id), String).startswith(wanted, autoescape=True)
    rows = list(await session.scalars(select(Task).where(or_(by_start, col(Task.notion_page_id) == wanted)).limit(2)))
    if not rows:
        raise GiveUp(f"There is no task {task_id}: `showrunner task list` shows them.")
    if len(rows) > 1:
        raise GiveUp(f"More than one task id begins with {task_id}: give more of it.")
    task = await session.get(Task, UUID(str(rows[0].id)), with_for_update=True, populate_existing=True)
    if task is None:
        raise GiveUp(f"Task {task_id} was deleted just now.")
    return task
