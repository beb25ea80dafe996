"""The worker API behind real HTTP, and clients with tokens for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx

from kit.clock import NOW, Clock
from models.operations.api_tokens import Scope, create_token
from models.postgres.engine import Sessions
from webhook.api.app import create_api
from webhook.api.token_rate_limit import RateLimiter
from webhook.server import Server, listen


class Api:
    """A running API.

    Attributes:
        url: its address, without a slash at the end.
        clock: its clock, which only the test moves.
        elapsed: seconds that went by for its rate limit.
    """

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self.clock = clock
        self.elapsed = 0.0
        self.url = ""
        self._sessions = sessions
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def secret(self, scope: str, name: str | None = None) -> str:
        """The secret of a new token."""
        async with self._sessions.begin() as session:
            return await create_token(session, name or scope, Scope(scope), now=NOW)

    def client(self, secret: str | None) -> httpx.AsyncClient:
        """A client that sends this secret."""
        headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        made = httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30)
        self._clients[str(len(self._clients))] = made
        return made

    async def of(self, scope: str) -> httpx.AsyncClient:
        """The client with the token named like its scope."""
        if scope not in self._clients:
            self._clients[scope] = self.client(await self.secret(scope))
        return self._clients[scope]

    async def post(self, scope: str, path: str, /, **body: Any) -> httpx.Response:
        """The response to a request with the token of that scope."""
        return await (await self.of(scope)).post(f"/v1/tasks/{path}", json=body)

    async def work(self, task: UUID, verb: str, /, worker: str = "node-1", **body: Any) -> Any:
        """The answer of a worker's request that goes well."""
        answer = await self.post("worker", f"{task}/{verb}", worker=worker, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def claimed(self, worker: str = "node-1", **body: Any) -> Any:
        """The task that a worker gets; None for nothing."""
        answer = await self.post("worker", "claim", worker=worker, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()["task"]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


@asynccontextmanager
async def open_api(sessions: Sessions, *, burst: int = 100) -> AsyncIterator[Api]:
    """The API on a free port."""
    api = Api(sessions, Clock())
    limiter = RateLimiter(per_second=2, burst=burst, elapsed=lambda: api.elapsed)
    server = Server(create_api(sessions, clock=api.clock, limiter=limiter, database_seconds=60))
    with listen("127.0.0.1", 0) as listener:
        api.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.ready.wait()
        try:
            yield api
        finally:
            await api.close()
            server.stop()
            await serving
