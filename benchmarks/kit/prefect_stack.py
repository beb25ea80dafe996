"""Prefect's server, our worker and our webhook receiver as processes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import URL

from benchmarks.kit.places import Board, folder, free_port, process
from benchmarks.kit.waiting import answering
from flows.server.prefect_settings import POLL_SECONDS, client_environment, server_environment
from models.postgres.engine import libpq

SECRET = "secret_of_the_benchmark"


@dataclass(frozen=True, kw_only=True)
class Prefect:
    """A running server.

    Attributes:
        url: its API's address; `api` is a client of it.
        home: its folder, with `prefect.db`, `server.log` and the worker's `worker.log`.
    """

    url: str
    api: httpx.AsyncClient
    home: Path

    async def deployment(self, name: str) -> str:
        """The id of `flow/deployment`."""
        return str(
            (await self.api.get(f"/deployments/name/{name}")).raise_for_status().json()["id"]
        )

    async def ask(self, deployment_id: str) -> str:
        """Ask for a run; its id."""
        body = {"state": {"type": "SCHEDULED"}}
        made = await self.api.post(f"/deployments/{deployment_id}/create_flow_run", json=body)
        return str(made.raise_for_status().json()["id"])

    async def run(self, deployment_id: str) -> str:
        """Ask for a run and wait for its end; its name. Fails when it did not complete."""
        asked = await self.ask(deployment_id)
        while True:
            run = (await self.api.get(f"/flow_runs/{asked}")).raise_for_status().json()
            if run["state_type"] == "COMPLETED":
                return str(run["name"])
            assert run["state_type"] in {"SCHEDULED", "PENDING", "RUNNING"}, run["state"]
            await asyncio.sleep(0.1)

    async def pause(self, name: str) -> None:
        """No scheduled run of it from now on."""
        body = {"paused": True}
        (
            await self.api.patch(f"/deployments/{await self.deployment(name)}", json=body)
        ).raise_for_status()

    async def runs(self, deployment: str, *states: str) -> int:
        """How many runs of a deployment there are, or are in those states."""
        runs = {"state": {"type": {"any_": list(states)}}} if states else {}
        asked = {"deployments": {"name": {"any_": [deployment]}}, "flow_runs": runs}
        return int((await self.api.post("/flow_runs/count", json=asked)).raise_for_status().json())


@asynccontextmanager
async def prefect_server() -> AsyncIterator[Prefect]:
    """A Prefect server with our settings, on SQLite in a folder of its own."""
    port = free_port()
    with folder() as home:
        environment = server_environment(home, port) | {"PREFECT_SERVER_UI_ENABLED": "false"}
        url = environment["PREFECT_API_URL"]
        async with (
            process(
                "-m",
                "flows.server.prefect_server",
                environment=environment,
                log=home / "server.log",
            ),
            httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as api,
        ):
            await answering(f"{url}/health")
            yield Prefect(url=url, api=api, home=home)


@asynccontextmanager
async def warm_worker(
    prefect: Prefect, environment: Mapping[str, str], *, poll_seconds: float = POLL_SECONDS
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Our worker with its deployments made, once it takes runs; its process.

    Args:
        environment: our settings.
        poll_seconds: how often it asks for runs.
    """
    ours = client_environment(prefect.url, poll_seconds=poll_seconds, log_style="json") | dict(
        environment
    )
    async with process(
        "-m",
        "flows.runtime.worker",
        "--bootstrap",
        "--grace",
        "3",
        environment=ours,
        log=prefect.home / "worker.log",
    ) as running:
        await answering(f"{prefect.url}/deployments/name/retention/retention")
        yield running


@asynccontextmanager
async def stack(url: URL, notion: Board, receiver: int) -> AsyncIterator[Prefect]:
    """Start Prefect's server, the worker and the receiver; webhooks are signed with `SECRET`."""
    async with prefect_server() as prefect:
        environment = {
            "DATABASE_URL": libpq(url),
            "NOTION_API_TOKEN": notion.bot_token,
            "NOTION_BASE_URL": notion.base_url,
            "NOTION_DATABASE_ID": notion.database_id,
            "NOTION_WEBHOOK_SECRET": SECRET,
            "PREFECT_API_URL": prefect.url,
            "RECEIVER_PORT": str(receiver),
            "WORKER_API_PORT": str(free_port()),
            "LOG_FORMAT": "json",
        }
        log = prefect.home / "receiver.log"
        async with (
            process("-m", "webhook", environment=environment, log=log),
            warm_worker(prefect, environment),
        ):
            await answering(f"http://127.0.0.1:{receiver}/health")
            yield prefect


def webhooks(receiver: int) -> tuple[str, ...]:
    """Options of a board (`places.board`) whose webhooks go to that receiver."""
    return (
        "--webhook-url",
        f"http://127.0.0.1:{receiver}/webhook/notion",
        "--webhook-secret",
        SECRET,
    )
