"""`showrunner import` and `showrunner push`: a cycle by hand, without waiting for Prefect."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.running import run


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
    """Read the whole board into the database; goes on where an interrupted import stopped. Writes nothing to Notion."""
    from cli.cycles import import_once  # noqa: PLC0415 - loads Prefect, which the other commands need not wait for

    run(import_once(take_board=take_board), stopped="Stopped; run it again to go on.")


def push(
    *,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be written, card by card. Write nothing.")
    ] = (False),
    confirm: Annotated[
        bool,
        typer.Option("--confirm", help="Go on with the cards that a safety stop holds back, or with the next ones."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: one JSON object a card.")] = False,
) -> None:
    """Run one cycle now: take in what people did, then write what differs."""
    if as_json and not dry:
        raise typer.BadParameter("--json goes with --dry-run.")
    from cli.cycles import push_once, show_differences  # noqa: PLC0415 - as above

    work = show_differences(as_json=as_json) if dry else push_once(confirm=confirm)
    run(work, stopped="Stopped." if dry else "Stopped; what was written stays, the rest is the next cycle's.")
