"""`showrunner`: the operator's command."""

from __future__ import annotations

import typer

from cli import board, cards, doctor, events, parts, sandbox, sync, tasks, webhook
from cli.running import run
from models.logs import configure_logging
from models.settings import load_settings

app = typer.Typer(
    help="Keeps a Notion board and a pipeline's PostgreSQL database equal, both ways.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(board.app, name="board")
app.add_typer(tasks.app, name="task")
app.add_typer(cards.app, name="card")
app.add_typer(events.app, name="events")
app.add_typer(webhook.app, name="webhook")
app.add_typer(sandbox.app, name="sandbox")
app.command("doctor")(doctor.doctor)
app.command("import")(sync.import_board)
app.command("push")(sync.push)
app.command("migrate")(parts.bring_up_to_date)
app.command("deploy")(parts.deploy)
app.command("prefect-server")(parts.prefect_server)


@app.command()
def up() -> None:
    """Start everything that is not configured, use what is, and keep the board in sync until Ctrl-C."""
    run(_up())


async def _up() -> None:
    # The rest of the commands answer faster without what only this one needs.
    from cli.up import up as start  # noqa: PLC0415

    await start(load_settings())


def main() -> None:
    """All that the command does; it begins in `cli.__main__`."""
    configure_logging("WARNING")
    app()
