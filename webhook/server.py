"""The webhook receiver and the worker API as one program with two ports: `python -m webhook`."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import structlog
import uvicorn
from sqlalchemy import URL
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
from webhook.api.app import create_api
from webhook.app import create_app
from webhook.bots import refreshed_bots
from webhook.connections import Connection, Limits, Room, accept
from webhook.enrolment import DATABASE_SECONDS
from webhook.trigger import IngestTrigger

_STOP_SECONDS = 10
_BACKLOG = 2048
_API_POOL = 2
"""Connections to PostgreSQL that the worker API keeps open: its own, so that workers cannot
take those that the receiver stores events with."""
_API = "WORKER_API"
_NAMES = {"RECEIVER": "webhook receiver", _API: "worker API"}
"""By the beginning of their settings."""
_API_SHARE = 4
"""The worker API gets one of so many connections that this process has room for."""

log = structlog.get_logger("showrunner.webhook")


class Server(uvicorn.Server):
    """uvicorn on a given socket, with limits on connections; stops on `stop()`, ignores signals.

    Args:
        limits: None: as many connections as this process has file descriptors for.
        opened: the event that is logged with the address.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits | None = None, *, opened: str = "receiver_open"
    ) -> None:
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
        self._opened = opened
        self._accepting: list[asyncio.Task[None]] = []
        self.ready = asyncio.Event()
        """Set once requests are answered."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections, and log the address."""
        await super().startup([])  # `webhook.connections` accepts
        for listener in sockets or []:
            self._accepting.append(
                asyncio.create_task(accept(listener, self._room, self._connection))
            )
            host, port = listener.getsockname()[:2]
            log.info(self._opened, host=host, port=port)
        self.ready.set()

    def _connection(self) -> Connection:
        state = self.lifespan.state
        return Connection(
            config=self.config, server_state=self.server_state, app_state=state, room=self._room
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, and finish the requests under way."""
        for accepting in self._accepting:
            accepting.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        await super().shutdown(sockets)

    def stop(self) -> None:
        """Accept no new request, finish those under way (10 s at most), and return from `serve`."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: the caller handles signals, and uvicorn would raise each again."""
        yield


def listen(host: str, port: int, *, setting: str = "RECEIVER") -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Args:
        setting: the beginning of the settings that name host and port.

    Raises:
        GiveUp: when the port is in use or not allowed; the message says what to do.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        # The protocol must be named: asyncio disables Nagle's algorithm only for sockets whose
        # protocol is TCP, and responses on a kept connection would else come 40 ms late.
        # socket.create_server leaves it out.
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _no_listening(host, port, setting, error) from error
    try:
        # A receiver that was just stopped leaves its port in TIME_WAIT. A port that is listened on
        # stays refused.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _no_listening(host, port, setting, error) from error
    return listener


def _no_listening(host: str, port: int, setting: str, error: OSError) -> GiveUp:
    if error.errno == errno.EADDRINUSE:
        return GiveUp(
            f"Port {port} on {host} is in use: stop what holds it, or set {setting}_PORT."
        )
    return GiveUp(
        f"The {_NAMES[setting]} cannot listen on {host}, port {port} ({error.strerror}): "
        f"set {setting}_HOST or {setting}_PORT."
    )


async def serve(settings: Settings) -> None:
    """Run the webhook receiver and the worker API until SIGTERM or SIGINT.

    Raises:
        SettingsError: when DATABASE_URL is missing or no PostgreSQL URL.
        GiveUp: when it cannot listen on one of the ports.
    """
    if settings.database_url is None:
        raise SettingsError(
            "DATABASE_URL is not set: the webhook receiver needs the PostgreSQL database that "
            "holds the inbox."
        )
    url = database_url(settings.database_url.get_secret_value())
    with (
        listen(settings.receiver_host, settings.receiver_port) as receiver_socket,
        listen(settings.worker_api_host, settings.worker_api_port, setting=_API) as api_socket,
    ):
        async with _receiver(settings, url) as receiver, _worker_api(url) as api:
            await _serve_until_signalled({api: api_socket, receiver: receiver_socket})


@asynccontextmanager
async def _receiver(settings: Settings, url: URL) -> AsyncIterator[Server]:
    """The webhook receiver, with what it needs while it runs."""
    engine = open_engine(url, pool_size=settings.database_pool_size, ping=False)
    sessions = open_sessions(engine)
    trigger = IngestTrigger(
        settings.prefect_api_url, login=settings.prefect_login, announce=partial(announce, sessions)
    )
    try:
        clock = DatabaseClock(engine)
        async with (
            run_watchdog(Watchdog(settings, sessions, of_database=False, clock=clock)),
            refreshed_bots(settings, sessions, clock) as bots,
        ):
            app = create_app(
                settings, sessions, clock=clock, trigger=trigger.request_run, bots=bots
            )
            yield Server(app, Limits.of_this_process(kept=_api_connections()))
    finally:
        await trigger.aclose()
        await engine.dispose()


def _api_connections() -> int:
    return Limits.of_this_process().connections // _API_SHARE


@asynccontextmanager
async def _worker_api(url: URL) -> AsyncIterator[Server]:
    """The worker API, with connections to PostgreSQL of its own."""
    engine = open_engine(url, pool_size=_API_POOL)
    try:
        app = create_api(open_sessions(engine), clock=DatabaseClock(engine))
        yield Server(app, Limits(connections=_api_connections()), opened="worker_api_open")
    finally:
        await engine.dispose()


async def announce(sessions: Sessions) -> None:
    """Notify the workers that an ingest run was requested.

    Where that is not possible they find it at their next poll.
    """
    with suppress(SQLAlchemyError, OSError):  # OSError: TimeoutError among others
        async with (
            asyncio.timeout(DATABASE_SECONDS),
            committing_at_once(sessions).connect() as connection,
        ):
            await announce_run(connection)


async def _serve_until_signalled(servers: Mapping[Server, socket.socket]) -> None:
    """Run servers until a signal, or until one of them ends; then stop them all."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    stopped = asyncio.Event()
    for one in signals:
        loop.add_signal_handler(one, stopped.set)
    serving = [
        asyncio.create_task(server.serve(sockets=[listener]))
        for server, listener in servers.items()
    ]
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait([stopping, *serving], return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            server.stop()
        await asyncio.gather(*serving)
    finally:
        stopping.cancel()
        for one in signals:
            loop.remove_signal_handler(one)
    log.info("receiver_closed")


def main() -> int:
    """Run the receiver; exit code 1, with a sentence on stderr, when it cannot start."""
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
