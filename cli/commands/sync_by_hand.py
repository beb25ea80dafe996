"""Cycles by hand: what `showrunner import` and `showrunner push` do.

Loading this takes seconds: nothing else does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.output.text import print_json
from cli.running import correlate, stopping_says
from cli.stack.running_stack import settings_here
from models.errors import GiveUp
from models.sync.pending_write import PendingWrite
from models.sync.safety_stop import Waiting
from models.sync.take_board import TakenBoard
from models.tables.card import count_cards
from models.tables.card_creation import waiting_tasks, why_no_card
from tasks.alerts import deliver_alerts
from tasks.board.followed import followed_board
from tasks.notion.throttle import counting_requests
from tasks.runtime.context import Context, connected
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.runtime.report import Report
from tasks.sync.cycle import cycle
from tasks.sync.import_board import import_cards
from tasks.sync.push import dry_run
from tasks.sync.safety_stop import confirm as remember_confirmation
from tasks.sync.safety_stop import missing
from tasks.sync.safety_stop import take_board as take_statuses

_SHOWN = 100_000
"""Tasks without a card that a dry run lists."""
console = Console(soft_wrap=True, highlight=False)


@asynccontextmanager
async def _telling() -> AsyncIterator[Context]:
    """Context for a command that may have alerts to tell: no worker need be running."""
    async with connected(settings_here()) as ctx:
        try:
            yield ctx
        finally:
            await deliver_alerts(ctx)


async def import_once(*, take_board: bool) -> None:
    """Import the board with a progress bar; with `take_board`, then take its statuses for cards that wait."""
    report = Report()
    columns = (
        TextColumn("reading the board"),
        BarColumn(),
        TextColumn("{task.completed} cards"),
        TimeElapsedColumn(),
    )
    async with _telling() as ctx, one_at_a_time(ctx, Lock.IMPORT) as mine:
        if not mine:
            raise GiveUp("Another import is under way: its run stands in the Prefect UI.")
        correlation_id = correlate()
        async with ctx.sessions() as session:
            known = await count_cards(session)
        with counting_requests() as requests, Progress(*columns, console=console) as progress:
            bar = progress.add_task("import", total=None)
            with stopping_says(lambda: _stopped(int(progress.tasks[0].completed), known)):
                await import_cards(
                    ctx, report, progress=lambda cards: progress.update(bar, completed=cards)
                )
            progress.update(bar, total=report.imported)
        if take_board:
            console.print(_taken(await take_statuses(ctx, correlation_id)), markup=False)
    console.print(f"{report} ({requests.total} Notion requests)", markup=False)


def _taken(some: TakenBoard) -> str:
    """What was taken of the board's statuses."""
    left = (
        f" {some.left} wait on: they are not valid, or stand in no column that Showrunner knows; "
        "`showrunner push --dry-run` lists them."
        if some.left
        else ""
    )
    return f"Took the board's status of {some.taken} cards.{left}"


def _stopped(read: int, known: int) -> str:
    """What an import that was interrupted leaves.

    Args:
        read: cards that it stored, in this run and those before it.
        known: cards that the database held before; Notion does not tell how many a board has.
    """
    if not read:
        return "Stopped before a card was read; run it again."
    of = f" of {known:,}" if known > read else ""
    return f"Stopped after {read:,}{of} cards; run it again to go on."


async def show_differences(*, as_json: bool) -> None:
    """Print what a push would write, card by card."""
    async with connected(settings_here()) as ctx:
        changes, gone = await dry_run(ctx, await followed_board(ctx)), await missing(ctx)
        async with ctx.sessions() as session:
            unmade = await waiting_tasks(session, limit=_SHOWN)
        now = ctx.clock()
    if as_json:
        for one in unmade:
            print_json({"task_id": one.task.id, "why": why_no_card(one, now)})
        for change in changes:
            held = change.waits or change.page_id in gone
            print_json(
                {
                    "page_id": change.page_id,
                    "shown": change.shown,
                    "values": change.values,
                    "waits": held,
                }
            )
        return
    for one in unmade:
        console.print(f"task {one.task.id}: {why_no_card(one, now)}", markup=False)
    _print_changes(changes, gone)
    new = f"{len(unmade)} tasks wait for their card; " if unmade else ""
    waiting = len(gone) + sum(change.waits and change.page_id not in gone for change in changes)
    some_wait = f", {waiting} cards wait for `showrunner push --confirm`" if waiting else ""
    console.print(
        f"{new}{len(changes)} cards differ{some_wait}; nothing was written.", markup=False
    )
    if any(change.waits and change.page_id not in gone for change in changes):
        console.print(
            "Is the board right, and the database old? `showrunner import --take-board` takes the board's statuses.",
            markup=False,
        )


def _print_changes(changes: Sequence[PendingWrite], gone: Collection[str]) -> None:
    for change in changes:
        waits = (
            ": waits for `showrunner push --confirm`"
            if change.waits and change.page_id not in gone
            else ""
        )
        console.print(f"card {change.page_id}{waits}", markup=False)
        for name, value in sorted(change.values.items()):
            console.print(f"  {name}: {_shown(change.shown[name])} → {_shown(value)}", markup=False)
    for page_id in gone:
        console.print(
            f"card {page_id}: would be marked as trashed; waits for `showrunner push --confirm`",
            markup=False,
        )


def _shown(value: object) -> str:
    return "(empty)" if value in (None, "") else str(value)


async def push_once(*, confirm: bool) -> None:
    """One cycle; with `confirm`, cards that a safety stop holds back go on."""
    report = Report()
    async with _telling() as ctx:
        if confirm:
            console.print(_confirmed(await remember_confirmation(ctx)), markup=False)
        async with one_at_a_time(ctx, Lock.PUSH) as mine:
            if not mine:
                said = " It was told that you confirm." if confirm else ""
                raise GiveUp(
                    f"Another cycle is under way; the next one is due within a minute.{said}"
                )
            with counting_requests() as requests:
                await cycle(ctx, report, correlate())
    console.print(f"{report} ({requests.total} Notion requests)", markup=False)


def _confirmed(some: Waiting) -> str:
    """What a confirmation does."""
    if not some:
        return "Confirmed. No card waits for it now: it holds until the next cards wait, and is used on them."
    parts = [f"{some.moves} moves of people are put back"] if some.moves else []
    parts += (
        [f"{some.gone} pages are looked at once more, and marked as trashed if they are gone"]
        if some.gone
        else []
    )
    return f"Confirmed: {', and '.join(parts)}."
