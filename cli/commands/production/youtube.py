"""`showrunner youtube …`: which YouTube channel a channel's films are published on."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from typing import Annotated, Final

import typer
from pydantic import SecretStr

from cli.commands.production.loopback import redirect
from cli.output.text import AsJson, on_terminal, print_json, print_table, say, warn
from cli.running import run
from cli.stack.running_stack import settings_here
from models.errors import GiveUp
from models.production.making import Login, MakerError, SignsIn
from models.rules.formatting import clock_time
from models.tables.production import logins
from tasks.production.makers import maker_named
from tasks.production.pauses import resume_channel
from tasks.runtime.context import Context, connected

app = typer.Typer(help="Channels on YouTube: connect, list, disconnect.", no_args_is_help=True)

MAKER: Final = "youtube"
WAIT_SECONDS: Final = 600.0
"""How long a person has to say yes in the browser."""
_BYTES: Final = 48

ChannelId = Annotated[str, typer.Argument(help="The channel: its file's name without .yaml.")]
AtPort = Annotated[
    int,
    typer.Option(
        "--port", min=0, max=65535, help="Where the browser comes back to; 0: any that is free."
    ),
]


@app.command("connect")
def connect(channel: ChannelId, *, port: AtPort = 0) -> None:
    """Let Showrunner publish a channel's films: a person says yes in a browser, once."""
    run(_connect(channel, port))


async def _connect(channel: str, port: int) -> None:
    maker = _maker()
    async with connected(settings_here()) as ctx:
        known = sorted(await ctx.channels())
        if channel not in known:
            raise GiveUp(
                f"There is no channel “{channel}”; there are {', '.join(known) or 'none'}."
            )
        login = await _sign_in(maker, port)
        async with ctx.sessions.begin() as session:
            await logins.put_login(
                session, MAKER, channel, secret=login.secret, account=login.account
            )
        await resume_channel(ctx, MAKER, channel)
    say(f"Films of {channel} are published on “{login.account}” from now on.")


async def _sign_in(maker: SignsIn, port: int) -> Login:
    """Have a person say yes, and exchange what the browser brings back."""
    verifier = secrets.token_urlsafe(_BYTES)
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    async with redirect(secrets.token_urlsafe(_BYTES), port) as waiting:
        address = maker.sign_in_address(
            redirect=waiting.address, state=waiting.state, challenge=challenge
        )
        say(f"Open this address in a browser on this machine, and choose the channel:\n{address}")
        if on_terminal():
            typer.launch(address)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                code = await waiting.code()
        except TimeoutError:
            raise GiveUp("Nobody said yes in time. Run the command again.") from None
        return await maker.sign_in(code=code, redirect=waiting.address, verifier=verifier)


@app.command("list")
def list_channels(*, as_json: AsJson = False) -> None:
    """List the channels that are connected."""
    run(_list(as_json=as_json))


async def _list(*, as_json: bool) -> None:
    async with connected(settings_here()) as ctx, ctx.sessions() as session:
        found = await logins.all_logins(session, MAKER)
    if as_json:
        for login in found:
            print_json(login.model_dump(exclude={"secret", "maker"}))
        return
    rows = [(login.channel_id, login.account, clock_time(login.created_at)) for login in found]
    print_table(("channel", "on YouTube", "connected (UTC)"), rows)


@app.command("disconnect")
def disconnect(channel: ChannelId) -> None:
    """Forget a channel's login, here and at Google. Its uploads wait from now on."""
    run(_disconnect(channel))


async def _disconnect(channel: str) -> None:
    async with connected(settings_here()) as ctx:
        login = await _forget(ctx, channel)
        try:
            await _maker().sign_out(login)
        except (MakerError, GiveUp) as error:
            warn(
                f"{error} Google may still accept the login: remove it at "
                "https://myaccount.google.com/connections."
            )
    say(f"{channel} is disconnected; `showrunner youtube connect {channel}` connects it again.")


async def _forget(ctx: Context, channel: str) -> SecretStr:
    async with ctx.sessions.begin() as session:
        login = await logins.remove_login(session, MAKER, channel)
    if login is None:
        raise GiveUp(f"{channel} is not connected: `showrunner youtube list` shows what is.")
    return login


def _maker() -> SignsIn:
    """The maker that signs in.

    Raises:
        MakerError: when it is not installed here.
        GiveUp: when another maker has its name.
    """
    maker = maker_named(MAKER)
    if not isinstance(maker, SignsIn):
        raise GiveUp(f"The maker “{MAKER}” that is installed here does not sign in to accounts.")
    return maker
