"""Imports from URLs, and the webhooks of uploads."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from file_kit import PNG, send, uploaded
from sandbox_harness import Harness, MakeHarness

WEB = "https://files.example.org/cat.png"


@pytest.fixture
def web(box: Harness) -> Callable[[httpx.Response | Exception], None]:
    """The answers of other hosts, besides the receiver of webhooks."""

    def serve(answer: httpx.Response | Exception) -> None:
        def respond(request: httpx.Request) -> httpx.Response:
            if request.url.host == "receiver":
                return box.receiver(request)
            if isinstance(answer, Exception):
                raise answer
            return answer

        box.webhooks._transport = httpx.MockTransport(respond)

    return serve


async def _imported(box: Harness) -> tuple[Any, list[dict[str, Any]]]:
    """The upload once it was imported, and the events."""
    body = {"mode": "external_url", "filename": "cat.png", "external_url": WEB}
    made = await box.ok("POST", "/v1/file_uploads", body)
    assert (made["status"], "upload_url" in made) == ("pending", False)
    events = await box.deliver()
    return await box.ok("GET", f"/v1/file_uploads/{made['id']}"), events


async def test_a_file_is_imported_from_a_url(
    box: Harness, web: Callable[[httpx.Response | Exception], None]
) -> None:
    web(httpx.Response(200, content=PNG))
    await box.listen()
    done, events = await _imported(box)
    assert (done["status"], done["content_length"]) == ("uploaded", len(PNG))
    assert done["file_import_result"] == {
        "imported_time": "2026-11-23T10:05:31.123Z",
        "type": "success",
        "success": {},
    }
    assert [event["type"] for event in events] == ["file_upload.created", "file_upload.completed"]


@pytest.mark.parametrize(
    ("answer", "kind", "status", "words"),
    [
        (httpx.Response(404), "download_error", 404, "answered 404"),
        (httpx.ConnectError("no route"), "download_error", None, "no route"),
        (httpx.Response(200, content=bytes(6 * 2**20)), "validation_error", None, "limit of 5 MiB"),
    ],
)
async def test_a_failed_import_has_an_error_and_gives_an_event(
    box: Harness,
    web: Callable[[httpx.Response | Exception], None],
    answer: httpx.Response | Exception,
    kind: str,
    status: int | None,
    words: str,
) -> None:
    web(answer)
    await box.listen()
    failed, events = await _imported(box)
    assert failed["status"] == "failed"
    error = failed["file_import_result"]["error"]
    assert (error["type"], error["status_code"], words in error["message"]) == (kind, status, True)
    assert events[-1]["type"] == "file_upload.upload_failed"
    assert events[-1]["data"] == {"file_import_result": failed["file_import_result"]}


async def test_a_served_sandbox_imports_by_itself(make: MakeHarness, serving: Any) -> None:
    box = make()
    box.webhooks._transport = httpx.MockTransport(lambda _: httpx.Response(200, content=PNG))
    async with serving(box.app):
        body = {"mode": "external_url", "filename": "cat.png", "external_url": WEB}
        made = await box.ok("POST", "/v1/file_uploads", body)
        while (read := await box.ok("GET", f"/v1/file_uploads/{made['id']}"))["status"] != (
            "uploaded"
        ):
            assert read["status"] == "pending"
            await asyncio.sleep(0)  # without a network nothing else gives way to the import


async def test_webhooks_tell_that_an_upload_was_made_and_completed(box: Harness) -> None:
    await box.listen()
    upload = await uploaded(box)
    created, completed = await box.deliver()
    me = await box.ok("GET", "/v1/users/me")
    assert created["type"] == "file_upload.created"
    assert completed["type"] == "file_upload.completed"
    for event in (created, completed):
        assert event["entity"] == {"id": upload, "type": "file_upload"}
        assert event["authors"] == [{"id": me["id"], "type": "bot"}]
        assert "data" not in event


async def test_an_expired_upload_gives_an_event_without_a_request(box: Harness) -> None:
    await box.listen()
    made = await box.ok("POST", "/v1/file_uploads", {"filename": "cat.png"})
    await box.deliver()
    assert box.sandbox.outbox.next_at().isoformat() == "2026-11-23T11:05:00+00:00"
    [event] = await box.deliver(hours=1)
    assert (event["type"], event["entity"]["id"]) == ("file_upload.expired", made["id"])
    assert (await send(box, made["id"], PNG)).status_code == 400
    assert box.sandbox.outbox.next_at() is None
