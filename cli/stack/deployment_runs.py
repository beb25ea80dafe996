"""Runs of our deployments on Prefect's server, asked for by a command and watched until they end.

Plain HTTP, because importing Prefect takes two seconds. A run that the server has is the worker's:
it goes on when the command is stopped, and stands in the UI with its logs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from cli.running import stopping_says
from cli.stack.running_stack import running
from models.errors import GiveUp, TryAgain
from models.settings import Settings
from tasks.notion.proxies import is_remote

EVERY_SECONDS: Final = 0.5
_TIMEOUT_SECONDS: Final = 10.0
_LOGS_AT_ONCE: Final = 200


def prefect_url(settings: Settings) -> str | None:
    """The API of the Prefect server that runs what these settings describe; None when nobody named one."""
    if settings.prefect_api_url is not None:
        return settings.prefect_api_url.rstrip("/")
    here = running(settings.state_dir) or {}
    database = (
        settings.database_url.get_secret_value() if settings.database_url is not None else None
    )
    return here.get("PREFECT_API_URL") if here.get("DATABASE_URL") == database else None


@dataclass(frozen=True)
class Deployment:
    """A deployment of a server that answers and has a worker to run it."""

    http: httpx.AsyncClient
    id: str
    ui: str

    @classmethod
    @asynccontextmanager
    async def found(cls, name: str, settings: Settings) -> AsyncIterator[Self | None]:
        """The deployment `flow/name`; None where no server answers, none knows it, or no worker is there for it."""
        url = prefect_url(settings)
        if url is None:
            yield None
            return
        async with httpx.AsyncClient(
            auth=settings.prefect_login,
            base_url=url,
            timeout=_TIMEOUT_SECONDS,
            trust_env=is_remote(url),
        ) as http:
            try:
                known = await http.get(f"/deployments/name/{name}")
                pool = known.json().get("work_pool_name") if known.is_success else None
                workers = await http.post(f"/work_pools/{pool}/workers/filter", json={})
            except (httpx.HTTPError, ValueError):
                yield None
                return
            if known.status_code == httpx.codes.UNAUTHORIZED:
                raise GiveUp("Prefect's server asks for a login: set PREFECT_API_AUTH_STRING.")
            there = known.is_success and workers.is_success
            online = there and any(one.get("status") == "ONLINE" for one in workers.json())
            yield cls(http, str(known.json()["id"]), url.removesuffix("/api")) if online else None

    async def run(self, parameters: Mapping[str, Any], say: Callable[[str], None]) -> str:
        """Have it run, say what its log says, and return the run's name at its end: what it did.

        Raises:
            GiveUp: when the run did not end well.
            TryAgain: when the server does not answer any more; the run goes on.
        """
        try:
            made = await self._asked(
                "POST", f"/deployments/{self.id}/create_flow_run", {"parameters": parameters}
            )
            page = f"{self.ui}/runs/flow-run/{made['id']}"
            say(f"Prefect runs it: {page}")
            with stopping_says(
                lambda: f"Stopped looking; the run goes on: {page} (Cancel ends it there)."
            ):
                ended = await self._watch(str(made["id"]), say)
        except httpx.HTTPStatusError as error:
            raise GiveUp(f"Prefect's server refused: {error.response.text[:300]}") from error
        except httpx.HTTPError as error:
            raise TryAgain("Prefect's server does not answer any more; the run goes on.") from error
        state, name = ended["state"], str(ended["name"])
        if state["type"] != "COMPLETED":
            raise GiveUp(f"The run ended as {state['name']}: {state.get('message') or page}")
        return name

    async def _watch(self, run_id: str, say: Callable[[str], None]) -> dict[str, Any]:
        told, lines = "", 0
        while True:
            run = await self._asked("GET", f"/flow_runs/{run_id}")
            state = run["state"] or {"name": "", "type": ""}
            if state["name"] != told:
                told = str(state["name"])
                say(f"  {told}")
            lines += await self._tell_log(run_id, lines, say)
            if state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
                return dict(run)
            await asyncio.sleep(EVERY_SECONDS)

    async def _tell_log(self, run_id: str, already: int, say: Callable[[str], None]) -> int:
        """Say the lines after those that were said; how many."""
        asked = {
            "logs": {"flow_run_id": {"any_": [run_id]}},
            "sort": "TIMESTAMP_ASC",
            "offset": already,
            "limit": _LOGS_AT_ONCE,
        }
        lines = await self._asked("POST", "/logs/filter", asked)
        for line in lines:
            say(f"  {line['message']}")
        return len(lines)

    async def _asked(self, method: str, path: str, body: Any = None) -> Any:
        return (await self.http.request(method, path, json=body)).raise_for_status().json()
