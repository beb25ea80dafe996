"""`showrunner migrate` and `deploy` make what they say, and change nothing the second time."""

from __future__ import annotations

import os
from asyncio import to_thread
from pathlib import Path

import psycopg
import pytest
from prefect.client.orchestration import get_client
from sqlalchemy import URL
from typer.testing import CliRunner

from cli.main import app
from models.postgres.engine import libpq


def said(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, arguments)
    return answer.exit_code, answer.output


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a checkout, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.usefixtures("elsewhere")
def test_migrate_makes_the_tables_and_is_harmless_the_second_time(
    postgres: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(libpq(postgres.set(database="postgres")), autocommit=True) as admin:
        admin.execute("CREATE DATABASE to_be_migrated")
        url = postgres.set(database="to_be_migrated")
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
        try:
            assert [said("migrate"), said("migrate")] == [(0, "The tables are up to date.\n")] * 2
            with psycopg.connect(libpq(url)) as connection:
                assert connection.execute("SELECT count(*) FROM tasks").fetchone() == (0,)
        finally:
            admin.execute("DROP DATABASE to_be_migrated WITH (FORCE)")


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("command", "missing"), [("migrate", "DATABASE_URL"), ("deploy", "PREFECT_API_URL")]
)
def test_what_is_not_set_is_named(command: str, missing: str) -> None:
    code, output = said(command)
    assert code == 1
    assert f"{missing} is not set" in output


@pytest.mark.usefixtures("elsewhere")
async def test_deploy_makes_what_the_flows_need_once(
    prefect_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)
    assert (await to_thread(said, "deploy"))[0] == 0
    async with get_client() as client:
        assert {each.name for each in await client.read_deployments()} >= {
            "push",
            "ingest",
            "import-board",
            "retention",
        }
    assert await to_thread(said, "deploy") == (
        0,
        "".join(f"{each}: as they should be\n" for each in KINDS),
    )


KINDS = ("pools", "deployments", "automations")


def test_prefects_server_gets_our_settings_and_the_operators_count(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[dict[str, str]] = []
    monkeypatch.setattr(
        os, "execve", lambda _program, _command, environment: became.append(environment)
    )
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example:4200/api")
    monkeypatch.setenv(
        "PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql+asyncpg://prefect@db/prefect"
    )
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "ada:secret")
    assert said("prefect-server", "--host", "0.0.0.0", "--home", "kept") == (0, "")
    [environment] = became
    assert environment["PREFECT_SERVER_API_AUTH_STRING"] == "ada:secret"
    assert (
        environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
        == "postgresql+asyncpg://prefect@db/prefect"
    )
    assert environment["PREFECT_SERVER_API_HOST"] == "0.0.0.0"
    assert environment["PREFECT_API_URL"] == "http://127.0.0.1:4200/api", (
        "a server asks itself where it is"
    )
    assert environment["PREFECT_HOME"] == str(elsewhere / "kept")
    assert environment["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"].endswith("filesystem")


@pytest.mark.usefixtures("elsewhere")
def test_a_login_that_was_made_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[dict[str, str]] = []
    monkeypatch.setattr(
        os, "execve", lambda _program, _command, environment: became.append(environment)
    )
    code, output = said("prefect-server", "--host", "0.0.0.0", "--home", "kept")
    assert code == 0
    assert became[0]["PREFECT_SERVER_API_AUTH_STRING"] in output
    assert said("prefect-server", "--host", "0.0.0.0", "--home", "kept") == (0, "")
    assert said("prefect-server", "--home", "kept") == (0, "")
    logins = [environment.get("PREFECT_SERVER_API_AUTH_STRING") for environment in became]
    assert logins[0] == logins[1]
    assert logins[2] is None, "this machine's own people need none"
