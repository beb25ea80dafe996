"""The command `showrunner` and its subcommands."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Annotated

import typer

from cli.commands import backup, board, cards, doctor, events, sandbox, sync, tasks, webhook
from cli.commands import components as parts
from cli.commands import forget_board as forgetting
from cli.commands.production import costs, tokens, youtube
from cli.interrupts import CODE, leave, loading
from cli.output.text import say
from cli.running import run
from models.logs import configure_logging
from models.settings import load_settings
from tasks.notion.proxies import keep_loopback_direct

app = typer.Typer(
    help="Keeps a Notion board and a pipeline's PostgreSQL database equal, both ways.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(board.app, name="board")
app.add_typer(tasks.app, name="task")
app.add_typer(tokens.app, name="token")
app.add_typer(youtube.app, name="youtube")
app.add_typer(cards.app, name="card")
app.add_typer(events.app, name="events")
app.add_typer(webhook.app, name="webhook")
app.add_typer(sandbox.app, name="sandbox")
app.command("costs")(costs.costs)
app.command("doctor")(doctor.doctor)
app.command("import")(sync.import_board)
app.command("push")(sync.push)
app.command("retention")(sync.retention)
app.command("forget-board")(forgetting.forget)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("migrate")(parts.bring_up_to_date)
app.command("deploy")(parts.deploy)
app.command("prefect-server")(parts.prefect_server)


def _print_version(value: bool) -> None:
    if value:
        say(f"showrunner {version('showrunner')}")
        raise typer.Exit


@app.callback()
def showrunner(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Keep a Notion board and a pipeline's PostgreSQL database equal, both ways."""


@app.command()
def up() -> None:
    """Start what is not configured, use what is, and keep the board in sync until Ctrl-C."""
    run(_up())


async def _up() -> None:
    # Imported late: other commands start faster without it.
    with loading():
        from cli.stack.up import up as start  # noqa: PLC0415

    await start(load_settings())


def main() -> None:
    """Run the command. `cli.__main__` handles signals first, then calls this."""
    # Prefect reads it when it is imported, which some commands do late. Without it Prefect prints a
    # notice and sends analytics.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    configure_logging("WARNING")
    keep_loopback_direct(os.environ)
    try:
        app()
    except SystemExit as end:
        if end.code == CODE:
            leave()
        raise
