"""Over real HTTP: no request body stops the receiver, however long, slow or untruthful."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from kit.deliveries import JSON, SECRET, encode, inbox_rows, notion_event, served

from models.postgres.engine import Sessions
from webhook.body import BODY_MAX
from webhook.signature import sign

Make = Callable[..., FastAPI]


async def raw(url: str, head: str, body: bytes = b"", *, hang_up: bool = False) -> bytes:
    """What a receiver answers to exactly these bytes, until it closes the connection."""
    port = int(url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = (
        "POST /webhook/notion HTTP/1.1\r\nHost: receiver\r\n"
        f"Content-Type: application/json\r\n{head}\r\n\r\n"
    )
    writer.write(lines.encode() + body)
    if hang_up:
        writer.write_eof()
    answer = await reader.readuntil(b"}") if not hang_up else await reader.read()
    writer.close()
    return answer


async def test_ten_megabytes_are_refused_and_the_sender_hears_it(
    make_app: Make, nowhere: Sessions, logs: list[dict[str, Any]]
) -> None:
    body = b" " * 10 * 1024 * 1024
    async with served(make_app(nowhere)) as url, httpx.AsyncClient(base_url=url) as http:
        headers = JSON | {"X-Notion-Signature": sign(body, SECRET)}
        answer = await http.post("/webhook/notion", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (413, {"detail": "refused"})
    [line] = [one for one in logs if one["event"] == "webhook_refused"]
    assert (line["reason"], line["bytes"]) == ("body_too_large", len(body))


async def test_a_length_over_the_cap_is_refused_before_a_byte_of_the_body_came(
    make_app: Make, nowhere: Sessions
) -> None:
    async with served(make_app(nowhere)) as url:
        answer = await raw(url, f"Content-Length: {BODY_MAX + 1}")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


async def test_a_body_without_a_length_is_cut_off_at_the_cap(
    make_app: Make, nowhere: Sessions
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * BODY_MAX:
            sent += 16 * 1024
            yield b" " * 16 * 1024

    async with served(make_app(nowhere)) as url, httpx.AsyncClient(base_url=url) as http:
        answer = await http.post("/webhook/notion", content=endless(), headers=JSON)
    assert answer.status_code == 413


async def test_a_body_longer_than_its_length_says_is_cut_off_at_the_cap(
    make_app: Make, nowhere: Sessions
) -> None:
    """uvicorn itself stops at the announced length; another server may not."""
    transport = httpx.ASGITransport(app=make_app(nowhere))
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as http:
        headers = JSON | {"Content-Length": "10"}
        answer = await http.post("/webhook/notion", content=b" " * (BODY_MAX + 1), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 19])
async def test_a_length_of_many_digits_is_too_large(
    make_app: Make, nowhere: Sessions, length: str
) -> None:
    transport = httpx.ASGITransport(app=make_app(nowhere))
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as http:
        answer = await http.post(
            "/webhook/notion", content=b"{}", headers=JSON | {"Content-Length": length}
        )
    assert answer.status_code == 413


async def test_a_body_at_the_cap_is_taken(make_app: Make, sessions: Sessions) -> None:
    body = encode(notion_event(padding=""))
    body = encode(notion_event(padding="x" * (BODY_MAX - len(body))))
    assert len(body) == BODY_MAX
    async with served(make_app(sessions)) as url, httpx.AsyncClient(base_url=url) as http:
        headers = JSON | {"X-Notion-Signature": sign(body, SECRET)}
        answer = await http.post("/webhook/notion", content=body, headers=headers)
    assert answer.status_code == 200
    assert len(await inbox_rows(sessions)) == 1


async def test_a_body_that_does_not_come_is_refused(
    make_app: Make, nowhere: Sessions, logs: list[dict[str, Any]]
) -> None:
    async with served(make_app(nowhere, body_seconds=0.05)) as url:
        answer = await raw(url, "Content-Length: 1000", b"{")
    assert answer.startswith(b"HTTP/1.1 408")
    assert [(one["reason"], one["bytes"]) for one in logs if "reason" in one] == [
        ("body_too_slow", 1)
    ]


async def test_a_sender_that_hangs_up_leaves_nothing_but_a_log_line(
    make_app: Make, nowhere: Sessions, logs: list[dict[str, Any]]
) -> None:
    async with served(make_app(nowhere)) as url:
        await raw(url, "Content-Length: 1000", encode(notion_event()), hang_up=True)
    assert [one["reason"] for one in logs if "reason" in one] == ["body_cut_off"]


async def test_a_connection_is_kept_for_the_next_event(make_app: Make, sessions: Sessions) -> None:
    limits = httpx.Limits(max_connections=1)
    async with (
        served(make_app(sessions)) as url,
        httpx.AsyncClient(base_url=url, limits=limits) as http,
    ):
        for n in range(3):
            body = encode(notion_event(id=f"event-{n}"))
            headers = JSON | {"X-Notion-Signature": sign(body, SECRET)}
            answer = await http.post("/webhook/notion", content=body, headers=headers)
            assert answer.status_code == 200
            assert "connection" not in answer.headers
    assert len(await inbox_rows(sessions)) == 3
