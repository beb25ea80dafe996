"""Observe two hosts: who pushes, their requests and logs, and whether all is equal."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from benchmarks.kit.places import Board, board
from benchmarks.kit.waiting import START_SECONDS, until
from benchmarks.two_hosts.burst import differences, on_its_way, records, undone
from benchmarks.two_hosts.hosts import CENTRE, Network
from benchmarks.two_hosts.stack import (
    WEBHOOKS,
    Machine,
    balancer,
    machine,
    postgres,
    prefect_server,
)
from flows.server.deployment_spec import POOL
from models.postgres.engine import libpq
from tasks.runtime.locks import Lock

SECRET = "secret_two_hosts"
_HOLDER = (
    "SELECT host(a.client_addr) AS address FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    f"WHERE l.locktype = 'advisory' AND l.objid = {Lock.PUSH.value} AND l.granted"
)
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE host(client_addr) = %s"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Everything that runs."""

    net: Network
    board: Board
    database: str
    api: str
    machines: Sequence[Machine]

    async def version(self) -> str:
        """Of PostgreSQL."""
        told = await records(self.database, "SELECT current_setting('server_version') AS version")
        return str(told[0]["version"]).split()[0]

    async def holder(self) -> Machine | None:
        """Whose cycle is under way."""
        found = await records(self.database, _HOLDER)
        return next(
            (each for each in self.machines if found and each.host.address == found[0]["address"]),
            None,
        )

    async def deployed(self) -> str | None:
        """Id of the push's deployment; None while there is none."""
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            found = await client.get(f"{self.api}/deployments/name/push/push")
        return str(found.json()["id"]) if found.is_success else None

    async def all_at_work(self) -> bool:
        """Whether every host's worker has told Prefect that it is there."""
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            found = await client.post(f"{self.api}/work_pools/{POOL}/workers/filter", json={})
        return found.is_success and len(found.json()) == len(self.machines)

    async def ask_for_a_cycle(self) -> str:
        """Make a push run, as somebody does in Prefect's UI; its id."""
        address = f"{self.api}/deployments/{await self.deployed()}/create_flow_run"
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            made = await client.post(address, json={"state": {"type": "SCHEDULED"}})
            return str(made.raise_for_status().json()["id"])

    async def ended(self, run_id: str) -> str | None:
        """Which host a run ended on; None while it goes on."""
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            run = (await client.get(f"{self.api}/flow_runs/{run_id}")).raise_for_status().json()
        if run["state_type"] not in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
            return None
        return f"{run['infrastructure_pid']}".split(":", maxsplit=1)[0]

    async def crashed(self, machine: Machine) -> int:
        """How many runs of a host Prefect has given up."""
        wanted = {"flow_runs": {"state": {"type": {"any_": ["CRASHED"]}}}}
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            runs = (
                (await client.post(f"{self.api}/flow_runs/filter", json=wanted))
                .raise_for_status()
                .json()
            )
        return sum(
            f"{run['infrastructure_pid']}".startswith(f"{machine.host.name}:") for run in runs
        )

    async def settled(self) -> bool:
        """Whether board and database are equal on every card, and nothing is on its way."""
        quiet_now = not await undone(self.database) and not await on_its_way(self.board)
        return quiet_now and not await differences(self.board, self.database)


@asynccontextmanager
async def everything(net: Network, made: Path, cards: int) -> AsyncIterator[Place]:
    """Start it all; the board is imported when it is yielded."""
    options = (
        "--host",
        CENTRE,
        "--webhook-url",
        WEBHOOKS,
        "--webhook-secret",
        SECRET,
        "--aggregation-seconds",
        "1",
    )
    async with AsyncExitStack() as cleanup:
        notion, (ours, prefects) = await asyncio.gather(
            cleanup.enter_async_context(board(cards, options=options)),
            cleanup.enter_async_context(postgres(net.centre, made)),
        )
        api = await cleanup.enter_async_context(prefect_server(net.centre, made, prefects))
        settings = {
            "DATABASE_URL": ours.render_as_string(hide_password=False),
            "NOTION_API_TOKEN": notion.bot_token,
            "NOTION_BASE_URL": notion.base_url,
            "NOTION_DATABASE_ID": notion.database_id,
            "NOTION_WEBHOOK_SECRET": SECRET,
        }
        await cleanup.enter_async_context(balancer(net.centre, made, *net.around))
        machines = await asyncio.gather(
            *(
                cleanup.enter_async_context(machine(host, made, api, settings))
                for host in net.around
            )
        )
        place = Place(net=net, board=notion, database=libpq(ours), api=api, machines=machines)

        async def imported() -> bool:
            return bool(
                await records(
                    place.database, "SELECT 1 FROM sync_state WHERE key = 'last_good_cycle'"
                )
            )

        await until(place.deployed, "the deployments are made", seconds=START_SECONDS)
        await until(place.all_at_work, "all workers are there", seconds=START_SECONDS)
        await place.ask_for_a_cycle()
        await until(imported, "the first cycle", seconds=START_SECONDS)
        yield place


async def shares(place: Place, since: int, until_number: int | None = None) -> Counter[str]:
    """How many requests came from which host."""
    names = {each.host.address: each.host.name for each in place.machines}
    asked = [
        each
        for each in await place.board.requests(since)
        if until_number is None or each["number"] <= until_number
    ]
    return Counter(names.get(each["from"], each["from"]) for each in asked)


def said(path: Path, since: datetime, *events: str) -> Counter[str]:
    """How often a program's log tells of those events since then."""
    found: Counter[str] = Counter()
    for line in path.read_text(errors="replace").splitlines():
        try:
            facts = json.loads(line)
            moment = datetime.fromisoformat(facts["timestamp"])
        except (ValueError, KeyError, TypeError):
            continue
        if moment >= since and facts.get("event") in events:
            found[facts["event"]] += 1
    return found
