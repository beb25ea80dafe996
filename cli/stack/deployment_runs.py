"""Run our deployments on Prefect's server from a command, and watch the runs until they end.

Plain HTTP, because importing Prefect takes two seconds. The worker executes such a run: it
continues when the command is stopped, and the UI shows it with its logs.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from cli.running import stopping_says
from cli.stack.running_stack import running
from models.errors import GiveUp, TryAgain
from models.settings import LOGIN_CURE, Settings
from tasks.notion.proxies import is_remote

POLL_SECONDS: Final = 0.5
_TIMEOUT_SECONDS: Final = 10.0
_LOG_LINES_MAX: Final = 200
_ENDED: Final = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


def prefect_url(settings: Settings) -> str | None:
    """The API of the Prefect server for these settings; None when none is configured or running."""
    if settings.prefect_api_url is not None:
        return settings.prefect_api_url.rstrip("/")
    stack = running(settings.state_dir) or {}
    database = None
    if settings.database_url is not None:
        database = settings.database_url.get_secret_value()
    if stack.get("DATABASE_URL") != database:
        return None
    return stack.get("PREFECT_API_URL")


@dataclass(frozen=True)
class EndedRun:
    """A run that completed. Its name says what it did."""

    id: str
    name: str


@dataclass(frozen=True)
class Deployment:
    """A deployment of a server that answers and has a worker to run it."""

    http: httpx.AsyncClient
    id: str
    ui: str

    @classmethod
    @asynccontextmanager
    async def found(cls, name: str, settings: Settings) -> AsyncIterator[Self | None]:
        """The deployment `flow/name`; None when no server, deployment or online worker is found.

        Raises:
            GiveUp: when the server asks for a login.
        """
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
            id_ = await _id_if_online(http, name)
            if id_ is None:
                yield None
                return
            yield cls(http, id_, url.removesuffix("/api"))

    async def run(self, parameters: Mapping[str, Any], say: Callable[[str], None]) -> EndedRun:
        """Start a run, print its log lines, and wait until it has completed.

        Raises:
            GiveUp: when the run did not complete.
            TryAgain: when the server does not answer any more; the run continues.
        """
        try:
            made = await self._request(
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
        state = ended["state"]
        if state["type"] != "COMPLETED":
            raise GiveUp(f"The run ended as {state['name']}: {state.get('message') or page}")
        return EndedRun(id=str(made["id"]), name=str(ended["name"]))

    async def table(self, run_id: str, key: str) -> tuple[list[dict[str, str]], str]:
        """The rows and the description of a table that a run published; none when it has none.

        Raises:
            TryAgain: when the server does not answer any more.
        """
        wanted = {"flow_run_id": {"any_": [run_id]}, "key": {"any_": [key]}}
        try:
            tables = await self._request("POST", "/artifacts/filter", {"artifacts": wanted})
        except httpx.HTTPError as error:
            raise TryAgain("Prefect's server does not answer any more.") from error
        if not tables:
            return [], ""
        data = tables[0]["data"]
        rows = json.loads(data) if isinstance(data, str) else data
        plain = [{name: _from_markdown(cell) for name, cell in row.items()} for row in rows]
        return plain, str(tables[0].get("description") or "")

    async def _watch(self, run_id: str, say: Callable[[str], None]) -> dict[str, Any]:
        shown, lines = "", 0
        while True:
            run = await self._request("GET", f"/flow_runs/{run_id}")
            state = run["state"] or {"name": "", "type": ""}
            if state["name"] != shown:
                shown = str(state["name"])
                say(f"  {shown}")
            lines += await self._print_log(run_id, lines, say)
            if state["type"] in _ENDED:
                return dict(run)
            await asyncio.sleep(POLL_SECONDS)

    async def _print_log(self, run_id: str, offset: int, say: Callable[[str], None]) -> int:
        """Print the log lines from the offset on; return how many."""
        wanted = {
            "logs": {"flow_run_id": {"any_": [run_id]}},
            "sort": "TIMESTAMP_ASC",
            "offset": offset,
            "limit": _LOG_LINES_MAX,
        }
        lines = await self._request("POST", "/logs/filter", wanted)
        for line in lines:
            say(f"  {line['message']}")
        return len(lines)

    async def _request(self, method: str, path: str, body: Any = None) -> Any:
        return (await self.http.request(method, path, json=body)).raise_for_status().json()


async def _id_if_online(http: httpx.AsyncClient, name: str) -> str | None:
    """The id of a deployment that an online worker can run."""
    try:
        known = await http.get(f"/deployments/name/{name}")
        if known.status_code == httpx.codes.UNAUTHORIZED:
            raise GiveUp(f"Prefect's server refuses our login: {LOGIN_CURE}.")
        if not known.is_success:
            return None
        deployment = known.json()
        pool = deployment.get("work_pool_name")
        workers = await http.post(f"/work_pools/{pool}/workers/filter", json={})
        online = workers.is_success and any(one.get("status") == "ONLINE" for one in workers.json())
    except (httpx.HTTPError, ValueError):
        return None
    if not online:
        return None
    return str(deployment["id"])


def _from_markdown(cell: str) -> str:
    """The text that a table's cell shows: the reverse of `models.rules.formatting.as_text`."""
    return re.sub(r"\\(.)", r"\1", cell)


async def run_deployment(
    name: str, parameters: Mapping[str, Any], settings: Settings, say: Callable[[str], None]
) -> EndedRun | None:
    """Run the deployment `flow/name` to its end; None where it cannot run on a Prefect server.

    Raises:
        GiveUp, TryAgain: as `Deployment.run` does.
    """
    async with Deployment.found(name, settings) as found:
        if found is None:
            return None
        return await found.run(parameters, say)
