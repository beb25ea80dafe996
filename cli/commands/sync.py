"""`showrunner import`, `push` and `retention`.

Each is a run of its deployment. Where no Prefect server answers, the command does the work itself.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.interrupts import loading
from cli.output.text import say
from cli.running import run
from cli.stack.deployment_runs import run_deployment
from cli.stack.running_stack import settings_here
from models.errors import GiveUp
from tasks.runtime.report import SUPERSEDED


def import_board(
    *,
    take_board: Annotated[
        bool,
        typer.Option(
            "--take-board",
            help="Then take the board's statuses for the cards that a safety stop holds back: "
            "a restored database is what is old.",
        ),
    ] = False,
) -> None:
    """Read the whole board into the database; goes on where an interrupted import stopped.

    Writes nothing to Notion.
    """
    run(_import_board(take_board=take_board), stopped="Stopped; run it again to go on.")


async def _import_board(*, take_board: bool) -> None:
    summary = await _run("import-board/import-board", take_board=take_board)
    if summary is None:
        with loading():
            from cli.commands.sync_by_hand import import_once  # noqa: PLC0415 - loads Prefect: seconds

        await import_once(take_board=take_board)
    elif summary.startswith(SUPERSEDED):
        raise GiveUp("Another import is under way: its run stands in the Prefect UI.")


def push(
    *,
    dry: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would be written, card by card. Write nothing."),
    ] = False,
    confirm: Annotated[
        bool,
        typer.Option(
            "--confirm",
            help="Go on with the cards that a safety stop holds back, or with the next ones.",
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --dry-run: one JSON object a card.")
    ] = False,
) -> None:
    """Run one cycle now: take in what people did, then write what differs."""
    if as_json and not dry:
        raise typer.BadParameter("--json goes with --dry-run.")
    if dry:
        run(_show_differences(as_json=as_json))
        return
    stopped = "Stopped; what was written stays, the rest is the next cycle's."
    run(_push(confirm=confirm), stopped=stopped)


async def _show_differences(*, as_json: bool) -> None:
    with loading():
        from cli.commands.sync_by_hand import show_differences  # noqa: PLC0415 - as above

    await show_differences(as_json=as_json)


async def _push(*, confirm: bool) -> None:
    summary = await _run("push/push", confirm=confirm)
    if summary is None:
        with loading():
            from cli.commands.sync_by_hand import push_once  # noqa: PLC0415 - as above

        await push_once(confirm=confirm)
    elif summary.startswith(SUPERSEDED):
        raise another_cycle(confirmed=confirm)


def another_cycle(*, confirmed: bool) -> GiveUp:
    """The error for a cycle that cannot run because another one does."""
    sentence = "Another cycle is under way; the next one is due within a minute."
    if confirmed:
        sentence += " It was told that you confirm."
    return GiveUp(sentence)


def retention(
    *,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say how much is due. Delete nothing.")
    ] = False,
) -> None:
    """Delete old events, history and Prefect runs now; the hourly run does the same."""
    run(_retention(dry=dry), stopped="Stopped; what was deleted stays deleted.")


async def _retention(*, dry: bool) -> None:
    if await _run("retention/retention", dry_run=dry) is None:
        with loading():
            from cli.commands.sync_by_hand import delete_once  # noqa: PLC0415 - as above

        await delete_once(dry_run=dry)


async def _run(deployment: str, **flags: bool) -> str | None:
    """Run the deployment and print what it did; None where no Prefect server can run it.

    Only flags that are set are passed, so that the run's page shows no others.
    """
    parameters = {name: True for name, is_set in flags.items() if is_set}
    ended = await run_deployment(deployment, parameters, settings_here(), say)
    if ended is None:
        return None
    say(ended.name)
    return ended.name
