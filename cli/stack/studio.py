"""The services that makers buy from, emulated on this machine for a sandbox board without keys."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Final

from dotenv import dotenv_values
from pydantic import SecretStr

from cli.output.text import say
from cli.stack.processes import check_port
from cli.stack.running_stack import MAKERS_SETTINGS
from cli.stack.stack import Stack
from models.production.config import installed_makers, production_of
from models.rules.channels import Channel
from models.settings import FILES
from models.tables.production.logins import logins_of, put_login
from tasks.runtime.context import Context

_PROGRAM: Final = "studio_sandbox"
_YOUTUBE: Final = "youtube"
MAKERS: Final = frozenset({"gemini", "kling", "elevenlabs", _YOUTUBE})
"""The makers whose services are emulated."""
_KEYS: Final = {
    "GEMINI_API_KEY": "studio-gemini-key",
    "KLING_ACCESS_KEY": "studio-kling-access-key",
    "KLING_SECRET_KEY": "studio-kling-secret-key-of-32-bytes",
    "ELEVENLABS_API_KEY": "studio-elevenlabs-key",
    "YOUTUBE_CLIENT_ID": "studio-client.apps.googleusercontent.com",
    "YOUTUBE_CLIENT_SECRET": "studio-client-secret",
}
"""Keys of the emulated accounts, which protect nothing."""
_REFRESH_TOKEN: Final = SecretStr("studio-youtube-refresh-token")
_JOB_SECONDS: Final = 6
"""How long the emulated Kling takes for a clip; the real one takes minutes."""


def is_wanted(stack: Stack, channels: Iterable[Channel]) -> bool:
    """Whether to start it: the board is the sandbox's, a channel needs a service, no key is set.

    Raises:
        ProductionError: when a channel's block cannot be used.
    """
    if stack.settings.notion_api_token is not None or _given():
        return False
    if find_spec(_PROGRAM) is None:
        return False  # an image for production has no emulators
    return any(MAKERS & makers_of(channel) for channel in channels)


def makers_of(channel: Channel) -> set[str]:
    """The makers that a channel's file names.

    Raises:
        ProductionError: when its block cannot be used.
    """
    block = production_of(channel.settings, installed_makers())
    return set() if block is None else set(block.makers.values())


def _given() -> bool:
    """Whether the operator set anything of a service."""
    known = {name: value for file in FILES for name, value in dotenv_values(file).items()}
    known |= os.environ
    return any(value and name.upper().startswith(MAKERS_SETTINGS) for name, value in known.items())


async def start_studio(stack: Stack) -> None:
    """Start the emulated services, and let makers use them."""
    port = stack.settings.studio_port
    check_port("127.0.0.1", port, "emulated services", "STUDIO_PORT")
    say("  Starting emulated services (no keys are set) …")
    folder = stack.folder / "studio"
    folder.mkdir(exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    options = {
        "--port": str(port),
        "--data": str(folder / "studio.jsonl"),
        "--job-seconds": str(_JOB_SECONDS),
    }
    studio = stack.child(
        "studio",
        "-m",
        _PROGRAM,
        "serve",
        *(word for option in options.items() for word in option),
        ready=f"{url}/control/ledger",
    )
    await stack.start(studio)
    stack.environment |= _KEYS | {
        "GEMINI_URL": url,
        "KLING_URL": url,
        "ELEVENLABS_URL": url,
        "YOUTUBE_URL": url,
        "YOUTUBE_OAUTH_URL": url,
        "YOUTUBE_CONSENT_URL": f"{url}/o/oauth2/v2/auth",
    }


async def sign_channels_in(ctx: Context, channels: Iterable[Channel]) -> None:
    """Let films of channels be published on the emulated YouTube, as a person would."""
    for channel in channels:
        if _YOUTUBE not in makers_of(channel):
            continue
        async with ctx.sessions.begin() as session:
            known = await logins_of(session, channel.id)
            if _YOUTUBE in known:
                continue
            await put_login(
                session, _YOUTUBE, channel.id, secret=_REFRESH_TOKEN, account="Sandbox channel"
            )
