"""`showrunner webhook …`: what the operator needs while Notion verifies a subscription."""

from __future__ import annotations

import typer

from cli.running import run
from cli.surroundings import settings_here
from models.errors import GiveUp
from models.sync_state import ENROLLED, get_value
from tasks.connections import connected

app = typer.Typer(help="Set up Notion's webhook.", no_args_is_help=True)


@app.callback()
def webhook() -> None:
    """Set up Notion's webhook."""


@app.command("token")
def token() -> None:
    """Print the verification token that Notion sent when the subscription was made: paste it in Notion."""
    run(_token())


async def _token() -> None:
    async with connected(settings_here()) as on, on.sessions() as session:
        stored = await get_value(session, ENROLLED)
    if stored is None:
        raise GiveUp(
            "No verification token has come yet: set NOTION_WEBHOOK_ENROLMENT=true, restart, and create the "
            "subscription in Notion (or press “Resend token” there)."
        )
    typer.echo(stored["token"])
