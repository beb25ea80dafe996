"""`showrunner import` and `showrunner push`: runs of their deployments, or by hand where no Prefect server answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from cli.output.text import say
from cli.running import run
from cli.stack.deployment_runs import Deployment
from cli.stack.running_stack import settings_here
from models.errors import GiveUp
from tasks.runtime.report import SUPERSEDED


def import_board(
    *,
    take_board: Annotated[
        bool,
        typer.Option(
            "--take-board",
            help="Then take the board's statuses for the cards that a safety stop holds back: a restored database "
            "is what is old.",
        ),
    ] = False,
) -> None:
    """Read the whole board into the database; goes on where an interrupted import stopped.

    Writes nothing to Notion.
    """
    run(_import_board(take_board=take_board), stopped="Stopped; run it again to go on.")


async def _import_board(*, take_board: bool) -> None:
    asked = {"take_board": True} if take_board else {}
    if (done := await _run_of("import-board/import-board", asked)) is None:
        from cli.commands.sync_by_hand import import_once  # noqa: PLC0415 - loads Prefect, which the others need not wait for

        await import_once(take_board=take_board)
    elif done.startswith(SUPERSEDED):
        raise GiveUp("Another import is under way: its run stands in the Prefect UI.")


def push(
    *,
    dry: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would be written, card by card. Write nothing."),
    ] = (False),
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
    work = _show_differences(as_json=as_json) if dry else _push(confirm=confirm)
    run(
        work,
        stopped="Stopped."
        if dry
        else "Stopped; what was written stays, the rest is the next cycle's.",
    )


async def _show_differences(*, as_json: bool) -> None:
    from cli.commands.sync_by_hand import show_differences  # noqa: PLC0415 - as above

    await show_differences(as_json=as_json)


async def _push(*, confirm: bool) -> None:
    if (done := await _run_of("push/push", {"confirm": True} if confirm else {})) is None:
        from cli.commands.sync_by_hand import push_once  # noqa: PLC0415 - as above

        await push_once(confirm=confirm)
    elif done.startswith(SUPERSEDED):
        said = " It was told that you confirm." if confirm else ""
        raise GiveUp(f"Another cycle is under way; the next one is due within a minute.{said}")


async def _run_of(deployment: str, parameters: Mapping[str, bool]) -> str | None:
    """What a run of it did; None where there is no Prefect server, or no worker of its, that could run it."""
    async with Deployment.found(deployment, settings_here()) as found:
        if found is None:
            return None
        done = await found.run(parameters, say)
    say(done)
    return done
