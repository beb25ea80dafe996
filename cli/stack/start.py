"""Start the parts of `showrunner up`: PostgreSQL, Prefect, the sandbox, receiver and worker."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

import httpx

from cli.output.text import say
from cli.stack.processes import START_SECONDS, Child
from cli.stack.running_stack import among_settings, write_facts
from cli.stack.sandbox_board import ensure_board
from cli.stack.stack import Stack
from cli.stack.studio import is_wanted, sign_channels_in, start_studio
from flows.server.prefect_settings import client_environment, server_environment
from models.errors import GiveUp
from models.postgres.embedded import EmbeddedPostgres
from models.postgres.engine import database_url, libpq, migrate
from models.rules.channels import Channel
from models.settings import Settings
from tasks.board.followed import SANDBOX_BOARD, bot_id, refreshed_board
from tasks.notion.proxies import is_remote
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import connected

_RETRY_SECONDS: Final = 0.2


async def start_parts(stack: Stack, channels: Mapping[str, Channel]) -> None:
    """Start everything that is not configured, and run the first cycle.

    Args:
        channels: those that are configured, by id.

    Raises:
        ShowrunnerError: with one sentence, when a part does not start.
    """
    say("Starting: PostgreSQL, Prefect and the board …")
    stack.environment = _given(stack.settings) | client_environment(
        f"{stack.prefect_url}/api", log_style="json"
    )
    stack.environment["LOG_FORMAT"] = "json"
    await run_all([_start_prefect(stack), _start_board(stack, sorted(channels))])
    if is_wanted(stack, channels.values()):
        await _start_studio(stack, channels)
    say("  Starting the webhook receiver and the worker …")
    receiver = stack.child(
        "receiver", "-m", "webhook", ready=f"{stack.settings.receiver_url}/health"
    )
    worker = stack.child("worker", "-m", "flows.runtime.worker", "--bootstrap")
    await run_all([stack.start(receiver), _start_worker(stack, worker)])
    write_facts(stack.folder, stack.environment)


def _given(settings: Settings) -> dict[str, str]:
    """The operator's settings as variables for the children, from whatever file they were read."""
    values = settings.model_dump(exclude_unset=True, mode="python")
    return {name.upper(): _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> str:
    if hasattr(value, "get_secret_value"):
        return str(value.get_secret_value())
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


async def _start_prefect(stack: Stack) -> None:
    if stack.settings.prefect_api_url is not None:
        return
    say("  Starting Prefect's server …")
    environment = server_environment(
        stack.folder / "prefect",
        stack.settings.prefect_port,
        kept=stack.settings,
        login=stack.login,
    )
    ready = f"{stack.prefect_url}/api/health"
    server = stack.child("prefect", "-m", "flows.server.prefect_server", ready=ready, **environment)
    await stack.start(server)
    say("  Prefect server is ready.")


async def _start_postgres(stack: Stack) -> None:
    given = stack.settings.database_url
    if given is not None:
        url = database_url(given.get_secret_value())
    else:
        say("  Starting PostgreSQL …")
        stack.postgres = EmbeddedPostgres(stack.folder / "postgres")
        url = await asyncio.to_thread(stack.postgres.start)
    await asyncio.to_thread(migrate, url)
    stack.environment["DATABASE_URL"] = libpq(url)
    say("  PostgreSQL is ready.")


async def _start_notion(stack: Stack, channels: list[str]) -> None:
    """Start the sandbox, unless a token for Notion itself is configured."""
    settings = stack.settings
    if settings.notion_api_token is not None:
        return
    say("  Starting the sandbox board …")
    folder = stack.folder / "sandbox"
    folder.mkdir(exist_ok=True)
    options = {
        "--port": str(settings.sandbox_port),
        "--state": str(folder),
        "--bot-name": "Showrunner",
        "--webhook-url": f"{stack.settings.receiver_url}/webhook/notion",
    }
    # Not an argument: every user of this machine can read those.
    secret = {"SANDBOX_WEBHOOK_SECRET": _webhook_secret(stack)}
    sandbox = stack.child(
        "sandbox",
        "-m",
        "notion_sandbox",
        *(word for option in options.items() for word in option),
        ready=f"http://127.0.0.1:{settings.sandbox_port}/sandbox/requests?since=-1",
        **secret,
    )
    await stack.start(sandbox)
    facts: dict[str, Any] = json.loads((folder / "sandbox.json").read_text())
    stack.environment |= {
        "NOTION_API_TOKEN": facts["bot_token"],
        "NOTION_BASE_URL": facts["base_url"],
        "NOTION_DATABASE_ID": await ensure_board(facts, channels, stack.folder / SANDBOX_BOARD),
        "NOTION_WEBHOOK_SECRET": facts["webhook_secret"],
    }
    say("  The sandbox board is ready.")


def _webhook_secret(stack: Stack) -> str:
    """The operator's webhook secret, or one that was made for this sandbox."""
    if stack.settings.notion_webhook_secret is not None:
        return stack.settings.notion_webhook_secret.get_secret_value()
    facts = stack.folder / "sandbox" / "sandbox.json"
    known = None
    if facts.exists():
        known = json.loads(facts.read_text()).get("webhook_secret")
    return str(known or f"secret_{secrets.token_urlsafe(32)}")


async def _start_board(stack: Stack, channels: list[str]) -> None:
    """Start database and sandbox, then read the board once, so that a wrong token fails here."""
    await run_all([_start_postgres(stack), _start_notion(stack, channels)])
    async with connected(_settings_of(stack)) as ctx:
        await bot_id(ctx)
        await refreshed_board(ctx)


def _settings_of(stack: Stack) -> Settings:
    """The settings that the parts get."""
    return Settings(_env_file=None, **among_settings(stack.environment))  # type: ignore[arg-type]


async def _start_studio(stack: Stack, channels: Mapping[str, Channel]) -> None:
    await start_studio(stack)
    async with connected(_settings_of(stack)) as ctx:
        await sign_channels_in(ctx, channels.values())


async def _start_worker(stack: Stack, worker: Child) -> None:
    await stack.start(worker)
    await _start_first_cycle(f"{stack.prefect_url}/api", worker, stack.settings.prefect_login)
    say("  Deployments and worker are ready.")


async def _start_first_cycle(api: str, worker: Child, login: tuple[str, str] | None) -> None:
    """Start a cycle as soon as the deployment exists: the schedule's first may be a minute away."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_SECONDS
    why = "it was not asked"
    async with httpx.AsyncClient(timeout=30, trust_env=is_remote(api), auth=login) as client:
        while loop.time() < deadline:
            if worker.ended:
                raise GiveUp(
                    f"The worker ended while starting: {worker.last_line()} (log: {worker.log})"
                )
            try:
                await _request_cycle(client, api)
            except httpx.HTTPError as error:
                why = str(error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return
    raise GiveUp(f"Prefect's server at {api} does not start the first cycle: {why}")


async def _request_cycle(client: httpx.AsyncClient, api: str) -> None:
    found = (await client.get(f"{api}/deployments/name/push/push")).raise_for_status()
    path = f"/deployments/{found.json()['id']}/create_flow_run"
    run = {"state": {"type": "SCHEDULED"}}
    (await client.post(f"{api}{path}", json=run)).raise_for_status()
