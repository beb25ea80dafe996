"""The warm worker against a real Prefect server, in this process or in one of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx
import pytest
from kit.processes.ports import free_port
from kit.processes.prefect_runs import RunKit
from kit.waiting import until
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import Log
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Pending
from stand_ins import CALLS, RELEASED

from flows.runtime import warm_worker
from flows.runtime.orphaned_runs import infrastructure_id, is_orphaned, taken_by
from flows.runtime.warm_worker import WarmWorker
from flows.server.automations import RUN_ENDED, TAG


@pytest.fixture(autouse=True)
def _nothing_called() -> None:
    CALLS.clear()
    RELEASED.clear()


@asynccontextmanager
async def working(kit: RunKit, *flows: str, limit: int | None = None) -> AsyncIterator[WarmWorker]:
    await kit.deploy(*flows)
    async with WarmWorker(
        work_pool_name=kit.pool, name=kit.pool, limit=limit, prefetch_seconds=0
    ) as worker:
        yield worker


async def test_a_run_is_executed_in_the_workers_own_process_with_its_parameters(
    kit: RunKit,
) -> None:
    async with working(kit, "noted") as worker:
        run = await kit.reaches(
            await kit.ask_for("noted", word="hello"), "Completed", worker=worker
        )
    assert [*CALLS] == [("hello", os.getpid())]
    assert run.infrastructure_pid == f"{socket.gethostname()}:{os.getpid()}:{run.id}"


async def test_a_failure_is_the_runs_and_never_the_workers(kit: RunKit) -> None:
    async with working(kit, "failing", "leaving", "blocking", "noted") as worker:
        await kit.reaches(await kit.ask_for("failing"), "Failed", worker=worker)
        await kit.reaches(await kit.ask_for("leaving"), "Crashed", worker=worker)
        await kit.reaches(await kit.ask_for("blocking"), "Crashed", worker=worker)
        await kit.reaches(await kit.ask_for("noted", word="after"), "Completed", worker=worker)
    assert [word for word, _ in CALLS] == ["after"]


async def test_a_run_ends_with_an_event_whatever_its_state(kit: RunKit) -> None:
    async def ended() -> bool:
        which = {"event": {"name": [RUN_ENDED]}, "resource": {"id": [*map(_resource, runs)]}}
        answer = await http.post("/events/filter", json={"filter": which})
        found = answer.raise_for_status().json()["events"]
        tag = {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
        return len(found) == len(runs) and all(tag in event["related"] for event in found)

    runs: list[UUID] = []
    async with (
        working(kit, "noted", "failing", "leaving") as worker,
        httpx.AsyncClient(base_url=PREFECT_API_URL.value() or "") as http,
    ):
        for flow, state in (("noted", "Completed"), ("failing", "Failed"), ("leaving", "Crashed")):
            parameters = {"word": "x"} if flow == "noted" else {}
            runs.append(await kit.ask_for(flow, **parameters))
            await kit.reaches(runs[-1], state, worker=worker)
        await until(ended)


def _resource(run: UUID) -> str:
    return f"prefect.flow-run.{run}"


async def test_a_run_cancelled_in_the_ui_is_stopped_and_ends_cancelled(kit: RunKit) -> None:
    async with working(kit, "held") as worker:
        run = await kit.ask_for("held", word="one")
        await kit.reaches(run, "Running", worker=worker)
        await until(_called("one began"))
        await kit.client.set_flow_run_state(run, Cancelling())
        await kit.reaches(run, "Cancelled", worker=worker)
        states = [state.name for state in await kit.client.read_flow_run_states(run)]
    assert CALLS[-1][0] == "one was cancelled"
    assert states[-2:] == ["Cancelling", "Cancelled"]


async def test_a_limited_worker_leaves_runs_to_others_until_it_is_free(kit: RunKit) -> None:
    async with working(kit, "held", limit=1) as worker:
        first, second = (
            await kit.ask_for("held", word="first"),
            await kit.ask_for("held", word="second"),
        )
        await kit.reaches(first, "Running", worker=worker)
        await until(_called("first began"))
        await worker.get_and_submit_flow_runs()
        assert await kit.state(second) == "Scheduled"
        RELEASED["first"].set()
        await kit.reaches(first, "Completed", worker=worker)
        await kit.reaches(second, "Running", worker=worker)
        await until(_called("second began"))
        RELEASED["second"].set()
        await kit.reaches(second, "Completed", worker=worker)


async def test_two_workers_share_the_work_and_double_none(kit: RunKit) -> None:
    async with (
        working(kit, "noted") as one,
        WarmWorker(work_pool_name=kit.pool, name="two", prefetch_seconds=0) as two,
    ):
        runs = [await kit.ask_for("noted", word=str(number)) for number in range(6)]
        for run in runs:
            await kit.reaches(run, "Completed", worker=two)
            await one.get_and_submit_flow_runs()
    assert sorted(word for word, _ in CALLS) == ["0", "1", "2", "3", "4", "5"]


async def test_a_server_that_goes_away_is_waited_for(
    kit: RunKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm_worker, "_POLL_TIMEOUT", 1.0)
    monkeypatch.setattr(warm_worker, "_SYNC_TIMEOUT", 1.0)
    monkeypatch.setattr(warm_worker, "_RETRY_SECONDS", 0.0)
    await kit.deploy("noted")
    port = free_port()
    async with forwarding(port, PREFECT_API_URL.value() or "") as proxy:
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{port}/api"}):
            async with WarmWorker(
                work_pool_name=kit.pool, name=kit.pool, prefetch_seconds=0
            ) as worker:
                await kit.reaches(
                    await kit.ask_for("noted", word="before"), "Completed", worker=worker
                )
                proxy.cut()
                assert await worker.get_and_submit_flow_runs() == []
                await worker.sync_with_backend()
                proxy.mend()
                await kit.reaches(
                    await kit.ask_for("noted", word="after"), "Completed", worker=worker
                )
    assert [word for word, _ in CALLS] == ["before", "after"]


async def test_sigterm_lets_the_run_finish_and_takes_no_other(kit: RunKit) -> None:
    await kit.deploy("lasting")
    with kit.worker_process() as process:
        run = await kit.ask_for("lasting", seconds=3)
        await kit.reaches(run, "Running")
        lines = await until(_lines_of(kit, run))
        process.send_signal(signal.SIGTERM)
        await kit.reaches(run, "Completed")
        later = await kit.ask_for("lasting", seconds=0)
        assert await asyncio.to_thread(process.wait, 20) == 0
        assert await kit.state(later) == "Scheduled"
    assert lines == ["lasting_began seconds=3.0 correlation_id=c-lasting"]


async def test_what_outlasts_the_grace_is_cancelled_and_not_left_running(kit: RunKit) -> None:
    await kit.deploy("lasting")
    with kit.worker_process("--grace", "0.2") as process:
        run = await kit.ask_for("lasting", seconds=600)
        await kit.reaches(run, "Running")
        await until(_lines_of(kit, run))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 20) == 0
    assert await kit.state(run) == "Crashed"


async def test_the_runs_of_a_killed_worker_are_crashed_by_the_next_and_free_their_slots(
    kit: RunKit,
) -> None:
    await kit.deploy("lasting", limit=1)
    with kit.worker_process() as process:
        killed = await kit.ask_for("lasting", seconds=600)
        await kit.reaches(killed, "Running")
        await until(_lines_of(kit, killed))
        process.kill()
        process.wait()
    with kit.worker_process():
        waiting = await kit.ask_for("lasting", seconds=0)
        await kit.reaches(killed, "Crashed")
        await kit.reaches(waiting, "Completed")


async def test_a_run_that_a_killed_worker_had_only_taken_is_crashed_by_the_next(
    kit: RunKit,
) -> None:
    await kit.deploy("lasting", limit=1)
    taken = await kit.ask_for("lasting", seconds=0)
    dead = taken_by(taken).replace(f":{os.getpid()}:", ":4194304:")
    await kit.client.set_flow_run_state(taken, Pending(message=dead), force=True)
    with kit.worker_process():
        waiting = await kit.ask_for("lasting", seconds=0)
        await kit.reaches(taken, "Crashed")
        await kit.reaches(waiting, "Completed")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api"}, "did not answer within 0 s"),
        ({"PREFECT_API_URL": ""}, "PREFECT_API_URL is not set"),
    ],
    ids=["nobody listens", "not set"],
)
def test_a_worker_without_a_server_says_so_in_one_sentence(
    environment: dict[str, str], sentence: str, prefect_process_environment: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flows.runtime.worker", "--wait", "0"],
        env=prefect_process_environment | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert sentence in done.stderr


RUN = uuid4()


@pytest.mark.parametrize(
    ("where", "running", "orphaned"),
    [
        (infrastructure_id(RUN), {RUN}, False),
        (infrastructure_id(RUN), set(), True),
        (f"{socket.gethostname()}:{os.getppid()}:{RUN}", set(), False),
        (f"{socket.gethostname()}:4194304:{RUN}", set(), True),
        (f"{socket.gethostname()}:4194304:{RUN}", {RUN}, False),
        (f"elsewhere:4194304:{RUN}", set(), False),
        ("8512", set(), False),
        (None, set(), False),
    ],
    ids=[
        "ours",
        "ours, ended",
        "alive",
        "gone",
        "tried again",
        "another host",
        "another worker",
        "nowhere yet",
    ],
)
def test_a_run_is_orphaned_when_its_process_on_this_host_has_ended(
    where: str | None, running: set[UUID], *, orphaned: bool
) -> None:
    assert is_orphaned(where, RUN, running) is orphaned


def _called(word: str):  # noqa: ANN202 - a look for `until`
    async def look() -> bool:
        return any(called == word for called, _ in CALLS)

    return look


def _lines_of(kit: RunKit, run: UUID):  # noqa: ANN202 - the same
    async def look() -> list[str]:
        logs: list[Log] = await kit.client.read_logs(
            LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))
        )
        return [line.message for line in logs if line.name == "showrunner.stand_ins"]

    return look


class Proxy:
    """A wire to the server that can be cut."""

    def __init__(self, port: int, target: str) -> None:
        self._whole = True
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = port
        self._target = target.removeprefix("http://").split("/")[0].split(":")

    def cut(self) -> None:
        self._whole = False
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self._whole = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection(
            self._target[0], int(self._target[1])
        )
        self._writers |= {writer, there_writer}
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
            self._writers.discard(writer)


@asynccontextmanager
async def forwarding(port: int, api_url: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(port, api_url)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", port)
    try:
        yield proxy
    finally:
        proxy.cut()
        server.close()
