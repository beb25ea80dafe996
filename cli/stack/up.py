"""`showrunner up`: start what is not configured, print where it is, and stop it all at the end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

from cli.interrupts import Interrupted
from cli.output.text import say
from cli.stack.log_tail import follow
from cli.stack.postgres import keep_postgres_alive
from cli.stack.processes import check_port
from cli.stack.running_stack import STOPPING, note_use, only_one, remove_facts, running
from cli.stack.stack import Stack
from cli.stack.start import start_parts
from models.errors import GiveUp, SettingsError
from models.postgres.engine import database_url, shown
from models.production.config import check_block
from models.rules.channels import read_channels
from models.settings import Settings


async def up(settings: Settings) -> None:
    """Start everything and keep it running until SIGINT or SIGTERM.

    Raises:
        ShowrunnerError: with one sentence, when something cannot be started. Nothing is left
            running then.
    """
    stack, stop = Stack(settings), asyncio.Event()
    _set_on_signals(stop)
    folder = read_channels(settings.channel_configs, check=check_block).usable()
    for fault in folder.faults:
        say(f"Channel file {fault} Every other channel is followed.")
    async with AsyncExitStack() as cleanup:
        cleanup.enter_context(only_one(stack.folder))
        await _prepare(stack)
        cleanup.push_async_callback(_stop, stack)
        starting = asyncio.create_task(start_parts(stack, folder.channels))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait({starting})
            raise Interrupted("Stopped before it was up.")
        starting.result()
        _print_addresses(stack)
        await _keep_running(stack, stop)


def _set_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)


async def _prepare(stack: Stack) -> None:
    """Stop what an earlier run left behind, and check settings and ports."""
    settings = stack.settings
    if running(settings.state_dir) is not None:
        raise GiveUp(f"Showrunner is up already in {stack.folder}: stop it there first (Ctrl-C).")
    if settings.notion_api_token is not None and settings.notion_database_id is None:
        raise SettingsError(
            "NOTION_API_TOKEN is set but NOTION_DATABASE_ID is not: copy the link of the board's "
            "database into it."
        )
    _check_ports_differ(settings)
    for name in await stack.ledger.stop_leftovers():
        say(f"Stopped the {name} that an earlier run left behind.")
    check_port(settings.receiver_host, settings.receiver_port, "webhook receiver", "RECEIVER_PORT")
    check_port(settings.worker_api_host, settings.worker_api_port, "worker API", "WORKER_API_PORT")
    if settings.prefect_api_url is None:
        check_port("127.0.0.1", settings.prefect_port, "Prefect server", "PREFECT_PORT")
    if settings.notion_api_token is None:
        check_port("127.0.0.1", settings.sandbox_port, "sandbox", "SANDBOX_PORT")


def _check_ports_differ(settings: Settings) -> None:
    """Check that no two parts are to listen on the same port.

    Raises:
        SettingsError: naming the settings that are equal.
    """
    ports = {
        "RECEIVER_PORT": settings.receiver_port,
        "WORKER_API_PORT": settings.worker_api_port,
    }
    if settings.prefect_api_url is None:
        ports["PREFECT_PORT"] = settings.prefect_port
    if settings.notion_api_token is None:
        ports |= {"SANDBOX_PORT": settings.sandbox_port, "STUDIO_PORT": settings.studio_port}
    for port in ports.values():
        equal = [name for name, other in ports.items() if other == port]
        if len(equal) > 1:
            raise SettingsError(f"{' and '.join(equal)} are both {port}: give each its own port.")


def _print_addresses(stack: Stack) -> None:
    say("")
    say("Showrunner is up. Ctrl-C stops everything; `make up` goes on where it stopped.")
    say(f"  board             {_board_address(stack)}")
    if any(child.name == "studio" for child in stack.children):
        address = f"http://127.0.0.1:{stack.settings.studio_port}"
        say(f"  services          {address}   (emulated, with a ledger of what they charge)")
    say(f"  Prefect UI        {stack.prefect_url}")
    say(f"  webhook receiver  {stack.settings.receiver_url}/webhook/notion")
    say(f"  worker API        {stack.settings.worker_api_url}/docs")
    say(f"  database          {shown(database_url(stack.environment['DATABASE_URL']))}")
    say(f"  logs              {stack.folder / 'logs'}")
    say("")


def _board_address(stack: Stack) -> str:
    if stack.settings.notion_api_token is None:
        return f"{stack.environment['NOTION_BASE_URL']}   (sandbox: a Notion on this machine)"
    board_id = stack.environment["NOTION_DATABASE_ID"].replace("-", "")
    return f"https://www.notion.so/{board_id}"


async def _keep_running(stack: Stack, stop: asyncio.Event) -> None:
    """Restart children that end, and print their log lines, until a stop is requested."""
    followed = [child for child in stack.children if child.name in {"receiver", "worker"}]
    work = [follow(child.name, child.log, say) for child in followed]
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
    """Stop everything: first receiver and worker, which use the others, then the others."""
    say("Stopping …")
    note_use(stack.folder, STOPPING)
    remove_facts(stack.folder)
    order = {"receiver": 0, "worker": 1}
    for child in sorted(stack.children, key=lambda child: order.get(child.name, 2)):
        await child.stop()
    stack.ledger.write([])
    if stack.postgres is not None:
        await asyncio.to_thread(stack.postgres.stop)
    say("Stopped.")
