"""The endpoints of the board page: its files, the session, the boards, the trash, the stream."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sandbox_harness import PERSON, Harness, Json, MakeHarness, Serving, Text

import notion_sandbox
from notion_sandbox import Account, Config, create_app
from notion_sandbox.server.feed import Feed

FOLDER = Path(notion_sandbox.__file__).parent / "web" / "page"
FILES = [path for path in FOLDER.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "path", ["/", "/page/board.js", "/page/styles/board.css", "/page/icon.svg"]
)
async def test_the_page_may_load_nothing_from_anywhere_else(box: Harness, path: str) -> None:
    answer = await box.http.get(path)
    assert answer.status_code == 200
    policy = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert {policy[key] for key in ("script-src", "style-src", "img-src", "connect-src")} == {
        "'self'"
    }
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_names_no_other_host() -> None:
    for file in FILES:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, file.name
        assert "https://" not in text, file.name


async def test_every_file_the_page_names_is_there_with_its_type(box: Harness) -> None:
    kinds = {
        ".js": "text/javascript",
        ".css": "text/css",
        ".svg": "image/svg+xml",
        ".html": "text/html",
    }
    for file in FILES:
        answer = await box.http.get(f"/page/{file.relative_to(FOLDER).as_posix()}")
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (
            200,
            kinds[file.suffix],
        )
        assert answer.content == file.read_bytes()


@pytest.mark.parametrize(
    "name", ["nothing.js", "..%2Fapi.py", "%2e%2e/api.py", "../__init__.py", ""]
)
async def test_no_name_leads_out_of_the_folder(box: Harness, name: str) -> None:
    answer = await box.http.get(f"/page/{name}")
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8500", "localhost:8500", "[::1]:8500", "sandbox.localhost", "127.0.0.1"]
)
async def test_the_session_is_the_persons(box: Harness, host: str) -> None:
    answer = await box.http.get("/sandbox/session", headers={"Host": host})
    assert answer.json()["token"] == PERSON
    assert answer.json()["user"]["name"] == "Ada Editor"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["sandbox", "evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""]
)
async def test_another_host_name_for_this_server_gets_no_token(box: Harness, host: str) -> None:
    answer = await box.http.get("/sandbox/session", headers={"Host": host})
    assert answer.status_code == 403
    assert PERSON not in answer.text


_OWN = [
    ("GET", "session"),
    ("GET", "stream"),
    ("GET", "faults"),
    ("DELETE", "faults"),
    ("GET", "requests"),
    ("POST", "webhook"),
    ("POST", "webhook/handshake"),
    ("GET", "webhooks"),
]


@pytest.mark.parametrize(("method", "name"), _OWN)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Host": "evil.example:8500"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.0.0.1:8500", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1:8500", "Origin": "http://127.0.0.1:9999"},
        {"Host": "127.0.0.1:8500", "Origin": "null"},
        {"Host": ""},
        {"Host": "[::1"},
    ],
)
async def test_web_pages_of_other_sites_get_nothing_of_the_sandboxs_own(
    box: Harness, method: str, name: str, headers: dict[str, str]
) -> None:
    before = await box.listen()
    body = {"url": "http://evil.example"} if method == "POST" else None
    answer = await box.http.request(method, f"/sandbox/{name}", json=body, headers=headers)
    assert answer.status_code == 403
    assert before["secret"] not in answer.text
    assert (await box.http.get("/sandbox/webhooks")).json()["url"] == before["url"]


@pytest.mark.parametrize("host", ["sandbox:8500", "10.0.0.1", "[::1]:8500", "localhost"])
async def test_programs_and_the_sandboxs_own_page_are_served(box: Harness, host: str) -> None:
    for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
        answer = await box.http.get("/sandbox/requests", headers=headers)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("client", "status"), [("127.0.0.1", 200), ("::1", 200), ("10.0.0.7", 403), ("", 403)]
)
async def test_only_the_sandboxs_own_machine_gets_the_token(
    box: Harness, client: str, status: int
) -> None:
    transport = httpx.ASGITransport(box.app, client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        assert (await http.get("/sandbox/session")).status_code == status


async def test_a_sandbox_without_people_has_no_session() -> None:
    app = create_app(Config(accounts=(Account("bot", "B"),)))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
    ) as http:
        assert (await http.get("/sandbox/session")).status_code == 404
    await app.state.sandbox.close()


async def test_the_request_log_has_the_limit_too(box: Harness) -> None:
    assert (await box.http.get("/sandbox/requests")).json()["requests_per_minute"] == 1_000_000


@asynccontextmanager
async def _listening(
    url: str, **headers: str
) -> AsyncIterator[AsyncIterator[tuple[str, str, Any]]]:
    """The events of the stream as (id, kind, body)."""

    async def events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str, Any]]:
        fields: dict[str, str] = {}
        async for line in lines:
            if not line and "data" in fields:
                yield fields["id"], fields["event"], json.loads(fields["data"])
                fields = {}
            elif line and not line.startswith(":"):
                key, _, value = line.partition(": ")
                fields[key] = value

    async with (
        httpx.AsyncClient(trust_env=False) as http,
        http.stream("GET", f"{url}/sandbox/stream", headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer.aiter_lines())


async def _next(events: AsyncIterator[tuple[str, str, Any]], kind: str) -> tuple[str, Json]:
    async for event_id, found, body in events:
        if found == kind:
            return event_id, body
    raise AssertionError(kind)


async def test_the_stream_has_what_changed_and_who_changed_it(
    box: Harness, serving: Serving, text: Text
) -> None:
    source = await box.board()
    async with serving(box.app) as url, _listening(url) as events:
        await _next(events, "hello")
        page = await box.page(source, Name={"title": text("secret words")})
        _, change = await _next(events, "change")
        assert (change["page_id"], change["data_source_id"], change["in_trash"]) == (
            page["id"],
            source,
            False,
        )
        assert (change["by"]["name"], change["by"]["type"]) == ("Pipeline", "bot")
        _, request = await _next(events, "request")
        assert request == box.sandbox.api.log.since(0)[-1]
        await box.ok("PATCH", f"/v1/pages/{page['id']}", {"in_trash": True}, token=PERSON)
        _, change = await _next(events, "change")
        assert (change["in_trash"], change["by"]["name"]) == (True, "Ada Editor")
        await box.schema(source, {"More": {"number": {}}})
        assert (await _next(events, "schema"))[1]["data_source_id"] == source
        await box.board()
        assert "database_id" in (await _next(events, "board"))[1]
        box.sandbox.faults.add(500)
        assert (await _next(events, "fault"))[1]["faults"][0]["status"] == 500
        box.sandbox.feed.close()


async def test_the_stream_never_has_the_content_of_a_page(box: Harness, text: Text) -> None:
    await box.listen()
    source = await box.board()
    await box.page(source, Name={"title": text("secret words")})
    await box.deliver()
    published = json.dumps([note.body for note in box.sandbox.feed.since(0) or []])
    assert "secret words" not in published
    assert PERSON not in published


async def test_a_webhook_is_published_when_it_is_made_and_when_it_is_answered(box: Harness) -> None:
    await box.listen()
    await box.page(await box.board())
    await box.deliver()
    published = [note.body for note in box.sandbox.feed.since(0) or [] if note.kind == "webhook"]
    assert [(body["event"]["type"], body["status"]) for body in published] == [
        ("page.created", "pending"),
        ("page.created", "delivered"),
    ]
    assert published[-1] == (await box.http.get("/sandbox/webhooks")).json()["deliveries"][0]


async def test_a_request_that_changes_nothing_publishes_no_change(box: Harness, text: Text) -> None:
    source = await box.board()
    page = (await box.page(source, Name={"title": text("a")}))["id"]
    before = box.sandbox.feed.last
    await box.ok("GET", f"/v1/pages/{page}")
    await box.query(source)
    await box.refused("PATCH", f"/v1/pages/{page}", {"in_trash": 1})
    assert [note.kind for note in box.sandbox.feed.since(before)] == ["request"] * 3


async def test_a_client_that_reconnects_gets_what_it_missed(box: Harness, serving: Serving) -> None:
    source = await box.board()
    async with serving(box.app) as url:
        async with _listening(url) as events:
            seen, _ = await _next(events, "hello")
        page = await box.page(source)
        async with _listening(url, **{"Last-Event-ID": seen}) as events:
            assert (await _next(events, "change"))[1]["page_id"] == page["id"]


@pytest.mark.parametrize("last_id", ["other-1", "nonsense", "-", "{run}-999999", "{run}-x"])
async def test_a_client_of_an_earlier_run_gets_a_missed_event(
    box: Harness, serving: Serving, last_id: str
) -> None:
    await box.board()
    last = last_id.replace("{run}", box.sandbox.feed.run)
    async with serving(box.app) as url, _listening(url, **{"Last-Event-ID": last}) as events:
        assert await _next(events, "missed")


async def test_events_that_are_no_longer_stored_count_as_missed() -> None:
    feed = Feed("run", keep=2)
    for number in range(4):
        feed.publish("change", {"number": number})
    assert feed.since(1) is None
    assert [note.body["number"] for note in feed.since(2) or []] == [2, 3]
    assert feed.since(4) == []
    stream = feed.stream("run-1")
    messages = [await anext(stream), await anext(stream)]
    assert [text.split("event: ")[1].split("\n")[0] for text in messages] == ["hello", "missed"]
    feed.publish("change", {"number": 4})
    assert '"number": 4' in await anext(stream)


async def test_a_stop_ends_the_stream(box: Harness) -> None:
    stream = box.sandbox.feed.stream()
    assert "event: hello" in await anext(stream)
    box.sandbox.feed.close()
    assert [text async for text in stream] == []


async def test_a_sandbox_stops_at_once_while_a_client_reads_the_stream(
    make: MakeHarness, serving: Serving
) -> None:
    box = make()
    async with serving(box.app) as url, _listening(url) as events:
        await _next(events, "hello")
        box.sandbox.feed.close()
        assert [event async for event in events] == []
