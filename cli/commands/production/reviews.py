"""`showrunner task approve | reject | stop | retry`: decide about tasks, named or by a filter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from cli.output.text import ask, print_table, say, short, short_id, warn
from cli.running import correlate, run
from cli.stack.running_stack import settings_here
from models.errors import GiveUp
from models.operations.lookup import find_task
from models.production.gates import RETRIED, Decision, Outdated, named_pieces
from models.production.overview import Filter, Overview, Stage, list_tasks, overviews
from models.production.reviews import UnknownPiece, UnknownTask, decide
from models.production.steps import Step
from models.rules.statuses import FINISHED, PLANNING, BoardStatus
from models.tables.task import Task
from models.tables.task_history import act_as
from tasks.runtime.context import Context, connected

TASKS_MAX: Final = 500
"""Tasks that one command decides about at most."""
_SCENES_MAX: Final = 9999
_TITLE: Final = 80

TaskIds = Annotated[
    list[str] | None,
    typer.Argument(help="Ids or titles of tasks, or the beginning of either; none: by a filter."),
]
Channel = Annotated[str | None, typer.Option(help="All tasks of this channel.")]
AtGate = Annotated[Step | None, typer.Option(help="All tasks at this gate, e.g. composites.")]
Note = Annotated[str, typer.Option(help="What you say about it; stored with the decision.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the command line asked for.

    Attributes:
        pieces: the scenes that are wrong, like `2,5` or `1-3`; empty for all.
    """

    decision: Decision
    ids: Collection[str]
    channel: str | None
    gate: Step | None
    note: str
    pieces: str = ""
    yes: bool = False


def add_to(app: typer.Typer) -> None:
    """Add the commands to the group `task`."""
    for name, command in (
        ("approve", approve),
        ("reject", reject),
        ("stop", stop),
        ("retry", retry),
    ):
        app.command(name)(command)


def approve(
    ids: TaskIds = None,
    *,
    channel: Channel = None,
    gate: AtGate = None,
    note: Note = "",
    yes: Yes = False,
) -> None:
    """Approve the result of the step at which tasks wait."""
    order = Order(
        decision=Decision.APPROVE, ids=ids or (), channel=channel, gate=gate, note=note, yes=yes
    )
    run(_carry_out(order))


def reject(
    ids: TaskIds = None,
    *,
    pieces: Annotated[
        str, typer.Option(help="Only these scenes are wrong, e.g. 2,5 or 1-3; else all of them.")
    ] = "",
    channel: Channel = None,
    gate: AtGate = None,
    note: Note = "",
    yes: Yes = False,
) -> None:
    """Reject the result of the step at which tasks wait: it is done anew."""
    order = Order(
        decision=Decision.REJECT,
        ids=ids or (),
        channel=channel,
        gate=gate,
        note=note,
        pieces=pieces,
        yes=yes,
    )
    run(_carry_out(order))


def stop(
    ids: TaskIds = None,
    *,
    channel: Channel = None,
    gate: AtGate = None,
    note: Note = "",
    yes: Yes = False,
) -> None:
    """Stop tasks: they go to Archived, and their workers stop at their next report."""
    order = Order(
        decision=Decision.STOP, ids=ids or (), channel=channel, gate=gate, note=note, yes=yes
    )
    run(_carry_out(order))


def retry(
    ids: TaskIds = None, *, channel: Channel = None, note: Note = "", yes: Yes = False
) -> None:
    """Offer tasks again that failed or were rejected, with all their attempts."""
    order = Order(
        decision=Decision.RETRY, ids=ids or (), channel=channel, gate=None, note=note, yes=yes
    )
    run(_carry_out(order))


def _numbers(pieces: str) -> Collection[int]:
    if not pieces.strip():
        return ()
    try:
        named, _ = named_pieces(f"{pieces}:", scenes=_SCENES_MAX)
    except ValueError as error:
        raise GiveUp(f"--pieces: {error}") from None
    if not named:
        raise GiveUp(f"--pieces takes numbers of scenes, like 2,5 or 1-3; not “{pieces}”.")
    return named


async def _carry_out(order: Order) -> None:
    pieces = _numbers(order.pieces)
    async with connected(settings_here()) as ctx:
        found = await (_named(ctx, order) if order.ids else _filtered(ctx, order))
        if not order.ids and not order.yes:
            _confirm(order, found)
        failed = 0
        for overview in found:
            failed += not await _decide(ctx, order, overview, pieces)
    if failed:
        raise GiveUp(f"{failed} of {len(found)} tasks stayed as they were.")


async def _named(ctx: Context, order: Order) -> list[Overview]:
    """The tasks that were named, each once."""
    async with ctx.sessions() as session:
        tasks = [await find_task(session, name) for name in order.ids]
        unique = {task.id: task for task in tasks}
        found = await overviews(session, list(unique.values()))
    for overview in found:
        _check(order, overview)
    return found


def _check(order: Order, overview: Overview) -> None:
    """Refuse a task that was named and is not where the filter says."""
    task = overview.task
    waits_at = None if overview.gate is None else overview.gate.step
    if order.channel not in {None, task.channel_id}:
        raise GiveUp(f"“{task.title}” belongs to the channel {task.channel_id}. Nothing was done.")
    if order.gate not in {None, waits_at}:
        where = waits_at or "no gate"
        raise GiveUp(f"“{task.title}” waits at {where}, not at {order.gate}. Nothing was done.")


async def _filtered(ctx: Context, order: Order) -> list[Overview]:
    if order.channel is None and order.gate is None:
        raise GiveUp("Name tasks, or say which ones: --channel, --gate.")
    at_gate = order.decision in {Decision.APPROVE, Decision.REJECT}
    wanted = Filter(channel=order.channel, gate=order.gate, stage=Stage.GATE if at_gate else None)
    async with ctx.sessions() as session:
        found = await list_tasks(session, wanted, limit=TASKS_MAX)
    fit = [overview for overview in found if _fits(order.decision, overview)]
    if not fit:
        raise GiveUp(f"There is no task to {order.decision}.")
    return fit


def _fits(decision: Decision, overview: Overview) -> bool:
    column = BoardStatus(overview.task.board_status)
    if decision is Decision.RETRY:
        return column in RETRIED
    if decision is Decision.STOP:
        return column not in FINISHED and column not in PLANNING
    return True


def _confirm(order: Order, found: Sequence[Overview]) -> None:
    rows = [
        (
            short_id(overview.task.id),
            overview.task.board_status,
            overview.task.channel_id,
            short(overview.task.title, _TITLE),
        )
        for overview in found
    ]
    print_table(("task", "board status", "channel", "title"), rows, flexible="title")
    which = "this task" if len(found) == 1 else f"these {len(found)} tasks"
    if not ask(f"{order.decision.capitalize()} {which}?"):
        raise GiveUp("Nothing was done.")


def _named_task(task: Task) -> str:
    return f"{short_id(task.id)} {short(task.title, _TITLE)}"


async def _decide(ctx: Context, order: Order, overview: Overview, pieces: Collection[int]) -> bool:
    """Decide about a task as it was read; False when it stayed as it was, and why was printed."""
    task, gate = overview.task, overview.gate
    needs_gate = order.decision in {Decision.APPROVE, Decision.REJECT} or order.gate is not None
    if needs_gate and gate is None:
        warn(f"{_named_task(task)}: it stands in “{task.board_status}”, which is no gate.")
        return False
    try:
        async with ctx.sessions.begin() as session:
            await act_as(session, "operator", now=ctx.clock(), correlation_id=correlate())
            decided = await decide(
                session,
                task.id,
                decision=order.decision,
                gate=gate.step if gate is not None and needs_gate else None,
                round=gate.round if gate is not None and needs_gate else None,
                actor="operator",
                through="command",
                pieces=pieces,
                note=order.note,
            )
    except (Outdated, UnknownTask, UnknownPiece) as error:
        warn(f"{_named_task(task)}: {error}")
        return False
    later = ", as soon as its worker reports" if decided.stops else ""
    say(f"{short(task.title, _TITLE)}: {decided.before} → {decided.after}{later}")
    return True
