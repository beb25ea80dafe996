"""A Prefect server and a warm worker as `showrunner up` starts them, and what the server's SQLite file then holds."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.places import folder, free_port, process
from flows.environment import client_environment, server_environment

START_SECONDS = 90.0
"""A first start with its migrations on a busy machine."""


@dataclass(frozen=True, kw_only=True)
class Prefect:
    """A server and a worker that polls ten times a second.

    Attributes:
        api: a client of the server's API.
        file: the server's SQLite database.
        log: the worker's.
    """

    api: httpx.AsyncClient
    file: Path
    log: Path

    async def deployment(self, name: str) -> str:
        """The id of one of our deployments, once the worker's bootstrap has made it."""
        return str((await self._answer("GET", f"deployments/name/{name}/{name}"))["id"])

    async def run(self, deployment: str) -> str:
        """Ask for a run, wait for its end; its name. Fails when it did not complete."""
        body = {"state": {"type": "SCHEDULED"}}
        asked = (await self.api.post(f"deployments/{deployment}/create_flow_run", json=body)).raise_for_status()
        while True:
            run = (await self.api.get(f"flow_runs/{asked.json()['id']}")).raise_for_status().json()
            if run["state_type"] == "COMPLETED":
                return str(run["name"])
            assert run["state_type"] in {"SCHEDULED", "PENDING", "RUNNING"}, run["state"]
            await asyncio.sleep(0.1)

    async def _answer(self, method: str, path: str) -> dict[str, object]:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return dict((await self.api.request(method, path)).raise_for_status().json())
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)


@asynccontextmanager
async def prefect(environment: Mapping[str, str], **server: str) -> AsyncIterator[Prefect]:
    """A server on SQLite with a worker, both stopped afterwards.

    Args:
        environment: our settings, for the worker.
        server: more of the server's environment.
    """
    with folder() as home:
        port = free_port()
        url = f"http://127.0.0.1:{port}/api/"
        quiet = {"PREFECT_SERVER_UI_ENABLED": "false"}
        server_has = server_environment(home, port) | quiet | server
        worker_has = client_environment(url.rstrip("/"), poll_seconds=0.1, log_style="json") | dict(environment)
        log = home / "worker.log"
        serving = process("-m", "prefect", "server", "start", environment=server_has, log=home / "server.log")
        working = process("-m", "flows.worker", "--bootstrap", "--wait", "90", environment=worker_has, log=log)
        async with serving, working, httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as api:
            yield Prefect(api=api, file=home / "prefect.db", log=log)


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a SQLite file holds, by table: rows, and bytes of the table with its indexes, packed tight."""

    rows: Mapping[str, int]
    bytes: Mapping[str, int]

    def less(self, before: Held) -> Held:
        """What came since."""
        return Held(
            rows={table: count - before.rows.get(table, 0) for table, count in self.rows.items()},
            bytes={table: size - before.bytes.get(table, 0) for table, size in self.bytes.items()},
        )


def held(file: Path) -> Held:
    """Measure a SQLite file that may be in use, by a copy without its gaps."""
    with folder() as made:
        copy = made / "copy.db"
        with closing(sqlite3.connect(file, timeout=60)) as source:
            source.execute("VACUUM INTO ?", [str(copy)])
        with closing(sqlite3.connect(copy)) as packed:
            owners = dict(packed.execute("SELECT name, tbl_name FROM sqlite_master"))
            sizes: dict[str, int] = {}
            for name, size in packed.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
                table = owners.get(name, name)
                sizes[table] = sizes.get(table, 0) + int(size)
            tables = [name for (name,) in packed.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = {name: int(packed.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in tables}
    return Held(rows=rows, bytes=sizes)
