"""The work of `showrunner import`, `push` and `retention` where no Prefect server answers.

Importing this module takes seconds, because it loads Prefect. So commands import it late.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from cli.commands.sync import another_cycle
from cli.output.text import print_json, printable, progress_bar, say
from cli.running import correlate, stopping_says
from cli.stack.running_stack import settings_here
from flows.retention import delete_what_is_old
from models.errors import GiveUp
from models.rules.formatting import counted
from models.sync.safety_stop import Waiting
from models.sync.take_board import TakenBoard
from models.sync.writes.pending import PendingWrite
from models.tables.card_creation import waiting_tasks, why_no_card
from models.tables.card_queries import count_cards
from tasks.alerts import deliver_alerts
from tasks.board.followed import followed_board
from tasks.notion.rate_limit import counting_requests
from tasks.runtime.context import Context, connected
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.runtime.report import Report
from tasks.sync.cycle import cycle
from tasks.sync.import_board import import_cards
from tasks.sync.push.all_cards import dry_run
from tasks.sync.safety_stop import confirm as remember_confirmation
from tasks.sync.safety_stop import missing
from tasks.sync.safety_stop import take_board as take_statuses

_TASKS_MAX = 100_000
"""Tasks without a card that a dry run lists."""
_WAITS = "waits for `showrunner push --confirm`"


@asynccontextmanager
async def _delivering_alerts() -> AsyncIterator[Context]:
    """Connections for a command that delivers its own alerts, because no worker may be running."""
    async with connected(settings_here()) as ctx:
        try:
            yield ctx
        finally:
            await deliver_alerts(ctx)


async def import_once(*, take_board: bool) -> None:
    """Import the board with a progress bar; with `take_board`, then take its statuses."""
    report = Report()
    columns = (
        TextColumn("reading the board"),
        BarColumn(),
        TextColumn("{task.completed} cards"),
        TimeElapsedColumn(),
    )
    async with _delivering_alerts() as ctx, one_at_a_time(ctx, Lock.IMPORT) as acquired:
        if not acquired:
            raise GiveUp("Another import is under way: its run stands in the Prefect UI.")
        correlation_id = correlate()
        async with ctx.sessions() as session:
            known = await count_cards(session)
        with counting_requests() as requests, progress_bar(*columns) as progress:
            bar = progress.add_task("import", total=None)
            with stopping_says(lambda: _stopped(int(progress.tasks[0].completed), known)):
                await import_cards(
                    ctx, report, progress=lambda cards: progress.update(bar, completed=cards)
                )
            progress.update(bar, total=report.imported)
        if take_board:
            say(_taken(await take_statuses(ctx, correlation_id)))
    say(f"{report} ({requests.total} Notion requests)")


def _taken(some: TakenBoard) -> str:
    """Say how many of the board's statuses were taken."""
    taken = f"Took the board's status of {some.taken} cards."
    if not some.left:
        return taken
    return (
        f"{taken} {some.left} wait on: they are not valid, or stand in no column that Showrunner "
        "knows; `showrunner push --dry-run` lists them."
    )


def _stopped(read: int, known: int) -> str:
    """Say how far an interrupted import came.

    Args:
        read: cards that it stored, in this run and those before it.
        known: cards that the database held before. Notion does not say how many a board has.
    """
    if not read:
        return "Stopped before a card was read; run it again."
    cards = f"{read:,}"
    if known > read:
        cards += f" of {known:,}"
    return f"Stopped after {cards} cards; run it again to go on."


async def show_differences(*, as_json: bool) -> None:
    """Print what a push would write, card by card."""
    async with connected(settings_here()) as ctx:
        changes, deleted = await dry_run(ctx, await followed_board(ctx)), await missing(ctx)
        async with ctx.sessions() as session:
            tasks = await waiting_tasks(session, limit=_TASKS_MAX)
        reasons = {one.task.id: why_no_card(one, ctx.clock()) for one in tasks}
    if as_json:
        _print_as_json(changes, deleted, reasons)
        return
    for task_id, why in reasons.items():
        say(f"task {task_id}: {why}")
    held = _print_changes(changes, deleted)
    for page_id in deleted:
        say(f"card {page_id}: would be marked as trashed; {_WAITS}")
    waiting = len(deleted) + held
    summary = f"{counted(len(changes), 'card')} differ{'s' if len(changes) == 1 else ''}"
    if reasons:
        one = len(reasons) == 1
        wait = "waits for its card" if one else "wait for their card"
        summary = f"{counted(len(reasons), 'task')} {wait}; {summary}"
    if waiting:
        waits = "waits" if waiting == 1 else "wait"
        summary += f", {counted(waiting, 'card')} {waits} for `showrunner push --confirm`"
    say(f"{summary}; nothing was written.")
    if held:
        say(
            "Is the board right, and the database old? `showrunner import --take-board` takes the "
            "board's statuses."
        )


def _print_as_json(
    changes: Sequence[PendingWrite], deleted: Collection[str], reasons: Mapping[UUID, str]
) -> None:
    for task_id, why in reasons.items():
        print_json({"task_id": task_id, "why": why})
    for change in changes:
        print_json(
            {
                "page_id": change.page_id,
                "shown": change.shown,
                "values": change.values,
                "waits": change.waits or change.page_id in deleted,
            }
        )


def _print_changes(changes: Sequence[PendingWrite], deleted: Collection[str]) -> int:
    """Print what would be written to each card; return how many cards a safety stop holds back."""
    held = 0
    for change in changes:
        waits = change.waits and change.page_id not in deleted
        held += waits
        if waits:
            say(f"card {change.page_id}: {_WAITS}")
        else:
            say(f"card {change.page_id}")
        for name, value in sorted(change.values.items()):
            say(f"  {name}: {_shown(change.shown[name])} → {_shown(value)}")
    return held


def _shown(value: object) -> str:
    return "(empty)" if value in (None, "") else printable(str(value))


async def push_once(*, confirm: bool) -> None:
    """Run one cycle; with `confirm`, including the cards that a safety stop holds back."""
    report = Report()
    async with _delivering_alerts() as ctx:
        if confirm:
            say(_confirmed(await remember_confirmation(ctx)))
        async with one_at_a_time(ctx, Lock.PUSH) as acquired:
            if not acquired:
                raise another_cycle(confirmed=confirm)
            with counting_requests() as requests:
                await cycle(ctx, report, correlate())
    say(f"{report} ({requests.total} Notion requests)")


def _confirmed(some: Waiting) -> str:
    """Say what a confirmation does."""
    if not some:
        return (
            "Confirmed. No card waits for it now: it holds until the next cards wait, and is used "
            "on them."
        )
    parts = []
    if some.moves:
        parts.append(f"{some.moves} moves of people are put back")
    if some.deletions:
        parts.append(
            f"{some.deletions} pages are read once more, and marked as trashed if they are gone"
        )
    return f"Confirmed: {', and '.join(parts)}."


async def delete_once(*, dry_run: bool) -> None:
    """Delete what is past its time, without Prefect's runs; print what was deleted."""
    async with _delivering_alerts() as ctx:
        say(await delete_what_is_old(ctx, dry_run=dry_run))
