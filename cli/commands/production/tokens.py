"""`showrunner token …`: who may use the worker API."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output.text import AsJson, print_json, print_table, say, warn
from cli.running import run
from cli.stack.running_stack import settings_here
from models.operations import api_tokens
from models.operations.api_tokens import Scope
from models.rules.formatting import clock_time
from tasks.runtime.context import connected

app = typer.Typer(help="Tokens of the worker API: make, list, revoke.", no_args_is_help=True)

TokenName = Annotated[str, typer.Argument(help="Whose token it is, e.g. render or ada.")]


@app.command("create")
def create_token(
    name: TokenName,
    scope: Annotated[
        Scope,
        typer.Option(
            help="worker: takes tasks and reports; reviewer: approves, rejects, stops, retries; "
            "reader: only reads."
        ),
    ],
) -> None:
    """Make a token. Its secret is shown now, and never again."""
    run(_create(name, scope))


async def _create(name: str, scope: Scope) -> None:
    async with connected(settings_here()) as ctx, ctx.sessions.begin() as session:
        secret = await api_tokens.create_token(session, name, scope, now=ctx.clock())
    say(secret)
    warn("Keep it now: only a hash of it is stored. Send it as “Authorization: Bearer …”.")


@app.command("list")
def list_tokens(*, as_json: AsJson = False) -> None:
    """List all tokens; their secrets are stored nowhere."""
    run(_list(as_json=as_json))


async def _list(*, as_json: bool) -> None:
    async with connected(settings_here()) as ctx, ctx.sessions() as session:
        tokens = await api_tokens.list_tokens(session)
    if as_json:
        for token in tokens:
            print_json(token.model_dump(exclude={"hash"}))
        return
    rows = [
        (
            token.name,
            token.scope,
            *(
                "" if moment is None else clock_time(moment)
                for moment in (token.created_at, token.last_used_at, token.revoked_at)
            ),
        )
        for token in tokens
    ]
    print_table(("name", "scope", "made (UTC)", "last used", "revoked"), rows)


@app.command("revoke")
def revoke_token(name: TokenName) -> None:
    """Revoke a token: from now on it counts no longer. Its name stays taken."""
    run(_revoke(name))


async def _revoke(name: str) -> None:
    async with connected(settings_here()) as ctx, ctx.sessions.begin() as session:
        counted = await api_tokens.revoke_token(session, name, now=ctx.clock())
    say(f"Revoked {name}." if counted else f"{name} was revoked already.")
