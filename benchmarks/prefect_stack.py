"""Prefect's server and our worker as processes of their own, and what a benchmark asks that server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import httpx

from benchmarks.places import folder, free_port, process
from flows.environment import client_environment, server_environment

_PATIENCE = 120.0


@dataclass(frozen=True, kw_only=True)
class Prefect:
    """A running server; `api` is its client, `url` its API's address."""

    url: str
    api: httpx.AsyncClient

    async def deployment(self, name: str) -> str:
        """The id of `flow/deployment`."""
        return str((await self.api.get(f"/deployments/name/{name}")).raise_for_status().json()["id"])

    async def pause(self, name: str) -> None:
        """No scheduled run of it from now on."""
        body = {"paused": True}
        (await self.api.patch(f"/deployments/{await self.deployment(name)}", json=body)).raise_for_status()

    async def runs(self, deployment: str, *states: str) -> int:
        """How many runs of a deployment there are, or are in those states."""
        runs = {"state": {"type": {"any_": list(states)}}} if states else {}
        asked = {"deployments": {"name": {"any_": [deployment]}}, "flow_runs": runs}
        return int((await self.api.post("/flow_runs/count", json=asked)).raise_for_status().json())


async def eventually(look: Callable[[], Awaitable[bool]], *, every: float = 0.05) -> None:
    """Return once that is so.

    Raises:
        TimeoutError: when it is not within two minutes.
    """
    async with asyncio.timeout(_PATIENCE):
        while not await look():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(every)


async def answers(api: httpx.AsyncClient, path: str) -> bool:
    """Whether that is there by now."""
    try:
        return (await api.get(path)).is_success
    except httpx.HTTPError:
        return False


@asynccontextmanager
async def prefect_server() -> AsyncIterator[Prefect]:
    """A Prefect server with our settings, on SQLite in a folder of its own."""
    port = free_port()
    with folder() as home:
        environment = server_environment(home, port) | {"PREFECT_SERVER_UI_ENABLED": "false"}
        url = environment["PREFECT_API_URL"]
        async with (
            process("-m", "prefect", "server", "start", environment=environment),
            httpx.AsyncClient(base_url=url, timeout=30) as api,
        ):
            await eventually(partial(answers, api, "/health"))
            yield Prefect(url=url, api=api)


@asynccontextmanager
async def warm_worker(prefect: Prefect, environment: Mapping[str, str]) -> AsyncIterator[None]:
    """Our worker with its deployments made, once it takes runs."""
    ours = client_environment(prefect.url, log_level="ERROR") | dict(environment)
    async with process("-m", "flows.worker", "--bootstrap", environment=ours):
        await eventually(partial(answers, prefect.api, "/deployments/name/retention/retention"))
        yield
