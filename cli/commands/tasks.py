"""`showrunner task …`: list, show and move tasks, without psql."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlmodel import col, select

from cli.commands.production import reviews
from cli.output.production import print_list, print_production, production_json
from cli.output.text import AsJson, print_json, print_table, say, say_field, short
from cli.running import correlate, run
from cli.stack.running_stack import settings_here
from models.errors import GiveUp
from models.operations.lookup import find_task
from models.production.overview import Filter, Stage, details, list_tasks, overviews
from models.rules.formatting import clock_time
from models.rules.statuses import STATE_OF, BoardStatus, Status
from models.sync import card_changes
from models.tables.card_creation import CardCreation, Waiting, why_no_card
from models.tables.task_history import TaskHistory, act_as
from tasks.operations.people import names_of
from tasks.runtime.context import Context, connected

app = typer.Typer(help="List, show, move and decide about tasks.", no_args_is_help=True)
reviews.add_to(app)

TaskId = Annotated[
    str,
    typer.Argument(
        help="The task's id or title, the beginning of either, or the id of its Notion page."
    ),
]


@app.command("list")
def show_list(
    status: Annotated[
        str | None, typer.Option(help="Only tasks of this state, e.g. pending.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="At most that many, the last changed first.")
    ] = 50,
    *,
    channel: Annotated[str | None, typer.Option(help="Only tasks of this channel.")] = None,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Those that wait for a worker.")
    ] = False,
    working: Annotated[bool, typer.Option("--working", help="Those that are in work.")] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Those that wait for a person.")] = False,
    errors: Annotated[bool, typer.Option("--errors", help="Those that failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """List tasks, the last changed first."""
    chosen = {
        Stage.WAITING: waiting,
        Stage.WORKING: working,
        Stage.GATE: gate,
        Stage.ERRORS: errors,
    }
    stages = [stage for stage, is_chosen in chosen.items() if is_chosen]
    run(_list(status, channel, stages, limit, as_json=as_json))


async def _list(
    status: str | None, channel: str | None, stages: list[Stage], limit: int, *, as_json: bool
) -> None:
    if status is not None and status not in set(Status):
        raise GiveUp(f"There is no status “{status}”; choose one of: {', '.join(Status)}.")
    if len(stages) > 1:
        raise GiveUp("Choose one of --waiting, --working, --gate and --errors.")
    wanted = Filter(
        status=None if status is None else Status(status),
        channel=channel,
        stage=next(iter(stages), None),
    )
    async with connected(settings_here()) as ctx, ctx.sessions() as session:
        found = await list_tasks(session, wanted, limit=limit, by_change=True)
    if as_json:
        for overview in found:
            print_json(overview.task.model_dump() | production_json(overview))
        return
    print_list(found, staged=bool(stages))


@app.command("show")
def show_task(task_id: TaskId, *, as_json: AsJson = False) -> None:
    """Show a task and its history."""
    run(_show(task_id, as_json=as_json))


async def _show(task_id: str, *, as_json: bool) -> None:
    async with connected(settings_here()) as ctx:
        async with ctx.sessions() as session:
            task = await find_task(session, task_id)
            query = (
                select(TaskHistory)
                .where(TaskHistory.task_id == task.id)
                .order_by(col(TaskHistory.id))
            )
            history = list(await session.scalars(query))
            waiting = Waiting(task=task, creation=await session.get(CardCreation, task.id))
            no_card = ""
            if task.notion_page_id is None:
                no_card = why_no_card(waiting, ctx.clock())
            [overview] = await overviews(session, [task])
            made = await details(session, task.id)
        names = await names_of(ctx, [row.actor for row in history])
    if as_json:
        print_json(
            {
                **task.model_dump(),
                "card": no_card or task.notion_page_id,
                **production_json(overview, made),
                "history": [
                    {**row.model_dump(exclude={"task_id"}), "who": names.who(row.actor)}
                    for row in history
                ],
            }
        )
        return
    values = task.model_dump()
    for name, value in ({"id": task.id, "title": task.title} | values).items():
        text = "" if value is None else str(value)
        say_field(name, text)
    if no_card:
        say_field("card", no_card)
    print_production(overview, made, ctx.clock())
    say()
    rows = [
        (
            clock_time(row.at),
            names.who(row.actor),
            row.action,
            row.property,
            *map(short, _changes(row)),
        )
        for row in history
    ]
    print_table(
        ("when (UTC)", "who", "what", "property", "from", "to", "lost", "correlation id"), rows
    )


def _changes(row: TaskHistory) -> tuple[str | None, ...]:
    return row.old_value, row.new_value, row.lost_value, row.correlation_id


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
    async with connected(settings_here()) as ctx:
        before = await _store_move(ctx, task_id, target)
    if before == target:
        say(f"The task is there already: “{target}” (status {STATE_OF[target]}).")
        return
    say(f"{before} → {target} (status {STATE_OF[target]})")


async def _store_move(ctx: Context, task_id: str, target: BoardStatus) -> str:
    async with ctx.sessions.begin() as session:
        now = ctx.clock()
        await act_as(session, "operator", now=now, correlation_id=correlate())
        task = await find_task(session, task_id)
        before = task.board_status
        if before != target:
            card_changes.move_task(task, target, now)
    return before
