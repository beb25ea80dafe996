"""The door as a program: `python -m webhook`."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import structlog
import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from models.errors import GiveUp, SettingsError, ShowrunnerError
from models.logs import configure_logging
from models.postgres.engine import (
    Sessions,
    committing_at_once,
    database_url,
    open_engine,
    open_sessions,
)
from models.postgres.notify import announce_run
from models.settings import Settings, load_settings
from tasks.notion.proxies import keep_loopback_direct
from tasks.operations.watchdog import Watchdog, run_watchdog
from tasks.runtime.clock import DatabaseClock
from webhook.app import create_app
from webhook.bots import refreshed_bots
from webhook.connections import Connection, Limits, Room, accept
from webhook.enrolment import DATABASE_SECONDS
from webhook.trigger import IngestTrigger

_STOP_SECONDS = 10
_BACKLOG = 2048

log = structlog.get_logger("showrunner.webhook")


class Server(uvicorn.Server):
    """uvicorn on a socket of ours, which stops on `stop()` and leaves signals to its caller.

    Args:
        limits: what strangers may take of it; None: what this process has room for.
    """

    def __init__(self, app: ASGIApp, limits: Limits | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=_STOP_SECONDS,
            ),
        )
        self._room = Room(limits or Limits.of_this_process())
        self._accepting: list[asyncio.Task[None]] = []
        self.ready = asyncio.Event()
        """Set once requests are answered."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say where."""
        await super().startup([])  # we accept ourselves: see `webhook.connections`
        for listener in sockets or []:
            self._accepting.append(
                asyncio.create_task(accept(listener, self._room, self._connection))
            )
            host, port = listener.getsockname()[:2]
            log.info("door_open", host=host, port=port)
        self.ready.set()

    def _connection(self) -> Connection:
        state = self.lifespan.state
        return Connection(
            config=self.config, server_state=self.server_state, app_state=state, room=self._room
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and finish what is under way."""
        for accepting in self._accepting:
            accepting.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        await super().shutdown(sockets)

    def stop(self) -> None:
        """Take no new request, finish those at hand (10 s at most), and return from `serve`."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: signals are their caller's, and uvicorn would raise each again after it has stopped."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        GiveUp: when it is taken or not ours to take; the message says what to do.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        # The protocol has to be named: asyncio switches Nagle's delay off only for sockets that say
        # TCP, and an answer on a kept connection would otherwise come 40 ms late
        # (socket.create_server leaves it out).
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _no_listening(host, port, error) from error
    try:
        # A door that was just closed leaves its port in TIME_WAIT; a port somebody listens on stays
        # refused.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _no_listening(host, port, error) from error
    return listener


def _no_listening(host: str, port: int, error: OSError) -> GiveUp:
    if error.errno == errno.EADDRINUSE:
        return GiveUp(f"Port {port} on {host} is in use: stop what holds it, or set DOOR_PORT.")
    return GiveUp(
        f"The door cannot listen on {host}, port {port} ({error.strerror}): set DOOR_HOST or DOOR_PORT."
    )


async def serve(settings: Settings) -> None:
    """Open the door and hold it open until SIGTERM or SIGINT.

    Everything opened here is closed here.

    Raises:
        SettingsError: when DATABASE_URL is missing or no PostgreSQL URL.
        GiveUp: when the port cannot be had.
    """
    if settings.database_url is None:
        raise SettingsError(
            "DATABASE_URL is not set: the door needs the PostgreSQL database that holds the inbox."
        )
    url = database_url(settings.database_url.get_secret_value())
    engine = open_engine(url, pool_size=settings.database_pool_size, ping=False)
    sessions = open_sessions(engine)
    trigger = IngestTrigger(
        settings.prefect_api_url, login=settings.prefect_login, announce=partial(announce, sessions)
    )
    try:
        clock = DatabaseClock(engine)
        with listen(settings.door_host, settings.door_port) as listener:
            async with (
                run_watchdog(Watchdog(settings, sessions, of_database=False, clock=clock)),
                refreshed_bots(settings, sessions, clock) as bots,
            ):
                app = create_app(
                    settings, sessions, clock=clock, trigger=trigger.request_run, bots=bots
                )
                await _serve_until_signalled(Server(app), listener)
    finally:
        await trigger.aclose()
        await engine.dispose()


async def announce(sessions: Sessions) -> None:
    """Tell the workers that an ingest run was asked for.

    Where that is not possible they find it at their next poll.
    """
    with suppress(SQLAlchemyError, OSError):  # OSError: TimeoutError among others
        async with (
            asyncio.timeout(DATABASE_SECONDS),
            committing_at_once(sessions).connect() as connection,
        ):
            await announce_run(connection)


async def _serve_until_signalled(server: Server, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for one in signals:
        loop.add_signal_handler(one, server.stop)
    try:
        await server.serve(sockets=[listener])
    finally:
        for one in signals:
            loop.remove_signal_handler(one)
    log.info("door_closed")


def main() -> int:
    """Run the door; the process's exit code. 1, with one sentence on stderr, when it cannot be opened."""
    keep_loopback_direct(os.environ)
    try:
        configure_logging()
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format)
        asyncio.run(serve(settings))
    except ShowrunnerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
