"""A process's sessions, locks, requests and waits, each of which takes a turn."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
from kit.clock import Clock
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from models.rules.channels import ChannelFolder
from simulation.world.databases import Databases
from simulation.world.turns import Process, Turns
from tasks.runtime.context import Context

PRODUCTION = ("dispatch", "produce", "collect")
"""Jobs whose transactions call functions that ask what time it is."""
_NOW = text("SELECT set_config('showrunner.now', :now, true)")


def connection_lost() -> OperationalError:
    cause = psycopg.OperationalError("server closed the connection unexpectedly")
    return OperationalError("", {}, cause)


class GatedSessions:
    """Sessions of one process.

    A transaction is one turn; `troubles` says which one meets a lost connection.

    What only reads has no BEGIN around it: PostgreSQL takes a snapshot for each statement anyway,
    and turns keep the others out. `single` promises as much of what writes.
    """

    def __init__(
        self,
        databases: Databases,
        turns: Turns,
        process: Process,
        troubles: list[str],
        *,
        single: bool = False,
    ) -> None:
        self._databases, self._turns, self._process, self._troubles = (
            databases,
            turns,
            process,
            troubles,
        )
        self._single = single
        self.kw = {"bind": GatedEngine(databases.sessions.kw["bind"], turns, process)}

    def __call__(self) -> Any:
        return self._transaction(commits=False)

    def begin(self) -> Any:
        return self._transaction(commits=True)

    @asynccontextmanager
    async def _transaction(self, *, commits: bool) -> AsyncIterator[AsyncSession]:
        async with self._turns.turn(self._process, "writes" if commits else "reads"):
            trouble = self._troubles.pop(0) if self._troubles else ""
            if trouble == "refused":
                raise connection_lost()
            if not commits:
                async with self._databases.single() as session:
                    yield session
                return
            sessions = (
                self._databases.single if self._single and not trouble else self._databases.sessions
            )
            async with sessions.begin() as session:
                if self._process.doing in PRODUCTION:
                    await session.execute(_NOW, {"now": self._databases.clock.now.isoformat()})
                yield session
                if trouble == "lost before the commit":
                    await session.rollback()
            if trouble:
                raise connection_lost()


class GatedEngine:
    """What the advisory lock needs of an engine.

    With its process the connection dies, and the lock with it.
    """

    def __init__(self, engine: Any, turns: Turns, process: Process) -> None:
        self._engine, self._turns, self._process = engine, turns, process

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[GatedConnection]:
        async with self._turns.turn(self._process, "connects"):
            raw = await self._engine.connect()
            connection = await raw.execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield GatedConnection(connection, self._turns, self._process)
        finally:
            if self._process.dead:
                # A connection that ends loses its locks; this one goes back to the pool, so it is
                # told to.
                await connection.execute(text("SELECT pg_advisory_unlock_all()"))
            await connection.close()


class GatedConnection:
    def __init__(self, raw: Any, turns: Turns, process: Process) -> None:
        self._raw, self._turns, self._process = raw, turns, process

    async def execution_options(self, **_options: Any) -> GatedConnection:
        return self

    async def execute(self, *args: Any) -> Any:
        async with self._turns.turn(self._process, "locks"):
            return await self._raw.execute(*args)


class Straight(httpx.AsyncBaseTransport):
    """The sandbox's API without the web framework before it, which only finds the way there."""

    def __init__(self, sandbox: Any) -> None:
        self._api = sandbox.api

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        asked = {
            "method": request.method,
            "path": request.url.path,
            "query_string": request.url.query,
        }
        body = await request.aread()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        answer = await self._api(Request({"type": "http", "headers": headers, **asked}, receive))
        return httpx.Response(answer.status_code, headers=answer.raw_headers, content=answer.body)


class Incomplete(httpx.AsyncBaseTransport):
    """Lets some pages arrive without one of their properties, as if Notion had forgotten it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, pages: set[str], name: str) -> None:
        self._inner, self._pages, self._name = inner, pages, name

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if not self._pages or response.status_code != 200:
            return response
        body = json.loads(response.content)
        for page in body.get("results", [body]):
            if page.get("id") in self._pages:
                page["properties"] = {
                    n: prop
                    for n, prop in page["properties"].items()
                    if not n.startswith(self._name)
                }
        return httpx.Response(200, headers=_without_length(response), json=body)


def _without_length(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "content-length"}


class Road(httpx.AsyncBaseTransport):
    """The network between a process and Notion: a turn for the way there, one for the way back.

    Args:
        troubles: what befalls the next requests: `timeout before`, `timeout after`, `unreachable`
            or nothing.
        answered: told of each answer, also of one that never arrives.
        unanswered: told of each request that was sent and may or may not have been heard.
        writing: which process writes which page, from its request to its answer.
        failures: where two processes that write one page at a time are noted.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        turns: Turns,
        process: Process,
        troubles: list[str],
        answered: Callable[[Process, httpx.Request, httpx.Response, bool], None],
        unanswered: Callable[[Process, httpx.Request], None],
        *,
        writing: dict[str, str],
        failures: list[str],
    ) -> None:
        self._inner, self._turns, self._process = inner, turns, process
        self._troubles, self._answered, self._unanswered = troubles, answered, unanswered
        self._writing, self._failures = writing, failures

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "PATCH":
            return await self._travel(request)
        try:
            return await self._travel(request)
        finally:
            if self._writing.get(request.url.path) == self._process.name:
                del self._writing[request.url.path]

    def _only_one_writes(self, path: str) -> None:
        other = self._writing.setdefault(path, self._process.name)
        if other != self._process.name:
            self._failures.append(f"two processes write {path} at the same time")

    async def _travel(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path}"
        async with self._turns.turn(self._process, what):
            trouble = self._troubles.pop(0) if self._troubles else ""
            if request.method == "PATCH":
                self._only_one_writes(request.url.path)
            if trouble == "unreachable":
                raise httpx.ConnectError("nobody there", request=request)
            if trouble == "timeout before":
                self._unanswered(self._process, request)
                raise httpx.ReadTimeout("no answer", request=request)
            try:
                response = await self._inner.handle_async_request(request)
            except httpx.RemoteProtocolError:
                self._unanswered(self._process, request)
                raise
            self._answered(self._process, request, response, not trouble)
            if trouble == "timeout after":
                raise httpx.ReadTimeout("no answer", request=request)
        async with self._turns.turn(self._process, f"hears {response.status_code} to {what}"):
            return response


class Sleeper:
    """Waiting of one process: others go on meanwhile, and time is later when it wakes."""

    def __init__(self, clock: Clock, turns: Turns, process: Process) -> None:
        self._clock, self._turns, self._process = clock, turns, process

    async def __call__(self, seconds: float) -> None:
        until: datetime = self._clock.now + timedelta(seconds=seconds)
        async with self._turns.turn(self._process, f"sleeps {seconds:.1f} s"):
            self._clock.now = max(self._clock.now, until)


class WorldContext(Context):
    """A context whose channels come from the world instead of YAML files."""

    configured: dict[str, Any]

    async def channel_folder(self) -> ChannelFolder:
        return ChannelFolder(channels=self.configured)
