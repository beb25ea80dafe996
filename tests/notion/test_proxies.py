"""Requests to Notion use the proxy that the environment names; loopback never does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from kit.processes.proxy import Proxy, no_proxies, proxying
from scripted_notion import Script
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from models.errors import NotionUnavailable, SettingsError
from models.operations.health.check import State
from models.postgres.engine import Sessions
from models.settings import Settings
from tasks.notion.client import NotionClient
from tasks.notion.proxies import keep_loopback_direct, proxy_for
from tasks.operations.health import prefect_server
from tasks.operations.watchdog import Watchdog
from webhook.server import Server, listen
from webhook.trigger import IngestTrigger

DEAD = "http://127.0.0.1:9"
"""A proxy that nobody runs: whoever asks it fails."""


@pytest.fixture(autouse=True)
def no_proxies_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    no_proxies(monkeypatch)


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[int]:
    """The app on a free loopback port; yields the port."""
    listener = listen("127.0.0.1", 0)
    server = Server(app)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await server.ready.wait()
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.stop()
        await task


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy behind which Notion is."""

    async def me(_: Request) -> JSONResponse:
        return JSONResponse({"object": "user", "id": "bot"})

    async with (
        serving(Starlette(routes=[Route("/v1/users/me", me)])) as port,
        proxying(port) as made,
    ):
        yield made


@asynccontextmanager
async def client(base_url: str) -> AsyncIterator[NotionClient]:
    made = NotionClient("ntn_x", per_second=10_000, base_url=base_url, sleep=Script().sleep)
    yield made
    await made.aclose()


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_notion_is_asked_through_the_proxy(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, proxy.url)
    async with client("http://notion.test") as notion:
        assert (await notion.me())["id"] == "bot"
    assert proxy.asked == ["GET http://notion.test/v1/users/me HTTP/1.1"]


async def test_a_request_through_a_proxy_waits_for_its_turn_like_any_other(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = []

    class Budget(Script):
        async def acquire(self, *, background: bool = False) -> None:
            turns.append((background, len(proxy.asked)))

    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    notion = NotionClient(
        "ntn_x", per_second=10_000, base_url="http://notion.test", budget=Budget()
    )
    await notion.me()
    await notion.me()
    await notion.aclose()
    assert turns == [(False, 0), (False, 1)]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
async def test_notion_itself_is_asked_through_a_tunnel_and_one_that_is_refused_carried_nothing(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, proxy.url)
    async with client("https://notion.test") as notion:
        with pytest.raises(NotionUnavailable, match="ProxyError") as caught:
            await notion.update_page("p", {})
    assert type(caught.value) is NotionUnavailable
    assert set(proxy.asked) == {"CONNECT notion.test:443 HTTP/1.1"}


@pytest.mark.parametrize(
    ("url", "variables", "through"),
    [
        ("https://api.notion.com", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://api.notion.com", {"HTTPS_PROXY": "p:1"}, "http://p:1"),
        (
            "https://api.notion.com",
            {"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:1"},
            "http://lower:1",
        ),
        ("https://api.notion.com", {"HTTP_PROXY": "http://p:1"}, None),
        ("https://api.notion.com", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
        ("https://api.notion.com", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "notion.com"}, None),
        (
            "https://api.notion.com",
            {"HTTPS_PROXY": "http://p:1", "no_proxy": "a.b, .notion.com"},
            None,
        ),
        ("https://api.notion.com", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
        (
            "https://api.notion.com",
            {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.com"},
            "http://p:1",
        ),
        ("http://127.0.0.1:8500", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://localhost:8500", {"ALL_PROXY": "http://p:1"}, None),
        ("http://[::1]:8500", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://10.0.0.5:8500", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("https://api.notion.com", {}, None),
    ],
)
def test_the_environment_says_which_proxy(
    monkeypatch: pytest.MonkeyPatch, url: str, variables: dict[str, str], through: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == through


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "ftp://127.0.0.1:21", "http://[::1"])
def test_a_proxy_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(SettingsError, match="HTTPS_PROXY"):
        NotionClient("ntn_x")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"NO_PROXY": "a.b"}, {"NO_PROXY": "a.b"}),
        ({"HTTP_PROXY": "p"}, "localhost,127.0.0.1,::1"),
        ({"all_proxy": "p", "NO_PROXY": "a.b, 127.0.0.1"}, "a.b,127.0.0.1,localhost,::1"),
        ({"HTTPS_PROXY": "p", "no_proxy": "c", "NO_PROXY": "d"}, "c,localhost,127.0.0.1,::1"),
        ({"HTTPS_PROXY": "p", "NO_PROXY": "*"}, {"HTTPS_PROXY": "p", "NO_PROXY": "*"}),
    ],
)
def test_loopback_is_added_to_what_the_operator_excepts(
    before: dict[str, str], after: dict[str, str] | str
) -> None:
    environment = dict(before)
    keep_loopback_direct(environment)
    expected = {**before, "NO_PROXY": after, "no_proxy": after} if isinstance(after, str) else after
    assert environment == expected


async def test_every_library_of_a_process_asks_this_machine_directly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def ok(_: Request) -> JSONResponse:
        return JSONResponse({})

    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, DEAD)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # for the monkeypatch to take back what is set below
        monkeypatch.delenv(name)
    keep_loopback_direct(os.environ)
    async with (
        serving(Starlette(routes=[Route("/", ok)])) as port,
        httpx.AsyncClient() as as_prefect_does,
    ):
        for host in ("127.0.0.1", "localhost"):
            assert (await as_prefect_does.get(f"http://{host}:{port}/")).is_success


async def test_prefects_server_on_this_machine_is_asked_directly(
    monkeypatch: pytest.MonkeyPatch, sessions: Sessions
) -> None:
    made = asyncio.Event()

    async def health(_: Request) -> JSONResponse:
        return JSONResponse(True)

    async def version(_: Request) -> JSONResponse:
        return JSONResponse("3")

    async def deployment(_: Request) -> JSONResponse:
        return JSONResponse({"id": "d"})

    async def run(_: Request) -> JSONResponse:
        made.set()
        return JSONResponse({"id": "r"})

    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, DEAD)
    routes = [
        Route("/api/health", health),
        Route("/api/admin/version", version),
        Route("/api/deployments/name/ingest/ingest", deployment),
        Route("/api/deployments/d/create_flow_run", run, methods=["POST"]),
    ]
    async with serving(Starlette(routes=routes)) as port:
        settings = Settings(_env_file=None, prefect_api_url=f"http://127.0.0.1:{port}/api")
        assert (await prefect_server(settings)).state is not State.FAIL
        assert await Watchdog(settings, sessions, of_database=True)._prefect() == "answers"
        trigger = IngestTrigger(settings.prefect_api_url)
        trigger.request_run()
        await asyncio.wait_for(made.wait(), 30)
        await trigger.aclose()
