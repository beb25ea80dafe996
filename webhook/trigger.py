"""Start the ingest: request a run of its deployment after stored events, at most one a second.

Plain HTTP, because importing Prefect takes two seconds. Two routes of Prefect's API are used: `GET
/deployments/name/{flow}/{deployment}` for the id, `POST /deployments/{id}/create_flow_run` for the
run (an empty object is a valid body; the run is then scheduled for now). While Prefect is down
nothing is lost: the events are in the inbox, and the next push cycle drains it.

`tasks.runtime.debounce` waits out bursts too, and both are needed. This one limits how many runs
are requested, which costs a person's edit no time. That one delays an ingest run that is already
under way, so that fewer queries read the same cards, whatever started it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import httpx
import structlog

from models.rules.backoff import Backoff
from tasks.notion.proxies import is_remote

DEPLOYMENT: Final = "ingest/ingest"
INTERVAL: Final = 1.0
"""Least seconds between two runs."""
BURST: Final = 20
"""Requests served by one run from which on the next run may wait longer: an ingest with that much
work reads the inbox again before it ends."""
BURST_INTERVAL: Final = 3.0
"""Seconds between two runs in a burst."""
_RETRIES: Final = Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=30))
"""Between two tries while Prefect does not answer."""
_TIMEOUT_SECONDS: Final = 10.0

log = structlog.get_logger("showrunner.webhook")


class _NoRun(Exception):
    """No run was created; the reason is a slug."""


def _log_once(failures: int, failure: _NoRun) -> None:
    """Log an outage once, not per attempt; a traceback would add nothing to the reason."""
    if failures == 1:
        log.error("ingest_trigger_failed", reason=str(failure))


class IngestTrigger:
    """Creates runs of the ingest deployment, many requests sharing one run.

    The first request creates a run at once. Requests during that, or within `INTERVAL` after it (in
    a burst, `BURST_INTERVAL`), share one more run. So each request is followed by a run that was
    created later than it.

    Args:
        api_url: of Prefect's API, e.g. http://127.0.0.1:4200/api. None: requests are ignored, as
            one log line says.
        login: user and password of a server that asks for them.
        announce: called after each created run, so that a worker starts it at once; must not raise.
        sleep: waits that many seconds; tests pass their own.
    """

    def __init__(
        self,
        api_url: str | None,
        *,
        login: tuple[str, str] | None = None,
        announce: Callable[[], Awaitable[None]] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._api_url = api_url.rstrip("/") if api_url else None
        self._login = login
        self._announce = announce
        self._sleep = sleep
        self._requested = asyncio.Event()
        self._requests = 0
        self._failures = 0
        self._http: httpx.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._deployment_id: str | None = None
        if self._api_url is None:
            log.warning(
                "ingest_trigger_off",
                reason="PREFECT_API_URL is not set: the push cycle takes the events",
            )

    def request_run(self) -> None:
        """Request a run; returns at once. Call it inside the event loop."""
        if self._api_url is None:
            return
        self._requested.set()
        self._requests += 1
        if self._task is None:
            self._task = asyncio.create_task(self._serve(self._api_url), name="ingest trigger")

    async def aclose(self) -> None:
        """Stop. Requests that are not served yet are dropped: their events are in the inbox."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._http is not None:
            await self._http.aclose()

    async def _serve(self, api_url: str) -> None:
        self._http = httpx.AsyncClient(
            auth=self._login, timeout=_TIMEOUT_SECONDS, trust_env=is_remote(api_url)
        )
        while True:
            await self._requested.wait()
            # Cleared before the run is created: a run may not see the event of a later request.
            self._requested.clear()
            requests, self._requests = self._requests, 0
            try:
                await self._create_run(self._http, api_url)
            except _NoRun as failure:
                await self._sleep(self._failed(failure))
            else:
                await self._succeeded()
                await self._sleep(_pause_after(requests))

    def _failed(self, failure: _NoRun) -> float:
        """Keep the request open; the seconds until the next attempt."""
        self._requested.set()
        self._failures += 1
        _log_once(self._failures, failure)
        return _RETRIES.delay(self._failures).total_seconds()

    async def _succeeded(self) -> None:
        if self._failures:
            log.info("ingest_trigger_recovered", failures=self._failures)
        self._failures = 0
        if self._announce is not None:
            await self._announce()

    async def _create_run(self, http: httpx.AsyncClient, api_url: str) -> None:
        try:
            if self._deployment_id is None:
                found = await http.get(f"{api_url}/deployments/name/{DEPLOYMENT}")
                self._deployment_id = str(found.raise_for_status().json()["id"])
            run = await http.post(
                f"{api_url}/deployments/{self._deployment_id}/create_flow_run", json={}
            )
            run.raise_for_status()
        except httpx.HTTPStatusError as error:
            # The deployment may have been created again under another id.
            self._deployment_id = None
            raise _NoRun(f"http_{error.response.status_code}") from error
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            OSError,
            ValueError,
            KeyError,
            TypeError,
        ) as error:
            raise _NoRun(type(error).__name__) from error


def _pause_after(requests: int) -> float:
    """Seconds until the next run may be created, after one for that many requests."""
    if requests < BURST:
        return INTERVAL
    return BURST_INTERVAL
