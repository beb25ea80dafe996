"""Cycles by hand: what `showrunner import` and `showrunner push` do. Loading this takes seconds: nothing else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.running import correlate, stopping_says
from cli.surroundings import settings_here
from models.card import count_cards
from models.errors import GiveUp
from models.sync_state import CONFIRMED, remember
from tasks.alerts import deliver_alerts
from tasks.board import followed_board
from tasks.connections import Connections, connected
from tasks.cycle import cycle
from tasks.importing import import_cards
from tasks.locks import Lock, one_at_a_time
from tasks.pacing import counting_requests
from tasks.push import dry_run
from tasks.report import Report

console = Console(soft_wrap=True, highlight=False)


@asynccontextmanager
async def _telling() -> AsyncIterator[Connections]:
    """Connections for a command that may have alerts to tell: no worker need be running."""
    async with connected(settings_here()) as on:
        try:
            yield on
        finally:
            await deliver_alerts(on)


async def import_once() -> None:
    """Import the board with a progress bar."""
    report = Report()
    columns = (TextColumn("reading the board"), BarColumn(), TextColumn("{task.completed} cards"), TimeElapsedColumn())
    async with _telling() as on, one_at_a_time(on, Lock.IMPORT) as mine:
        if not mine:
            raise GiveUp("Another import is under way: its run stands in the Prefect UI.")
        correlate()
        async with on.sessions() as session:
            known = await count_cards(session)
        with counting_requests() as requests, Progress(*columns, console=console) as progress:
            bar = progress.add_task("import", total=None)
            with stopping_says(lambda: _stopped(int(progress.tasks[0].completed), known)):
                await import_cards(on, report, progress=lambda cards: progress.update(bar, completed=cards))
            progress.update(bar, total=report.imported)
    console.print(f"{report} ({requests.total} Notion requests)", markup=False)


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


async def show_differences() -> None:
    """Print what a push would write, card by card."""
    async with connected(settings_here()) as on:
        changes = await dry_run(on, await followed_board(on))
    for change in changes:
        console.print(f"card {change.page_id}", markup=False)
        for name, value in sorted(change.values.items()):
            console.print(f"  {name}: {_shown(change.shown[name])} → {_shown(value)}", markup=False)
    console.print(f"{len(changes)} cards differ; nothing was written.", markup=False)


def _shown(value: object) -> str:
    return "(empty)" if value in (None, "") else str(value)


async def push_once(*, confirm: bool) -> None:
    """One cycle; `confirm` lets it pass a safety stop."""
    report = Report()
    async with _telling() as on:
        if confirm:
            await _confirm(on)
        async with one_at_a_time(on, Lock.PUSH) as mine:
            if not mine:
                said = " It was told that you confirm." if confirm else ""
                raise GiveUp(f"Another cycle is under way; the next one is due within a minute.{said}")
            with counting_requests() as requests:
                await cycle(on, report, correlate())
    console.print(f"{report} ({requests.total} Notion requests)", markup=False)


async def _confirm(on: Connections) -> None:
    async with on.sessions.begin() as session:
        await remember(session, CONFIRMED, moment=on.clock())
