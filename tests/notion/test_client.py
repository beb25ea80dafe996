"""The Notion edge: what is sent, what is repeated, and what every answer is turned into."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
from scripted_notion import Connect, Script, error
from starlette.responses import JSONResponse, PlainTextResponse, Response

from models.errors import (
    NotionAuthError,
    NotionIntegrationError,
    NotionPageNotFound,
    NotionRejected,
    NotionUnavailable,
    NotionWriteUncertain,
)
from models.postgres.engine import SILENCE_SECONDS
from tasks.notion.client import NotionClient
from tasks.notion.rate_limit import counting_requests
from tasks.notion.retries import ATTEMPTS

OK = JSONResponse({"object": "page", "id": "p"})


async def test_every_request_names_the_version_and_the_token(
    connect: Connect, script: Script
) -> None:
    await connect().get_page("p")
    method, path, headers = script.asked[0]
    assert (method, path) == ("GET", "/v1/pages/p")
    assert headers["notion-version"] == "2026-03-11"
    assert headers["authorization"] == "Bearer ntn_x"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "validation_error", NotionRejected),
        (401, "unauthorized", NotionAuthError),
        (403, "restricted_resource", NotionAuthError),
        (404, "object_not_found", NotionPageNotFound),
        (406, "row_limit_exceeded", NotionRejected),
    ],
)
async def test_what_repeating_cannot_mend_is_asked_once(
    connect: Connect, script: Script, status: int, code: str, kind: type[NotionIntegrationError]
) -> None:
    script.answers = [error(status, code)]
    with pytest.raises(kind) as caught:
        await connect().get_page("p")
    assert (caught.value.status, caught.value.code, len(script.asked)) == (status, code, 1)


@pytest.mark.parametrize("status", [429, 529, 409])
@pytest.mark.parametrize("writes", [False, True], ids=["read", "write"])
async def test_an_answer_that_saved_nothing_is_repeated_even_for_a_write(
    connect: Connect, script: Script, status: int, *, writes: bool
) -> None:
    script.answers = [error(status, "busy"), error(status, "busy"), OK]
    client = connect()
    await (client.update_page("p", {}) if writes else client.get_page("p"))
    assert len(script.asked) == ATTEMPTS
    assert 1 <= script.waits[0] < 2
    assert 2 <= script.waits[1] < 3


async def test_retry_after_is_honoured_and_holds_every_process(
    connect: Connect, script: Script
) -> None:
    script.answers = [error(429, "rate_limited", retry_after=7), OK]
    await connect().get_page("p")
    assert script.waits == [7]
    assert script.held == [7]


async def test_a_longer_wait_than_a_minute_is_the_callers(connect: Connect, script: Script) -> None:
    script.answers = [error(429, "rate_limited", retry_after=600)]
    with pytest.raises(NotionUnavailable) as caught:
        await connect().get_page("p")
    assert (caught.value.retry_after, len(script.asked), script.held) == (600, 1, [60])


async def test_a_blocked_connection_is_not_asked_again(connect: Connect, script: Script) -> None:
    blocked = {"rate_limit_reason": "public_api_request_blocked"}
    script.answers = [error(429, "rate_limited", additional_data=blocked)]
    with pytest.raises(NotionUnavailable):
        await connect().get_page("p")
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        error(500, "internal_server_error"),
        PlainTextResponse("<html>bad gateway</html>", 502),
        error(
            503,
            "service_unavailable",
            additional_data={"retry_guidance": "Do not repeat the write"},
        ),
        error(504, "gateway_timeout"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("gone"),
        httpx.ReadError("reset"),
        PlainTextResponse('{"object": "pa', 200),
    ],
    ids=["500", "502-html", "503", "504", "time-out", "hang-up", "reset", "cut-short"],
)
async def test_a_write_that_may_have_been_saved_is_never_repeated_by_itself(
    connect: Connect, script: Script, answer: Response | Exception
) -> None:
    script.answers = [answer]
    with pytest.raises(NotionWriteUncertain):
        await connect().update_page("p", {})
    assert len(script.asked) == 1
    script.answers = [answer, OK]
    assert (await connect().get_page("p"))["id"] == "p"


HTML = "<html><body>Access denied</body></html>"


@pytest.mark.parametrize(
    "answer",
    [
        *(PlainTextResponse(HTML, status) for status in (200, 302, 400, 401, 403, 404, 407, 502)),
        *(JSONResponse({"message": "Forbidden"}, status) for status in (200, 401, 403, 404)),
        *(PlainTextResponse("", status) for status in (200, 401, 403)),
        JSONResponse(["a", "list"]),
        Response(b"\xff\xfe", 200),
        Response(b"not gzip", 200, headers={"content-encoding": "gzip"}),
    ],
    ids=lambda answer: f"{answer.status_code} {bytes(answer.body)[:8]!r}",
)
async def test_what_is_not_notions_answer_says_nothing_of_token_page_or_request(
    connect: Connect, script: Script, answer: Response
) -> None:
    script.answers = [answer]
    with pytest.raises(NotionUnavailable) as caught:
        await connect().get_page("p")
    assert type(caught.value) is NotionUnavailable
    assert len(script.asked) == ATTEMPTS
    script.answers = [answer, OK]
    assert (await connect().get_page("p"))["id"] == "p"
    script.answers = [answer]
    with pytest.raises(NotionWriteUncertain):
        await connect().update_page("p", {})


async def test_an_answer_that_is_not_notions_is_called_so(connect: Connect, script: Script) -> None:
    for status in (200, 401, 403, 502):
        script.answers = [PlainTextResponse(HTML, status)]
        with pytest.raises(NotionUnavailable, match="not Notion's answer"):
            await connect().get_page("p")


async def test_a_connection_that_was_never_made_carried_nothing(
    connect: Connect, script: Script
) -> None:
    script.answers = [httpx.ConnectError("refused"), OK]
    assert (await connect().update_page("p", {}))["id"] == "p"


async def test_after_three_attempts_the_caller_decides(connect: Connect, script: Script) -> None:
    script.answers = [error(500, "internal_server_error")]
    with pytest.raises(NotionUnavailable) as caught:
        await connect().get_page("p")
    assert len(script.asked) == ATTEMPTS
    assert caught.value.concerns_one_request


async def test_every_attempt_counts_as_a_request(connect: Connect, script: Script) -> None:
    script.answers = [error(429, "rate_limited", retry_after=0), OK]
    with counting_requests() as outer:
        await connect().get_page("p")
        with counting_requests() as inner:
            await connect().get_page("p")
    assert (outer.total, inner.total) == (3, 1)


async def test_notions_own_clock_is_read_off_its_answers(connect: Connect, script: Script) -> None:
    script.answers = [
        JSONResponse({"object": "user"}, headers={"date": "Mon, 23 Nov 2026 10:00:00 GMT"})
    ]
    client = connect()
    assert client.server_time is None
    await client.me()
    assert client.server_time is not None
    assert client.server_time.isoformat() == "2026-11-23T10:00:00+00:00"


async def test_a_long_property_is_read_to_its_end(connect: Connect, script: Script) -> None:
    script.answers = [
        JSONResponse(
            {"object": "list", "results": [{"n": 1}], "has_more": True, "next_cursor": "c"}
        ),
        JSONResponse({"object": "list", "results": [{"n": 2}], "has_more": False}),
    ]
    assert await connect().get_property("p", "title") == [{"n": 1}, {"n": 2}]


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system cannot be told to")
async def test_what_the_network_does_not_carry_in_time_is_never_sent() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    client = NotionClient("ntn_x", base_url=f"http://{host}:{port}")
    request = httpx.Request("GET", f"http://{host}:{port}/v1/users/me")
    response = await client._transport.handle_async_request(request)
    connection: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
    milliseconds = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    await response.aread()
    await client.aclose()
    server.close()
    assert milliseconds == SILENCE_SECONDS * 1000
