"""`showrunner`: the operator's command."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import cards, doctor, events, sync, tasks, webhook
from cli.running import run
from models.logs import configure_logging
from models.settings import load_settings

app = typer.Typer(
    help="Keeps a Notion board and a pipeline's PostgreSQL database equal, both ways.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(tasks.app, name="task")
app.add_typer(cards.app, name="card")
app.add_typer(events.app, name="events")
app.add_typer(webhook.app, name="webhook")
app.command("doctor")(doctor.doctor)
app.command("import")(sync.import_board)
app.command("push")(sync.push)


@app.command()
def up() -> None:
    """Start everything that is not configured, use what is, and keep the board in sync until Ctrl-C."""
    run(_up())


async def _up() -> None:
    # The rest of the commands answer faster without what only this one needs.
    from cli.up import up as start  # noqa: PLC0415

    await start(load_settings())


@app.command()
def sandbox(
    state: Annotated[Path, typer.Option(help="Where the sandbox keeps its state.")] = Path(".showrunner/sandbox"),
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8500,
) -> None:
    """Run only the sandbox: a Notion on this machine, with its API and webhooks."""
    state.mkdir(parents=True, exist_ok=True)
    os.execv(  # noqa: S606 - the product and the sandbox do not import each other
        sys.executable, [sys.executable, "-m", "sandbox", "--port", str(port), "--state", str(state)]
    )


def main() -> None:
    """The console script."""
    configure_logging("WARNING")
    app()
