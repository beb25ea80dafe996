"""`showrunner up`: starts what is not configured, uses what is, says where everything is, and stops it all again."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from cli.interrupts import Interrupted
from cli.stack.log_tail import follow
from cli.stack.postgres import keep_postgres_alive
from cli.stack.processes import ASK_EVERY, START_SECONDS, Child, Ledger, check_port
from cli.stack.running_stack import among_settings, only_one, remove_facts, running, write_facts
from cli.stack.sandbox_board import ensure_board
from flows.server.prefect_settings import client_environment, server_environment
from models.errors import GiveUp, SettingsError
from models.postgres.embedded import EmbeddedPostgres
from models.postgres.engine import database_url, libpq, migrate, shown
from models.rules.channels import read_channels
from models.rules.notion_ids import bare_id
from models.settings import Settings
from tasks.board.followed import SANDBOX_BOARD, bot_id, refreshed_board
from tasks.notion.proxies import is_remote
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import connected

console = Console(highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print one line for the operator."""
    console.print(line, markup=False)


@dataclass
class Stack:
    """What is running, in the order in which it was started.

    Attributes:
        environment: the settings that every child gets, and other commands read.
        postgres: the database server of ours; None when the operator names one.
    """

    settings: Settings
    children: list[Child] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    postgres: EmbeddedPostgres | None = None

    @property
    def folder(self) -> Path:
        """Where everything started here keeps its data."""
        return self.settings.state_dir.resolve()

    @property
    def prefect_url(self) -> str:
        """The Prefect server's address, without `/api`."""
        own = f"http://127.0.0.1:{self.settings.prefect_port}"
        return (self.settings.prefect_api_url or own).removesuffix("/").removesuffix("/api")

    @property
    def login(self) -> str | None:
        """`user:password` that Prefect's server asks for; None when it asks for none."""
        given = self.settings.prefect_login
        return ":".join(given) if given is not None else None

    @property
    def door_url(self) -> str:
        """Where webhooks are received, as seen from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(
            self.settings.door_host, self.settings.door_host
        )
        return f"http://{host}:{self.settings.door_port}"

    @property
    def ledger(self) -> Ledger:
        """The process ids of ours."""
        return Ledger(self.folder / "processes.json")

    def child(
        self, name: str, *command: str, ready: str | None = None, **environment: str
    ) -> Child:
        """A child process of this Python, its log in the state folder."""
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        whole = {**self.environment, **environment}
        log = logs / f"{name}.log"
        child = Child(
            name=name, command=[sys.executable, *command], environment=whole, log=log, ready=ready
        )
        self.children.append(child)
        return child

    async def start(self, child: Child) -> None:
        """Start a child, recorded from its first moment on."""
        try:
            await child.start()
        finally:
            self.ledger.write(self.children)


async def up(settings: Settings) -> None:
    """Start everything and keep it running until SIGINT or SIGTERM.

    Raises:
        ShowrunnerError: with one sentence, when something cannot be started. Nothing is left
            running then.
    """
    stack, stop = Stack(settings), asyncio.Event()
    _on_signals(stop)
    folder = read_channels(settings.channel_configs).usable()
    for fault in folder.faults:
        say(f"Channel file {fault} Every other channel is followed.")
    stack.folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as cleanup:
        cleanup.enter_context(only_one(stack.folder))
        await _make_room(stack)
        cleanup.push_async_callback(_stop, stack)
        starting = asyncio.create_task(_start(stack, sorted(folder.channels)))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            raise Interrupted("Stopped before it was up.")
        starting.result()
        _announce(stack)
        await _watch(stack, stop)


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)


async def _make_room(stack: Stack) -> None:
    settings = stack.settings
    if running(settings.state_dir) is not None:
        raise GiveUp(f"Showrunner is up already in {stack.folder}: stop it there first (Ctrl-C).")
    if settings.notion_api_token is not None and settings.notion_database_id is None:
        raise SettingsError(
            "NOTION_API_TOKEN is set but NOTION_DATABASE_ID is not: copy the link of the board's database into it."
        )
    for name in await stack.ledger.stop_leftovers():
        say(f"Stopped the {name} that an earlier run left behind.")
    check_port(settings.door_host, settings.door_port, "door", "DOOR_PORT")
    if settings.prefect_api_url is None:
        check_port("127.0.0.1", settings.prefect_port, "Prefect server", "PREFECT_PORT")
    if settings.notion_api_token is None:
        check_port("127.0.0.1", settings.sandbox_port, "sandbox", "SANDBOX_PORT")


async def _start(stack: Stack, channels: list[str]) -> None:
    say("Starting: PostgreSQL, Prefect and the board …")
    stack.environment = _given(stack.settings) | client_environment(
        f"{stack.prefect_url}/api", log_style="json"
    )
    stack.environment["LOG_FORMAT"] = "json"
    await run_all([_start_prefect(stack), _start_board(stack, channels)])
    door = stack.child("door", "-m", "webhook", ready=f"{stack.door_url}/health")
    worker = stack.child("worker", "-m", "flows.runtime.worker", "--bootstrap")
    await run_all([stack.start(door), _start_worker(stack, worker)])
    write_facts(stack.folder, stack.environment)


def _given(settings: Settings) -> dict[str, str]:
    """The operator's own settings, for the children, whatever folder or file they were read from."""
    values = settings.model_dump(exclude_unset=True, mode="python")
    return {name.upper(): _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> str:
    if hasattr(value, "get_secret_value"):
        return str(value.get_secret_value())
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


async def _start_prefect(stack: Stack) -> None:
    if stack.settings.prefect_api_url is not None:
        return
    home = stack.folder / "prefect"
    environment = server_environment(
        home, stack.settings.prefect_port, kept=stack.settings, login=stack.login
    )
    command = ("-m", "flows.server.prefect_server")
    await stack.start(
        stack.child("prefect", *command, ready=f"{stack.prefect_url}/api/health", **environment)
    )
    say("  Prefect server is ready.")


async def _start_postgres(stack: Stack) -> None:
    given = stack.settings.database_url
    if given is not None:
        url = database_url(given.get_secret_value())
    else:
        stack.postgres = EmbeddedPostgres(stack.folder / "postgres")
        url = await asyncio.to_thread(stack.postgres.start)
    await asyncio.to_thread(migrate, url)
    stack.environment["DATABASE_URL"] = libpq(url)
    say("  PostgreSQL is ready.")


async def _start_notion(stack: Stack, channels: list[str]) -> None:
    settings = stack.settings
    if settings.notion_api_token is not None:
        return
    folder = stack.folder / "sandbox"
    folder.mkdir(exist_ok=True)
    base_url = f"http://127.0.0.1:{settings.sandbox_port}"
    options = (
        "--port",
        str(settings.sandbox_port),
        "--state",
        str(folder),
        "--bot-name",
        "Showrunner",
    )
    command = (
        "-m",
        "notion_sandbox",
        *options,
        "--webhook-url",
        f"{stack.door_url}/webhook/notion",
    )
    secret = {
        "SANDBOX_WEBHOOK_SECRET": _webhook_secret(stack)
    }  # every user of this machine may read arguments
    sandbox = stack.child(
        "sandbox", *command, ready=f"{base_url}/sandbox/requests?since=-1", **secret
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
    """The operator's, or one made for this sandbox and kept."""
    if stack.settings.notion_webhook_secret is not None:
        return stack.settings.notion_webhook_secret.get_secret_value()
    facts = stack.folder / "sandbox" / "sandbox.json"
    known = json.loads(facts.read_text()).get("webhook_secret") if facts.exists() else None
    return str(known or f"secret_{secrets.token_urlsafe(32)}")


async def _start_board(stack: Stack, channels: list[str]) -> None:
    """Database and board; then ask Notion once as every step will, so that a wrong token or board is said now."""
    await run_all([_start_postgres(stack), _start_notion(stack, channels)])
    children = Settings(_env_file=None, **among_settings(stack.environment))  # type: ignore[arg-type]
    async with connected(children) as ctx:
        await bot_id(ctx)
        await refreshed_board(ctx)


async def _start_worker(stack: Stack, worker: Child) -> None:
    await stack.start(worker)
    await _first_cycle(f"{stack.prefect_url}/api", worker, stack.settings.prefect_login)
    say("  Deployments and worker are ready.")


async def _first_cycle(api: str, worker: Child, login: tuple[str, str] | None) -> None:
    """The schedule's first run may be a minute away; the board should be in sync at once."""
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
                deployment = (
                    (await client.get(f"{api}/deployments/name/push/push"))
                    .raise_for_status()
                    .json()
                )
                run = {"state": {"type": "SCHEDULED"}}
                (
                    await client.post(
                        f"{api}/deployments/{deployment['id']}/create_flow_run", json=run
                    )
                ).raise_for_status()
            except httpx.HTTPError as error:
                why = str(error)
                await asyncio.sleep(ASK_EVERY)
            else:
                return
    raise GiveUp(f"Prefect's server at {api} does not start the first cycle: {why}")


def _announce(stack: Stack) -> None:
    sandbox = stack.settings.notion_api_token is None
    board = (
        stack.environment["NOTION_BASE_URL"]
        if sandbox
        else f"https://www.notion.so/{_board_id(stack)}"
    )
    say("")
    say("Showrunner is up. Ctrl-C stops everything; `make up` goes on where it stopped.")
    say(f"  board       {board}{'   (sandbox: a Notion ctx this machine)' if sandbox else ''}")
    say(f"  Prefect UI  {stack.prefect_url}")
    say(f"  door        {stack.door_url}/webhook/notion")
    say(f"  database    {shown(database_url(stack.environment['DATABASE_URL']))}")
    say(f"  logs        {stack.folder / 'logs'}")
    say("")


def _board_id(stack: Stack) -> str:
    return bare_id(stack.environment["NOTION_DATABASE_ID"])


async def _watch(stack: Stack, stop: asyncio.Event) -> None:
    """Keep the children alive and show what they do until asked to stop."""
    watched = [child for child in stack.children if child.name in {"door", "worker"}]
    work = [follow(child.name, child.log, say) for child in watched]
    work += [
        child.keep_alive(say, lambda: stack.ledger.write(stack.children))
        for child in stack.children
    ]
    if stack.postgres is not None:
        work.append(keep_postgres_alive(stack.postgres, say))
    tasks = [asyncio.create_task(each) for each in work]
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _stop(stack: Stack) -> None:
    """Stop in the order that loses nothing: first who takes work, last what keeps it."""
    say("Stopping …")
    remove_facts(stack.folder)
    order = {"door": 0, "worker": 1}
    for child in sorted(stack.children, key=lambda child: order.get(child.name, 2)):
        await child.stop()
    stack.ledger.write([])
    if stack.postgres is not None:
        await asyncio.to_thread(stack.postgres.stop)
    say("Stopped.")
