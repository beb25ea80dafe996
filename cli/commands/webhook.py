"""`showrunner webhook …`: the verification tokens of Notion's webhook subscriptions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cli.output.text import say, warn
from cli.running import run
from cli.stack.running_stack import settings_here
from models.errors import GiveUp
from models.operations.webhook_tokens import Tokens, hold_tokens, read_tokens, store_tokens
from models.rules.formatting import clock_time
from tasks.runtime.context import connected

app = typer.Typer(help="Set up Notion's webhook.", no_args_is_help=True)

_WAITS = (
    "It counts once it is accepted: paste it in Notion, Verify, then `showrunner webhook accept`."
)
_COUNTS = "It counts: paste it in Notion, Verify."


@app.callback()
def webhook() -> None:
    """Set up Notion's webhook."""


@app.command("token")
def token(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Print each token that is stored, the newest first.")
    ] = False,
) -> None:
    """Print the newest verification token that Notion sent for a subscription."""
    run(_token(every=every))


async def _token(*, every: bool) -> None:
    async with connected(settings_here()) as ctx, ctx.sessions() as session:
        tokens = await read_tokens(session)
    found = [
        *((one, _WAITS) for one in tokens.candidates),
        *((one, _COUNTS) for one in [tokens.secret] if one),
    ]
    if not found:
        raise GiveUp(
            "No verification token has come yet: set NOTION_WEBHOOK_ENROLMENT=true, restart, and "
            "create the subscription in Notion (or press “Resend token” there)."
        )
    if not every:
        del found[1:]
    for one, state in found:
        say(one.token)
        warn(f"{_came(one.received_at)}{state}")
    if len(tokens.candidates) > 1 and not every:
        warn(
            f"{len(tokens.candidates)} tokens wait, the newest {len(tokens.candidates)} at most: "
            "if Notion does not take this one, `showrunner webhook token --all` prints the "
            "others. A stranger may have sent them."
        )


def _came(at: datetime | None) -> str:
    if at is None:
        return ""
    return f"Came {clock_time(at)} UTC. "


@app.command("accept")
def accept(
    beginning: Annotated[
        str | None,
        typer.Argument(
            metavar="TOKEN", help="The token or how it begins; only needed if several wait."
        ),
    ] = None,
) -> None:
    """Let the token count that Notion took at Verify.

    Accept no other: whoever sent it could send events.
    """
    run(_accept(beginning))


async def _accept(beginning: str | None) -> None:
    async with connected(settings_here()) as ctx, ctx.sessions.begin() as session:
        accepted = (await hold_tokens(session)).accepting(beginning)
        await store_tokens(session, accepted)
    say("Accepted. Now set NOTION_WEBHOOK_ENROLMENT=false and restart.")
    if accepted.former is not None:
        say("The token before counts too until the new one has signed its first event.")
    if accepted.secret is not None and accepted.secret.beside is not None:
        say(
            "NOTION_WEBHOOK_SECRET counts beside it: once the old subscription is deleted, set it "
            "to the new token, or to nothing."
        )


@app.command("forget")
def forget() -> None:
    """Remove every token that a handshake brought. NOTION_WEBHOOK_SECRET is a setting and stays."""
    run(_forget())


async def _forget() -> None:
    async with connected(settings_here()) as ctx, ctx.sessions.begin() as session:
        before = await hold_tokens(session)
        await store_tokens(session, Tokens())
    removed = len(before.candidates)
    if before.secret is not None:
        removed += 1
    if not removed:
        say("No token was stored.")
        return
    tokens = "1 token"
    if removed > 1:
        tokens = f"{removed} tokens"
    say(
        f"Forgot {tokens}. Restart what runs the webhook receiver to be "
        "sure that it does too; from then on it takes what NOTION_WEBHOOK_SECRET signs, and "
        "nothing without one."
    )
