"""Starting the ingest: after each stored event a run of its deployment, at most one a second.

Plain HTTP, because importing Prefect takes two seconds. Two routes of Prefect's API are used: `GET
/deployments/name/{flow}/{deployment}` for the id, `POST /deployments/{id}/create_flow_run` for the
run (an empty object is a valid body; the run is then scheduled for now). If Prefect is down nothing
is lost: the event is in the inbox, and the next push cycle drains it.
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
"""Seconds between two runs at least."""
BURST: Final = 20
"""Kicks served by one run from which on the next may wait longer: who works on so much looks again
before it ends."""
BURST_INTERVAL: Final = 3.0
"""Seconds between two runs in a burst."""
_RETRIES: Final = Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=30))
"""Between two tries while Prefect does not answer."""
_TIMEOUT_SECONDS: Final = 10.0

log = structlog.get_logger("showrunner.webhook")


class _NoRun(Exception):
    """No run was made; the reason is a slug."""


def _log_once(failures: int, failure: _NoRun) -> None:
    """One line for an outage, not one a try; the reason is enough, a traceback would only repeat httpx."""
    if failures == 1:
        log.error("ingest_trigger_failed", reason=str(failure))


class IngestTrigger:
    """Makes runs of the ingest deployment, however many events ask for them.

    The first kick makes a run at once. Kicks that come while that is going on, or within `INTERVAL`
    after it (in a burst, `BURST_INTERVAL`), are served together by one more run: for every kick
    there is a run that was asked for later than it.

    Args:
        api_url: of Prefect's API, e.g. http://127.0.0.1:4200/api. None: kicks are ignored, as one
            log line says.
        login: user and password of a server that asks for them.
        announce: called after each run that was made, so that a worker takes it at once; must not
            raise.
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
        self._wanted = asyncio.Event()
        self._kicks = 0
        self._http: httpx.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._deployment_id: str | None = None
        if self._api_url is None:
            log.warning(
                "ingest_trigger_off",
                reason="PREFECT_API_URL is not set: the push cycle takes the events",
            )

    def kick(self) -> None:
        """Ask for a run; returns at once. To be called inside the event loop."""
        if self._api_url is None:
            return
        self._wanted.set()
        self._kicks += 1
        if self._task is None:
            self._task = asyncio.create_task(self._serve(self._api_url), name="ingest trigger")

    async def aclose(self) -> None:
        """Stop. What is still asked for is not run: the events are in the inbox."""
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
        failures = 0
        while True:
            await self._wanted.wait()
            # Cleared before the request: a kick during it cannot know whether the run will see its
            # event.
            self._wanted.clear()
            kicks, self._kicks = self._kicks, 0
            try:
                await self._create_run(self._http, api_url)
            except _NoRun as failure:
                self._wanted.set()  # still owed
                failures += 1
                _log_once(failures, failure)
                await self._sleep(_RETRIES.delay(failures).total_seconds())
            else:
                if failures:
                    log.info("ingest_trigger_recovered", failures=failures)
                failures = 0
                if self._announce is not None:
                    await self._announce()
                await self._sleep(INTERVAL if kicks < BURST else BURST_INTERVAL)

    async def _create_run(self, http: httpx.AsyncClient, api_url: str) -> None:
        try:
            if self._deployment_id is None:
                found = (
                    await http.get(f"{api_url}/deployments/name/{DEPLOYMENT}")
                ).raise_for_status()
                self._deployment_id = str(found.json()["id"])
            run = await http.post(
                f"{api_url}/deployments/{self._deployment_id}/create_flow_run", json={}
            )
            run.raise_for_status()
        except httpx.HTTPStatusError as error:
            # The deployment may have been made anew under another id.
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
