"""The webhook receiver under load: latency, lost webhooks, cost beside a bare INSERT.

The acknowledgement comes after the commit, on a PostgreSQL with the durability of production.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg
from sqlalchemy import URL

from benchmarks.kit.figures import Figure, main, percentile
from benchmarks.kit.load import Seen
from benchmarks.kit.places import database, folder, free_port, process
from benchmarks.kit.waiting import answering
from models.postgres.engine import libpq

RATE, SECONDS = 200, 60.0
CONNECTIONS, SLICE, ROUNDS = 16, 2.0, 6
SECRET = "secret_of_the_benchmark"


class Prefect:
    """Stands where Prefect's server would, so that the receiver's trigger works as it always does.

    Attributes:
        runs: how many runs were asked for.
    """

    def __init__(self) -> None:
        self.runs = 0

    async def answer(self, sync: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer every request of one connection."""
        while head := (await sync.readuntil(b"\r\n\r\n") if not sync.at_eof() else b""):
            length = [
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line[:15] == b"content-length:"
            ]
            await sync.readexactly(sum(length))
            self.runs += head.startswith(b"POST")
            body = b'{"id": "00000000-0000-4000-8000-000000000000"}'
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % len(body)
            )
            writer.write(body)


@asynccontextmanager
async def prefect(counted: Prefect) -> AsyncIterator[str]:
    """Its API's address."""

    async def answer(sync: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await counted.answer(sync, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api"


async def load(port: int, run: str, seconds: float, **options: float) -> Seen:
    """Let the other process deliver."""
    named = [str(each) for name, value in options.items() for each in (f"--{name}", value)]
    command = ("-m", "benchmarks.kit.load", "--port", str(port), "--run", run, "--secret", SECRET)
    async with process(*command, "--seconds", str(seconds), *named) as sender:
        assert sender.stdout is not None
        told: dict[str, Any] = json.loads(await sender.stdout.readline())
    told["answers"] = {int(status): count for status, count in told["answers"].items()}
    return Seen(**told)


def stored(url: URL, run: str) -> int:
    """How many of a run's events are in the inbox."""
    with psycopg.connect(libpq(url)) as connection:
        found = connection.execute(
            "SELECT count(*) FROM webhook_events WHERE event_id LIKE %s", [f"{run}-%"]
        ).fetchone()
    assert found is not None
    return int(found[0])


async def acknowledgement(url: URL, port: int, counted: Prefect) -> list[Figure]:
    """The open loop."""
    run = "0a0a0a0a"
    await load(
        port, "00000000", 3, rate=RATE
    )  # a receiver at work is what is measured, not its first requests
    before = counted.runs
    seen = await load(port, run, SECONDS, rate=RATE)
    milliseconds = [1000 * latency for latency in seen.latencies]
    p50, p99, worst = (
        percentile(milliseconds, 0.5),
        percentile(milliseconds, 0.99),
        max(milliseconds),
    )
    sent, lost = len(milliseconds), len(seen.taken) - stored(url, run)
    refused = sent - len(seen.taken)
    late = 1000 * percentile(seen.late, 0.99)
    return [
        Figure(
            what=f"receiver: acknowledgement at {RATE} requests/s for {SECONDS:.0f} s, at "
            f"random moments",
            limit="p50 8 ms, p99 50 ms, none over 500 ms",
            measured=f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.0f} ms",
            good=p50 <= 8 and p99 <= 50 and worst <= 500,
            note=f"From the moment a request was due; the sender itself was late by "
            f"{late:.1f} ms at p99.",
        ),
        Figure(
            what=f"receiver: webhooks lost of {sent}",
            limit="0",
            measured=f"{lost} lost, {refused} not acknowledged, {counted.runs - before} "
            f"ingest runs asked for",
            good=lost == refused == 0,
        ),
    ]


@dataclass
class Peer:
    """A server under test.

    Attributes:
        rates: requests/s, a round each.
        taken, busy: requests, and seconds of CPU that they cost its process.
    """

    process: asyncio.subprocess.Process
    port: int
    rates: list[float] = field(default_factory=list)
    taken: int = 0
    busy: float = 0.0

    async def round(self, number: int) -> None:
        """Take as much as it can for a moment."""
        before = psutil.Process(self.process.pid).cpu_times()
        seen = await load(self.port, f"{number + 1:08x}", SLICE, connections=CONNECTIONS)
        after = psutil.Process(self.process.pid).cpu_times()
        assert set(seen.answers) == {200}, seen.answers
        self.rates.append(len(seen.taken) / seen.seconds)
        self.taken += len(seen.taken)
        self.busy += after.user + after.system - before.user - before.system

    @property
    def cost(self) -> float:
        """Milliseconds of CPU per request."""
        return 1000 * self.busy / self.taken


async def throughput(receiver: Peer, bare: Peer) -> Figure:
    """The closed loop, in short turns (ABBA), so that what else the machine does falls on both."""
    for number in range(2 * ROUNDS):
        await (receiver if number % 4 in {0, 3} else bare).round(number)
    ours, theirs = (sum(peer.rates) / ROUNDS for peer in (receiver, bare))
    ratios = sorted(a / b for a, b in zip(receiver.rates, bare.rates, strict=True))
    return Figure(
        what=f"receiver: throughput beside a bare FastAPI route that does one INSERT, "
        f"{CONNECTIONS} connections",
        limit="at least 0.70 of the bare route",
        measured=f"{ours:.0f} of {theirs:.0f} requests/s",
        ratio=ours / theirs,
        good=ours >= 0.7 * theirs,
        note=f"{ROUNDS} rounds of each in turn, their ratios {ratios[0]:.2f} to "
        f"{ratios[-1]:.2f}; CPU per request "
        f"{receiver.cost:.2f} ms beside {bare.cost:.2f} ms.",
    )


async def measure() -> Sequence[Figure]:
    """One database, one receiver, one bare route."""
    counted, receiver, bare = Prefect(), free_port(), free_port()
    with database() as url, folder() as logs:
        common = {"DATABASE_URL": libpq(url), "LOG_FORMAT": "json", "PREFECT_API_URL": ""}
        async with AsyncExitStack() as stack:
            api = await stack.enter_async_context(prefect(counted))
            ours = {
                "RECEIVER_PORT": str(receiver),
                "WORKER_API_PORT": str(free_port()),
                "NOTION_WEBHOOK_SECRET": SECRET,
                "PREFECT_API_URL": api,
            }
            serving = process("-m", "webhook", environment=common | ours, log=logs / "receiver.log")
            beside = process(
                "-m", "benchmarks.kit.bare_route", "--port", str(bare), environment=common
            )
            peers = (
                Peer(await stack.enter_async_context(serving), receiver),
                Peer(await stack.enter_async_context(beside), bare),
            )
            await asyncio.gather(
                *(answering(f"http://127.0.0.1:{port}/health") for port in (receiver, bare))
            )
            await load(bare, "00000000", 3, rate=RATE)
            figures = (
                [] if "--throughput" in sys.argv else await acknowledgement(url, receiver, counted)
            )
            return [*figures, await throughput(*peers)]


if __name__ == "__main__":
    main(measure)
