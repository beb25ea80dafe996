"""What benchmarks run on: real PostgreSQL, a board over real HTTP, the product's connections."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import structlog
from sqlalchemy import URL

from models.postgres.embedded import embedded_postgres
from models.postgres.engine import migrate
from models.settings import Settings
from models.tables.webhook_events import Delivery, put
from tasks.runtime.context import Context, close_connections, connections

ROOT = Path(__file__).resolve().parents[2]
CHANNELS = ROOT / "channel_configs"


def quiet() -> None:
    """Log nothing: a benchmark prints figures."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="showrunner-bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def database() -> Iterator[URL]:
    """A migrated PostgreSQL with the durability it has in production."""
    with folder() as made, embedded_postgres(made / "pg") as url:
        migrate(url)
        yield url


@asynccontextmanager
async def process(
    *command: str, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python process of the project, its standard output at hand, stopped afterwards by its pid.

    Args:
        log: where both its outputs go instead.
    """
    with nullcontext() if log is None else log.open("ab") as file:
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=file or asyncio.subprocess.PIPE,
            stderr=file,
            limit=2**24,
        )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
            try:
                await asyncio.wait_for(started.wait(), 20)
            except TimeoutError:
                started.kill()
                await started.wait()


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board behind HTTP.

    Attributes:
        people: a client of a person at work, who has no limit.
    """

    base_url: str
    bot_token: str
    person_token: str
    database_id: str
    data_source_id: str
    people: httpx.AsyncClient

    async def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """Requests after that number, oldest first: `time`, `method`, `path`, `status`, `ms`."""
        answer = (
            (await self.people.get(f"/sandbox/requests?since={since}")).raise_for_status().json()
        )
        return [entry for entry in answer["requests"] if entry["user"] == "Showrunner"]

    async def last(self) -> int:
        """The number of the last request of anybody."""
        answer = (
            (await self.people.get("/sandbox/requests?since=1000000000")).raise_for_status().json()
        )
        return int(answer["last"])

    async def edit(self, page_id: str, properties: Mapping[str, Any]) -> None:
        """A person edits a card."""
        (
            await self.people.patch(f"/v1/pages/{page_id}", json={"properties": dict(properties)})
        ).raise_for_status()

    def settings(self, url: URL) -> Settings:
        """Settings that name this board and that database."""
        return Settings(
            _env_file=None,
            notion_api_token=self.bot_token,
            notion_base_url=self.base_url,
            notion_database_id=self.database_id,
            database_url=url.render_as_string(hide_password=False),
            channel_configs=CHANNELS,
        )


@asynccontextmanager
async def board(
    cards: int, *, latency_ms: float = 300, options: Sequence[str] = ()
) -> AsyncIterator[Board]:
    """A board of that many valid queued cards, an hour old, at Notion's measured latency.

    Args:
        cards: how many.
        latency_ms: before each answer.
        options: more of `python -m benchmarks.kit.board_server`.
    """
    command = (
        "-m",
        "benchmarks.kit.board_server",
        "--cards",
        str(cards),
        "--latency-ms",
        str(latency_ms),
        *options,
    )
    async with process(*command) as server:
        assert server.stdout is not None
        facts = json.loads(await server.stdout.readline())
        headers = {
            "Authorization": f"Bearer {facts['person_token']}",
            "Notion-Version": "2026-03-11",
        }
        async with httpx.AsyncClient(
            base_url=facts["base_url"], headers=headers, timeout=60
        ) as people:
            yield Board(**facts, people=people)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Context]:
    """Our own connections, with the shared limit of 3 requests a second."""
    try:
        yield connections(settings)
    finally:
        await close_connections()


async def webhook(ctx: Context, page_id: str) -> None:
    """Notion's webhook about a page is in the inbox."""
    event = Delivery(
        event_id=f"{page_id} {datetime.now(UTC)}",
        event_type="page.properties_updated",
        page_id=page_id,
        payload={},
    )
    async with ctx.sessions.begin() as session:
        await put(session, event, now=ctx.clock(), correlation_id="benchmark")
