"""The trigger: a run after every request, at most one a second; an outage costs one log line."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from kit.deliveries import served

from webhook.trigger import IngestTrigger


class OwnedSleep:
    """Sleeps until the test says that the time is over."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[float] = asyncio.Queue()
        self._over: asyncio.Queue[None] = asyncio.Queue()

    async def __call__(self, seconds: float) -> None:
        self.begun.put_nowait(seconds)
        await self._over.get()

    def end(self) -> None:
        self._over.put_nowait(None)


class PrefectDouble:
    """The two routes of Prefect's API, with whatever goes wrong on demand."""

    def __init__(self) -> None:
        self.lookups: asyncio.Queue[str] = asyncio.Queue()
        self.runs: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.authorizations: list[str | None] = []
        self.lookup_status = self.run_status = 200
        self.deployment_id: Any = "11111111-2222-3333-4444-555555555555"
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.url = ""
        self.app = FastAPI()

        @self.app.get("/api/deployments/name/{flow}/{deployment}")
        async def lookup(flow: str, deployment: str, request: Request) -> JSONResponse:
            self.authorizations.append(request.headers.get("authorization"))
            self.lookups.put_nowait(f"{flow}/{deployment}")
            return JSONResponse({"id": self.deployment_id}, self.lookup_status)

        @self.app.post("/api/deployments/{deployment_id}/create_flow_run")
        async def create(deployment_id: str, request: Request) -> JSONResponse:
            self.authorizations.append(request.headers.get("authorization"))
            self.runs.put_nowait((deployment_id, await request.json()))
            await self.may_answer.wait()
            return JSONResponse({"id": "run"}, self.run_status)


@pytest.fixture
async def prefect() -> AsyncIterator[PrefectDouble]:
    double = PrefectDouble()
    async with served(double.app) as url:
        double.url = f"{url}/api"
        yield double


@pytest.fixture
def sleep() -> OwnedSleep:
    return OwnedSleep()


@pytest.fixture
async def trigger(prefect: PrefectDouble, sleep: OwnedSleep) -> AsyncIterator[IngestTrigger]:
    one = IngestTrigger(prefect.url, sleep=sleep)
    yield one
    await one.aclose()


async def test_the_first_request_makes_a_run_at_once(
    trigger: IngestTrigger, prefect: PrefectDouble, sleep: OwnedSleep
) -> None:
    trigger.request_run()
    assert await prefect.lookups.get() == "ingest/ingest"
    assert await prefect.runs.get() == (prefect.deployment_id, {})
    assert await sleep.begun.get() == 1.0


async def test_many_requests_within_a_second_make_one_more_run_and_the_next_one_waits_longer(
    trigger: IngestTrigger, prefect: PrefectDouble, sleep: OwnedSleep
) -> None:
    trigger.request_run()
    await sleep.begun.get()
    for _ in range(1000):
        trigger.request_run()
    sleep.end()
    assert await sleep.begun.get() == 3.0
    assert prefect.runs.qsize() == 2
    sleep.end()
    await asyncio.sleep(0)
    assert trigger._task is not None
    assert not trigger._requested.is_set()
    trigger.request_run()
    assert await sleep.begun.get() == 1.0  # the burst is over
    assert prefect.runs.qsize() == 3
    assert prefect.lookups.qsize() == 1


async def test_a_request_during_the_request_gets_a_run_of_its_own(
    trigger: IngestTrigger, prefect: PrefectDouble, sleep: OwnedSleep
) -> None:
    prefect.may_answer.clear()
    trigger.request_run()
    await prefect.runs.get()
    trigger.request_run()
    prefect.may_answer.set()
    await sleep.begun.get()
    sleep.end()
    assert await prefect.runs.get() == (prefect.deployment_id, {})


async def test_a_run_is_announced_once_it_was_made_and_never_before(
    prefect: PrefectDouble, sleep: OwnedSleep
) -> None:
    announced: list[int] = []

    async def announce() -> None:
        announced.append(prefect.runs.qsize())

    trigger = IngestTrigger(prefect.url, announce=announce, sleep=sleep)
    prefect.run_status = 500
    trigger.request_run()
    await sleep.begun.get()
    assert announced == []
    prefect.run_status = 200
    sleep.end()
    await sleep.begun.get()
    assert announced == [2]
    await trigger.aclose()


async def test_an_outage_is_one_line_and_is_retried_with_growing_waits_until_the_run_is_made(
    trigger: IngestTrigger, prefect: PrefectDouble, sleep: OwnedSleep, logs: list[dict[str, Any]]
) -> None:
    prefect.lookup_status = 404  # the deployment does not exist yet
    trigger.request_run()
    waits = []
    for _ in range(7):
        waits.append(await sleep.begun.get())
        trigger.request_run()
        sleep.end()
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    await sleep.begun.get()
    assert [line["event"] for line in logs] == ["ingest_trigger_failed"]
    assert logs[0]["reason"] == "http_404"
    prefect.lookup_status = 200
    sleep.end()
    assert await sleep.begun.get() == 1.0
    assert prefect.runs.qsize() == 1
    assert [line["event"] for line in logs] == ["ingest_trigger_failed", "ingest_trigger_recovered"]


async def test_a_second_outage_is_a_line_of_its_own(
    trigger: IngestTrigger, prefect: PrefectDouble, sleep: OwnedSleep, logs: list[dict[str, Any]]
) -> None:
    trigger.request_run()
    for status in (503, 200, 500, 200):
        await sleep.begun.get()
        prefect.run_status = status
        trigger.request_run()
        sleep.end()
    await sleep.begun.get()
    assert [line["event"] for line in logs] == [
        "ingest_trigger_failed",
        "ingest_trigger_recovered",
    ] * 2
    assert [line["reason"] for line in logs if "reason" in line] == ["http_503", "http_500"]


async def test_a_deployment_made_anew_is_found_under_its_new_id(
    trigger: IngestTrigger, prefect: PrefectDouble, sleep: OwnedSleep
) -> None:
    trigger.request_run()
    await sleep.begun.get()
    await prefect.runs.get()
    prefect.run_status, prefect.deployment_id = 404, "another"
    trigger.request_run()
    sleep.end()
    await sleep.begun.get()
    await prefect.runs.get()
    prefect.run_status = 200
    sleep.end()
    assert await prefect.runs.get() == ("another", {})


@pytest.mark.parametrize("url", ["http://127.0.0.1:{free}/api", "no url", "http://[", ""])
async def test_a_server_that_cannot_be_reached_raises_nothing(
    sleep: OwnedSleep, logs: list[dict[str, Any]], url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    trigger = IngestTrigger(url.format(free=free) or "ftp://nowhere", sleep=sleep)
    trigger.request_run()
    assert await sleep.begun.get() == 1.0
    assert [line["event"] for line in logs] == ["ingest_trigger_failed"]
    await trigger.aclose()


async def test_an_answer_that_is_not_prefects_is_a_failure(
    sleep: OwnedSleep, logs: list[dict[str, Any]]
) -> None:
    app = FastAPI()
    app.get("/api/deployments/name/ingest/ingest")(lambda: ["not", "Prefect"])
    async with served(app) as url:
        trigger = IngestTrigger(f"{url}/api/", sleep=sleep)
        trigger.request_run()
        assert await sleep.begun.get() == 1.0
        await trigger.aclose()
    assert [line["reason"] for line in logs if line["event"] == "ingest_trigger_failed"] == [
        "TypeError"
    ]


async def test_basic_authentication_is_sent_and_never_logged(
    prefect: PrefectDouble, sleep: OwnedSleep, logs: list[dict[str, Any]]
) -> None:
    prefect.run_status = 401
    trigger = IngestTrigger(prefect.url, login=("user", "pass:word"), sleep=sleep)
    trigger.request_run()
    await sleep.begun.get()
    await trigger.aclose()
    expected = "Basic " + base64.b64encode(b"user:pass:word").decode()
    assert prefect.authorizations == [expected, expected]
    assert [line["reason"] for line in logs] == ["http_401"]
    assert "pass" not in str(logs)


async def test_without_a_server_requests_are_ignored_with_one_line(
    logs: list[dict[str, Any]],
) -> None:
    trigger = IngestTrigger(None)
    for _ in range(3):
        trigger.request_run()
    assert [line["event"] for line in logs] == ["ingest_trigger_off"]
    assert trigger._task is None
    await trigger.aclose()


async def test_closing_ends_a_request_that_hangs(prefect: PrefectDouble) -> None:
    prefect.may_answer.clear()
    trigger = IngestTrigger(prefect.url)
    trigger.request_run()
    await prefect.runs.get()
    await trigger.aclose()
    assert trigger._task is not None
    assert trigger._task.done()
    prefect.may_answer.set()
