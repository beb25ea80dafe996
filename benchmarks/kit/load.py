"""A load generator: signed webhooks, each with its own id, from a separate process.

`python -m benchmarks.kit.load --port P` posts to `/webhook/notion` and prints what it saw as JSON.
With `--rate` requests leave at random moments of that rate whether or not earlier ones were
answered, and a latency counts from the moment its request was due, so that a pause of a second is
charged to every request due in it. Without it, `--connections` requests are always under way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from uuid import UUID

from webhook.signature import SIGNATURE_HEADER, sign

PATH = "/webhook/notion"
_PATIENCE = 30.0


@dataclass
class Seen:
    """What the deliveries came to.

    Attributes:
        taken: numbers of the events that were answered 200.
        answers: how often each HTTP status came; 0 stands for no answer.
        latencies: seconds per request, from the moment it was due (or sent, without a rate) to its
            whole answer.
        late: seconds by which this program sent each request after it was due: how far to trust the
            figures.
        seconds: from the first request to the last answer.
    """

    taken: list[int] = field(default_factory=list)
    answers: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, number: int, status: int, latency: float) -> None:
        """Note one answer."""
        self.answers[status] = self.answers.get(status, 0) + 1
        self.latencies.append(latency)
        if status == 200:
            self.taken.append(number)


def event_id(run: str, number: int) -> str:
    """The id of an event, as long as Notion's."""
    return f"{run}-{number:08d}-0000-0000-000000000000"


def event(run: str, number: int) -> bytes:
    """A webhook as Notion's reference describes it, about one of a hundred pages."""
    page = str(UUID(int=number % 100 + 1))
    payload = {
        "id": event_id(run, number),
        "timestamp": "2026-11-23T10:00:00.000Z",
        "workspace_id": "13950b26-c203-4f3b-b97d-93ec06319565",
        "workspace_name": "Quantify Labs",
        "subscription_id": "29d75c0d-5546-4414-8459-7b7a92f1fc4b",
        "integration_id": "0ef2e755-4912-8096-91c1-00376a88a5ca",
        "type": "page.properties_updated",
        "authors": [{"id": "c7c11cca-1d73-471d-9b6e-bdef51470190", "type": "person"}],
        "accessible_by": [{"id": "556a1abf-4f08-40c6-878a-75890d2a88ba", "type": "person"}],
        "attempt_number": 1,
        "entity": {"id": page, "type": "page"},
        "data": {
            "parent": {
                "id": "0ef104cd-477e-80e1-8571-cfd10e92339a",
                "type": "database",
                "data_source_id": "98f104cd-477e-80e1-8571-cfd10e92339a",
            },
            "updated_properties": ["XGe%40", "bDf%5B"],
        },
    }
    return json.dumps(payload, separators=(",", ":")).encode()


def request(run: str, number: int, secret: str) -> bytes:
    """A whole HTTP request, signed."""
    body = event(run, number)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: receiver\r\nUser-Agent: notion-api\r\nAccept: */*\r\n"
        f"Content-Type: application/json\r\n{SIGNATURE_HEADER}: {sign(body, secret)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Line(asyncio.Protocol):
    """A kept connection.

    One request at a time; as little work per request as it takes, beside what it measures.
    """

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[int] | None = None
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.open = transport, True

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if end and self._answer is not None and len(rest) >= _length(head):
            answer, self._answer, self._received = self._answer, None, b""
            if not answer.done():
                answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    async def send(self, message: bytes) -> int:
        """The status of the answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


class Lines:
    """Kept connections to one port; another is opened whenever all are busy."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Line] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Line]:
        """A connection that is free."""
        while self._idle:
            line = self._idle.pop()
            if line.open:
                break
        else:
            _, line = await asyncio.get_running_loop().create_connection(
                Line, "127.0.0.1", self._port
            )
        try:
            yield line
        except BaseException:
            line.close()  # an answer that comes after all is nobody's
            raise
        self._idle.append(line)

    async def deliver(self, message: bytes) -> int:
        """The status of the answer; 0 without one.

        A connection that the other side closed is no answer, but a try.
        """
        for _ in range(2):
            try:
                async with asyncio.timeout(_PATIENCE), self.one() as line:
                    return await line.send(message)
            except OSError:  # TimeoutError among others
                continue
        return 0

    def close(self) -> None:
        """Hang up."""
        for line in self._idle:
            line.close()


def moments(rate: float, seconds: float) -> Iterator[float]:
    """Random moments (seconds after the start) at that rate; the same in each run."""
    chance, moment = random.Random(5), 0.0
    while (moment := moment + chance.expovariate(rate)) < seconds:
        yield moment


async def open_loop(options: argparse.Namespace) -> Seen:
    """Deliver at a rate, come what may."""
    due = list(moments(options.rate, options.seconds))
    messages = [request(options.run, number, options.secret) for number in range(len(due))]
    seen, lines, began = Seen(), Lines(options.port), time.perf_counter() + 0.2

    async def one(number: int) -> None:
        at = began + due[number]
        seen.late.append(time.perf_counter() - at)
        status = await lines.deliver(messages[number])
        seen.note(number, status, time.perf_counter() - at)

    async with asyncio.TaskGroup() as group:
        for number, moment in enumerate(due):
            if (wait := began + moment - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            group.create_task(one(number))
    seen.seconds = time.perf_counter() - began
    lines.close()
    return seen


async def closed_loop(options: argparse.Namespace) -> Seen:
    """Deliver as fast as it is taken, with that many requests under way."""
    messages = [
        request(options.run, number, options.secret)
        for number in range(int(options.seconds * 3000))
    ]
    numbers, seen, lines = iter(range(len(messages))), Seen(), Lines(options.port)
    began = time.perf_counter()

    async def sender() -> None:
        for number in numbers:
            sent = time.perf_counter()
            if sent - began >= options.seconds:
                return
            status = await lines.deliver(messages[number])
            seen.note(number, status, time.perf_counter() - sent)

    await asyncio.gather(*(sender() for _ in range(options.connections)))
    seen.seconds = time.perf_counter() - began
    lines.close()
    return seen


def main() -> None:
    """Deliver, then print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kit.load", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--run", required=True, help="eight hexadecimal digits with which every event's id begins"
    )
    parser.add_argument("--secret", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    seen = asyncio.run(open_loop(options) if options.rate else closed_loop(options))
    sys.stdout.write(json.dumps(asdict(seen)) + "\n")


if __name__ == "__main__":
    main()
