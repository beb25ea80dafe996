"""Strangers who open connections and say nothing keep nobody out, and fill no disk."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from kit.deliveries import served
from kit.processes.ports import free_port
from sqlalchemy import URL
from test_webhook_server import ROOT, facts

from models.postgres.engine import libpq
from webhook.connections import CONNECTIONS_MOST, Limits, connections_within

QUICK = Limits(head=0.2)
PATIENT = Limits(head=600, grace=0.05, patience=600, pause=0.02, connections=4)


@pytest.fixture
def app() -> FastAPI:
    made = FastAPI()

    @made.get("/health")
    async def health() -> str:
        return "ok"

    return made


async def stranger(
    url: str, said: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
    writer.write(said)
    return reader, writer


async def closed(reader: asyncio.StreamReader) -> bytes:
    """What came until the receiver closed the connection."""
    with suppress(ConnectionError):
        return await reader.read()
    return b""


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then, until the connection is closed."""
    ended = asyncio.ensure_future(closed(reader))
    while not ended.done():
        writer.write(b"x")
        await asyncio.wait({ended}, timeout=0.02)


async def test_a_connection_that_says_nothing_is_closed(app: FastAPI) -> None:
    async with served(app, QUICK) as url:
        reader, _ = await stranger(url)
        assert await closed(reader) == b""


async def test_a_head_that_drips_is_cut_off(app: FastAPI) -> None:
    async with served(app, QUICK) as url:
        await drip(*await stranger(url, b"GET /health HTTP/1.1\r\nX-Slow: "))


async def test_a_second_head_that_drips_is_cut_off(app: FastAPI) -> None:
    async with served(app, QUICK) as url:
        reader, writer = await stranger(url, b"GET /health HTTP/1.1\r\nHost: receiver\r\n\r\n")
        assert (await reader.readuntil(b'"ok"')).startswith(b"HTTP/1.1 200")
        await drip(reader, writer)


async def test_a_body_that_nobody_reads_and_that_drips_is_cut_off(app: FastAPI) -> None:
    async with served(app, QUICK) as url:
        await drip(
            *await stranger(
                url, b"POST /nowhere HTTP/1.1\r\nHost: receiver\r\nContent-Length: 100000\r\n\r\n"
            )
        )


async def test_an_answer_that_takes_too_long_is_given_up(app: FastAPI) -> None:
    @app.get("/never")
    async def never() -> None:
        await asyncio.Event().wait()

    async with served(app, Limits(exchange=0.2)) as url:
        reader, _ = await stranger(url, b"GET /never HTTP/1.1\r\nHost: receiver\r\n\r\n")
        assert await closed(reader) == b""


async def test_a_full_receiver_lets_the_silent_go_and_says_so_once(
    app: FastAPI, logs: list[dict[str, Any]]
) -> None:
    async with served(app, PATIENT) as url:
        silent = [await stranger(url) for _ in range(12)]
        async with httpx.AsyncClient(base_url=url) as http:
            for _ in range(3):
                assert (
                    await http.get("/health", headers={"Connection": "close"})
                ).status_code == 200
        for reader, _ in silent[:8]:
            assert await closed(reader) == b"", "the longest waiting went first"
        assert [line["event"] for line in logs].count("receiver_full") == 1


async def test_a_full_receiver_finishes_what_it_began_before_it_takes_more(app: FastAPI) -> None:
    begun, go_on = asyncio.Semaphore(0), asyncio.Event()

    @app.get("/work")
    async def work() -> str:
        begun.release()
        await go_on.wait()
        return "done"

    # A busy machine may need longer than PATIENT's grace until a request's head is there.
    limits = replace(PATIENT, grace=600)
    async with served(app, limits) as url, httpx.AsyncClient(base_url=url) as http:
        asked = [
            asyncio.ensure_future(http.get("/work", headers={"Connection": "close"}))
            for _ in range(9)
        ]
        for _ in range(4):
            await begun.acquire()
        go_on.set()
        assert [(await answer).json() for answer in asked] == ["done"] * 9


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(1024, 960), (150, 86), (10, 8), (1_048_576, 1000), (-1, 1000)]
)
def test_connections_leave_the_receiver_the_descriptors_that_it_needs(
    descriptors: int, connections: int
) -> None:
    assert connections_within(descriptors) == connections <= CONNECTIONS_MOST


async def test_under_a_small_limit_of_descriptors_silent_connections_keep_nobody_out(
    database: URL, tmp_path: Path
) -> None:
    port = free_port()
    given = {
        "DATABASE_URL": libpq(database),
        "RECEIVER_PORT": str(port),
        "WORKER_API_PORT": str(free_port()),
        "LOG_FORMAT": "json",
        "PYTHONPATH": str(ROOT),
    }
    few = ["sh", "-c", 'ulimit -Sn 100; exec "$@"', "sh", sys.executable, "-m", "webhook"]
    with (tmp_path / "receiver.log").open("wb") as log:
        receiver = await asyncio.create_subprocess_exec(
            *few, env=os.environ | given, cwd=tmp_path, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            await answers(http)
            silent = [await stranger(url) for _ in range(300)]
            for _ in range(5):
                assert (await http.get("/health", headers={"Connection": "close"})).json()[
                    "status"
                ] == "ok"
            assert len(silent) == 300
    finally:
        receiver.terminate()
        await receiver.wait()
    written = (tmp_path / "receiver.log").read_text()
    assert [line["event"] for line in facts(written.splitlines())].count("receiver_full") == 1
    assert len(written) < 5_000, json.dumps(written[:1000])


async def answers(http: httpx.AsyncClient) -> None:
    """Return when the receiver is open."""
    while True:
        try:
            await http.get("/health")
        except httpx.ConnectError:
            await asyncio.sleep(0.05)
        else:
            return
