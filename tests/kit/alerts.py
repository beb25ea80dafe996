"""Test kit for alerts: a receiver on real HTTP, a database that can be shut down, flow runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
from sqlalchemy import URL

from flows.runs.context import recorded
from kit.stage import Stage
from models.errors import ShowrunnerError
from models.postgres.engine import libpq
from tasks.alerts import deliver_alerts
from tasks.operations.watchdog import Watchdog
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.sync.cycle import cycle
from tasks.sync.ingest import drain_inbox


@dataclass
class Receiver:
    """A real HTTP server that keeps what Apprise posts to it.

    Attributes:
        messages: the JSON it took: `title`, `message`, `type`.
        asked: how many requests came, taken or not.
        mood: `takes`, `refuses` (500) or `hangs` (no answer until it is let go).
        came: set when it took the first.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    mood: str = "takes"
    port: int = 0
    let_go: threading.Event = field(default_factory=threading.Event)
    came: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        """Listen, on the same port as before."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(receiver.takes(body))
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def close(self) -> None:
        """Be down: connections are refused."""
        self.let_go.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def takes(self, body: dict[str, Any]) -> int:
        self.asked += 1
        if self.mood == "hangs":
            self.let_go.wait(30)
        if self.mood == "takes":
            self.messages.append(body)
            self.came.set()
        return 200 if self.mood == "takes" else 500

    @property
    def url(self) -> str:
        """What ALERT_URLS names."""
        return f"json://127.0.0.1:{self.port}/"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]

    @property
    def texts(self) -> str:
        """Everything that was ever said."""
        return "\n".join(f"{message['title']}\n{message['message']}" for message in self.messages)


@dataclass
class Gate:
    """A database that lets nobody in while it is shut."""

    url: URL

    @contextmanager
    def shut(self) -> Iterator[None]:
        self._do("ALTER DATABASE {} ALLOW_CONNECTIONS false")
        self._end_sessions()
        try:
            yield
        finally:
            self._do("ALTER DATABASE {} ALLOW_CONNECTIONS true")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """As after a failover to a standby: it answers, and stores nothing."""
        self._do("ALTER DATABASE {} SET default_transaction_read_only = on")
        self._end_sessions()
        try:
            yield
        finally:
            self._do("ALTER DATABASE {} RESET default_transaction_read_only")
            self._end_sessions()

    @contextmanager
    def failing(self, sqlstate: str) -> Iterator[None]:
        """Every write to `sync_state` and `incidents` fails with that SQLSTATE."""
        with psycopg.connect(libpq(self.url), autocommit=True) as owner:
            owner.execute(
                f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' "
                f"USING ERRCODE = '{sqlstate}'; END $$; "
                "CREATE TRIGGER fails BEFORE INSERT OR UPDATE ON sync_state "
                "EXECUTE FUNCTION fail(); "
                "CREATE TRIGGER fails BEFORE INSERT OR UPDATE ON incidents EXECUTE FUNCTION fail()"
            )
            try:
                yield
            finally:
                owner.execute("DROP FUNCTION fail CASCADE")

    def _end_sessions(self) -> None:
        self._do(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{self.url.database}'"
        )

    def _do(self, statement: str) -> None:
        with psycopg.connect(libpq(self.url.set(database="postgres")), autocommit=True) as admin:
            admin.execute(statement.format(self.url.database))


async def push(stage: Stage) -> None:
    """One run of the push flow, as `flows.push` does it; its failure is the run's."""
    with suppress(ShowrunnerError):
        async with recorded("push", stage.ctx) as run, one_at_a_time(run.ctx, Lock.PUSH):
            await cycle(run.ctx, run.report, run.correlation_id)


async def ingest(stage: Stage) -> None:
    """One run of the ingest flow."""
    with suppress(ShowrunnerError):
        async with recorded("ingest", stage.ctx) as run:
            await drain_inbox(run.ctx, run.report, gathering=True)


async def passes(stage: Stage, seconds: float) -> None:
    """Time passes, and every half minute of it what waits is told."""
    for _ in range(int(seconds // 30)):
        stage.clock.pass_(30)
        await deliver_alerts(stage.ctx)


def watch_of(stage: Stage, *, of_database: bool = True) -> Watchdog:
    """A watch on the stage's database, by the stage's clock."""
    return Watchdog(stage.ctx.settings, stage.sessions, of_database=of_database, clock=stage.clock)


async def watched(stage: Stage, *watches: Watchdog, seconds: float) -> None:
    """Time passes, and the watches look every half minute of it."""
    for _ in range(int(seconds // 30)):
        stage.clock.pass_(30)
        for watch in watches:
            await watch.check()
