"""Tokens: who may do what, how often, and what is kept of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from kit.clock import NOW, Clock
from kit.processes.ports import free_port
from kit.production import Production
from kit.worker_api import Api, open_api
from sqlalchemy import URL
from structlog.testing import capture_logs

from models.errors import GiveUp
from models.operations.api_tokens import Scope, create_token, hash_of, revoke_token
from models.postgres.engine import Sessions, open_engine, open_sessions
from models.settings import Settings
from webhook.api.app import create_api
from webhook.app import create_app

TASK = "00000000-0000-0000-0000-000000000000"
WORKER = [
    "claim",
    *(f"{TASK}/{verb}" for verb in ("heartbeat", "report", "fail", "attach", "finish")),
]
REVIEWER = [f"{TASK}/{verb}" for verb in ("approve", "reject", "stop", "retry")]


@pytest.mark.parametrize("secret", [None, "showrunner_wrong", "x" * 10_000, "\xe9"])
async def test_without_a_token_that_counts_nothing_is_answered(
    api: Api, secret: str | None
) -> None:
    client = api.client(None)
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}".encode("latin-1")}
    for path in ("", "/claim", "/lunch"):
        answer = await client.post(f"/v1/tasks{path}", content=b"{", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "no_token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "showrunner token create" in answer.json()["message"]


async def test_a_stranger_who_sends_a_megabyte_hears_why_it_is_refused(api: Api) -> None:
    answer = await api.client(None).post("/v1/tasks/claim", content=b" " * 1_000_000)
    assert (answer.status_code, answer.headers["Connection"]) == (401, "close")


async def test_another_kind_of_login_is_no_token(api: Api) -> None:
    secret = await api.secret("reader")
    client = api.client(None)
    answer = await client.get("/v1/tasks", headers={"Authorization": f"Basic {secret}"})
    assert answer.status_code == 401
    answer = await client.get("/v1/tasks", headers={"Authorization": f"bearer  {secret}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(("needed", "paths"), [("worker", WORKER), ("reviewer", REVIEWER)])
async def test_a_token_of_another_scope_is_refused_with_the_scope_that_is_needed(
    api: Api, needed: str, paths: list[str]
) -> None:
    for scope in set(Scope) - {needed}:
        for path in paths:
            answer = await api.post(scope, path)
            assert (answer.status_code, answer.json()["error"]) == (403, "wrong_scope")
            assert f"scope “{needed}”; “{scope}” has “{scope}”" in answer.json()["message"]


async def test_every_token_may_read(api: Api) -> None:
    for scope in Scope:
        assert (await (await api.of(scope)).get("/v1/tasks")).status_code == 200


async def test_a_revoked_token_counts_no_longer(
    api: Api, sessions: Sessions, sql: Production
) -> None:
    client = await api.of("reader")
    assert (await client.get("/v1/tasks")).status_code == 200
    async with sessions.begin() as session:
        assert await revoke_token(session, "reader", now=NOW)
    assert (await client.get("/v1/tasks")).status_code == 401
    async with sessions.begin() as session:
        assert not await revoke_token(session, "reader", now=NOW + timedelta(days=1))
    assert sql.row("SELECT revoked_at FROM tokens")["revoked_at"] == NOW


async def test_only_a_hash_of_the_secret_is_stored(api: Api, sql: Production) -> None:
    secret = await api.secret("worker")
    row = sql.row("SELECT * FROM tokens")
    assert row["hash"] == hash_of(secret)
    assert secret not in str(row)
    assert len(secret) > 40


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 41, "a/b", "ä"])
async def test_a_name_that_cannot_be_one_is_refused(sessions: Sessions, name: str) -> None:
    async with sessions.begin() as session:
        with pytest.raises(GiveUp, match="1 to 40 letters"):
            await create_token(session, name, Scope.READER, now=NOW)


async def test_a_name_is_given_once(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await create_token(session, "ada", Scope.READER, now=NOW)
        await revoke_token(session, "ada", now=NOW)
        with pytest.raises(GiveUp, match="already"):
            await create_token(session, "ada", Scope.READER, now=NOW)
        with pytest.raises(GiveUp, match="no token “bob”"):
            await revoke_token(session, "bob", now=NOW)


async def test_the_last_use_is_noted_at_most_once_a_minute(api: Api, sql: Production) -> None:
    client = await api.of("reader")

    async def used() -> Any:
        await client.get("/v1/tasks")
        return sql.row("SELECT last_used_at FROM tokens")["last_used_at"]

    first = await used()
    assert first > NOW
    api.clock.pass_(50)
    assert await used() == first
    api.clock.pass_(15)
    assert await used() >= first + timedelta(seconds=60)


async def test_a_token_that_asks_too_often_is_told_how_long_to_wait(sessions: Sessions) -> None:
    async with open_api(sessions, burst=3) as api:
        greedy, other = await api.of("reader"), await api.of("worker")
        answers = [(await greedy.get("/v1/tasks")).status_code for _ in range(4)]
        assert answers == [200, 200, 200, 429]
        refused = await greedy.get("/v1/tasks")
        assert refused.json()["error"] == "too_many_requests"
        assert refused.headers["Retry-After"] == "1"
        assert (await other.get("/v1/tasks")).status_code == 200
        api.elapsed += 1
        again = [(await greedy.get("/v1/tasks")).status_code for _ in range(3)]
        assert again == [200, 200, 429]


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """Every log line, of whatever level."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as lines:
        yield lines
    structlog.configure(**before)


async def test_a_secret_is_never_logged(
    api: Api, sql: Production, logs: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [await api.secret(scope) for scope in ("worker", "reviewer")]
    task = sql.add()
    for secret in (*secrets, "showrunner_never-made"):
        client = api.client(secret)
        await client.post("/v1/tasks/claim", json={"worker": "n"})
        await client.post(f"/v1/tasks/{task}/stop", json={})
    assert {line["event"] for line in logs} >= {"worker_api_refused", "task_decided"}
    said = str(logs) + caplog.text
    assert [secret for secret in secrets if secret in said or hash_of(secret) in said] == []
    assert "never-made" not in said


async def test_without_a_database_the_answer_says_to_come_again(
    nowhere: Sessions,
) -> None:
    async with open_api(nowhere) as api:
        answer = await api.client("showrunner_x").get("/v1/tasks")
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


@pytest.fixture
async def nowhere() -> Any:
    """Sessions on a database that does not answer."""
    url = URL.create("postgresql+psycopg", host="127.0.0.1", port=free_port(), database="none")
    engine = open_engine(url)
    yield open_sessions(engine)
    await engine.dispose()


def paths(app: FastAPI) -> set[str]:
    return {route.path for route in app.routes if hasattr(route, "path")}


def test_nothing_of_the_api_is_on_the_public_receiver(sessions: Sessions) -> None:
    receiver = create_app(Settings(_env_file=None), sessions, clock=Clock(), trigger=lambda: None)
    assert paths(receiver) == {"/webhook/notion", "/health"}
    api = paths(create_api(sessions, clock=Clock()))
    assert api & paths(receiver) == set()
    assert {path for path in api if not path.startswith("/v1/tasks")} == {
        "/docs",
        "/docs/oauth2-redirect",
        "/openapi.json",
    }


async def test_the_documentation_needs_no_token_and_describes_every_route(api: Api) -> None:
    client = api.client(None)
    assert "swagger" in (await client.get("/docs")).text
    described = (await client.get("/openapi.json")).json()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], path
            assert len(operation["description"]) > 15, path
            assert {"401", "403", "422", "429", "503"} <= operation["responses"].keys()
            assert operation["security"] == [{"HTTPBearer": []}], (path, method)
    schemas = described["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    for name in ("Claim", "Report", "Fail", "Attach", "Reject"):
        assert "examples" in str(schemas[name]["properties"]), name
