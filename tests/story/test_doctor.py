"""`showrunner doctor`: every fault is one red line with its cure, and nothing else turns red."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from kit.clock import Clock
from kit.processes.ports import free_ports
from kit.processes.programs import Up
from kit.stage import BOT_TOKEN, CHANNELS, Stage
from sqlalchemy import URL

from cli.commands.doctor_checks import ORDER, Checkup, checkup
from cli.stack.running_stack import only_one
from models.errors import NotionAuthError
from models.operations.health.check import Check, State
from models.postgres.engine import libpq
from models.settings import Settings
from models.tables.incidents import Incident, Level, open_incident
from tasks.board.followed import bot_id
from tasks.operations.health import prefect_server, run_check
from tasks.runtime.clock import utc_now

WITH_KEYS = shutil.ignore_patterns("kitchen_science.yaml")
"""The sample channel that services make: doctor would ask for their keys."""
ABSENT = {"Prefect server", "webhook receiver", "worker API"}
"""What no test here runs: both have tests of their own, and are looked at together in `test_up`."""


class RunningClock(Clock):
    """The machine's: PostgreSQL has no other one."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
def clock() -> Clock:
    return RunningClock()


@pytest.fixture
def environment(
    tmp_path: Path, stage: Stage, database: URL, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """A folder with settings for the stage's board and database, for this process and `Up`."""
    shutil.copytree(CHANNELS, tmp_path / "channel_configs", ignore=WITH_KEYS)
    prefect, receiver, api = map(str, free_ports(3))
    settings = {
        "DATABASE_URL": database.render_as_string(hide_password=False),
        "NOTION_API_TOKEN": BOT_TOKEN,
        "NOTION_DATABASE_ID": stage.database_id,
        "NOTION_BASE_URL": str(stage.people.base_url).rstrip("/"),
        "NOTION_WEBHOOK_SECRET": "secret_of_the_subscription",
        "PREFECT_API_URL": f"http://127.0.0.1:{prefect}/api",
        "RECEIVER_PORT": receiver,
        "WORKER_API_PORT": api,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return dict(os.environ)


@pytest.fixture
async def healthy(stage: Stage, environment: dict[str, str]) -> Stage:
    """A board that was just in sync, with an event that came."""
    assert environment
    page = await stage.add_valid(title="Giant squid", status="Queued")
    await stage.cycle()
    await stage.webhook(page)
    await stage.cycle()
    return stage


def red(found: Checkup) -> set[str]:
    return {check.name for check in found.checks if check.state is State.FAIL} - ABSENT


def line(found: Checkup, name: str) -> Check:
    return next(check for check in found.checks if check.name == name)


async def sql(database: URL, statement: str, **values: Any) -> None:
    async with await psycopg.AsyncConnection.connect(
        libpq(database), autocommit=True
    ) as connection:
        await connection.execute(statement, values)


async def test_with_everything_well_nothing_is_red_and_nothing_is_written(
    healthy: Stage, database: URL
) -> None:
    with psycopg.connect(libpq(database)) as connection:
        query = "SELECT key, value, moment FROM sync_state ORDER BY key"
        before = connection.execute(query).fetchall()
        async with healthy.requests() as made:
            found = await checkup(utc_now)
        assert connection.execute(query).fetchall() == before
    assert [check.name for check in found.checks] == list(ORDER)
    assert red(found) == set()
    assert not [check for check in found.checks if check.state is State.WARN]
    assert sorted(made()) == [f"GET /v1/data_sources/{healthy.data_source_id}", "GET /v1/users/me"]
    assert found.notion_requests == 2
    assert line(found, "token").facts == "bot “Showrunner” in the workspace “Sandbox”"
    assert line(found, "capabilities").facts == "read: yes; update: not known until the first write"
    assert line(found, "limits").facts == "not checked: no Prefect server"


async def test_a_write_shows_that_the_connection_may_update(healthy: Stage) -> None:
    (event,) = await healthy.events()
    await healthy.moves(str(event.page_id), "Processing")
    await healthy.cycle()
    assert line(await checkup(utc_now), "capabilities").facts.startswith(
        "read: yes; update: yes, last write "
    )


async def test_a_write_of_ours_that_came_back_as_an_event_shows_it_too(healthy: Stage) -> None:
    (event,) = await healthy.events()
    await healthy.webhook(
        str(event.page_id), authors=[{"id": await bot_id(healthy.ctx), "type": "bot"}]
    )
    assert line(await checkup(utc_now), "capabilities").facts.startswith(
        "read: yes; update: yes, last write "
    )


@pytest.mark.parametrize(
    ("name", "statement", "facts", "cure"),
    [
        (
            "last good cycle",
            (
                "UPDATE sync_state SET moment = now() - interval '12 minutes' WHERE key = "
                "'last_good_cycle'"
            ),
            "no cycle has ended well for 12 min",
            "`showrunner push`",
        ),
        (
            "inbox",
            "UPDATE webhook_events SET processed = false, attempts = 8, dead_at = now()",
            "1 dead",
            "`showrunner events replay --dead`",
        ),
        (
            "inbox",
            (
                "UPDATE webhook_events SET processed = false, next_attempt_at = now() "
                "- interval '40 minutes'"
            ),
            "1 waiting, the oldest due for 40 min",
            "`showrunner push`",
        ),
        (
            "migrations",
            "UPDATE alembic_version SET version_num = '0002'",
            "pending: the database is at 0002",
            "`showrunner up`",
        ),
    ],
)
async def test_what_the_database_tells_is_one_red_line(
    healthy: Stage, database: URL, name: str, statement: str, facts: str, cure: str
) -> None:
    assert healthy
    await sql(database, statement)
    found = await checkup(utc_now)
    assert red(found) == {name}
    assert facts in line(found, name).facts
    assert any(cure in each for each in line(found, name).cures)


async def test_an_open_incident_is_named_with_its_beginning(healthy: Stage) -> None:
    title = str(NotionAuthError("Notion answered 401"))
    async with healthy.sessions.begin() as session:
        now = utc_now()
        await open_incident(
            session, Incident(name="notion_auth", level=Level.CRITICAL, title=title, since=now)
        )
    found = await checkup(utc_now)
    assert red(found) == {"alerts"}
    assert line(found, "alerts").facts.startswith(f"notion_auth since {utc_now():%Y-%m-%d}")
    assert line(found, "alerts").facts.endswith(title)


async def test_a_card_that_fails_is_yellow_with_the_command_that_says_why(
    healthy: Stage, database: URL
) -> None:
    (event,) = await healthy.events()
    await sql(database, "UPDATE cards SET attempts = 2, last_error = 'x'")
    card = line(await checkup(utc_now), "cards")
    assert card.state is State.WARN
    assert card.cures[0].startswith(f"`showrunner card show {event.page_id}` says why; ")


@pytest.mark.parametrize(
    ("fault", "name", "facts"),
    [
        ({"status": 401}, "token", "Notion answered 401"),
        (
            {"status": 404, "path": "/v1/data_sources"},
            "board",
            "is it still shared with the connection",
        ),
        ({"status": 403, "path": "/v1/data_sources"}, "board", "Notion answered 403"),
    ],
    ids=["a revoked token", "a board not shared any more", "no capability to read"],
)
async def test_what_notion_refuses_is_one_red_line(
    healthy: Stage, fault: dict[str, Any], name: str, facts: str
) -> None:
    healthy.sandbox.faults.add(times=None, **fault)
    found = await checkup(utc_now)
    assert red(found) == {name}
    assert facts in line(found, name).facts
    assert line(found, "capabilities").state is State.SKIP


async def test_an_option_that_is_missing_on_the_board_is_yellow(
    healthy: Stage, tmp_path: Path
) -> None:
    assert healthy
    (tmp_path / "channel_configs/cooking.yaml").write_text("display_name: Cooking\n")
    board = line(await checkup(utc_now), "board")
    assert (board.state, board.facts) == (State.WARN, "Channel has no option for cooking")


async def test_a_property_that_the_sync_needs_is_missed_in_red(healthy: Stage) -> None:
    await healthy.ask(
        "PATCH", f"/v1/data_sources/{healthy.data_source_id}", {"properties": {"Topic": None}}
    )
    found = await checkup(utc_now)
    assert red(found) == {"board"}
    assert "it has no property “Topic”" in line(found, "board").facts


async def test_a_channel_whose_file_breaks_is_still_configured_and_only_its_file_is_red(
    healthy: Stage, tmp_path: Path
) -> None:
    assert healthy
    (tmp_path / "channel_configs/deep_sea_stories.yaml").write_text("display_name: [")
    found = await checkup(utc_now)
    assert red(found) == {"channels"}
    assert line(found, "channels").facts.startswith("deep_sea_stories.yaml: line ")
    assert line(found, "channels").details["channels"] == ["deep_sea_stories", "history_in_ten"]
    assert line(found, "board").state is State.OK


async def test_without_the_database_what_depends_on_its_ids_is_not_checked(
    healthy: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await healthy.ask(
        "PATCH",
        f"/v1/data_sources/{healthy.data_source_id}",
        {"properties": {"Topic": {"name": "Subject"}}},
    )
    assert line(await checkup(utc_now), "board").state is State.OK
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/x")
    found = await checkup(utc_now)
    assert red(found) == {"database"}
    assert line(found, "board").facts == "not checked: no database"


async def test_before_the_first_cycle_the_board_is_found_and_the_cycle_is_yellow(
    stage: Stage, environment: dict[str, str]
) -> None:
    assert environment
    async with stage.requests() as made:
        found = await checkup(utc_now)
    assert red(found) == set()
    assert line(found, "last good cycle").state is State.WARN
    assert line(found, "board").state is State.OK
    assert len(made()) == found.notion_requests == 3


async def test_a_clock_that_is_wrong_is_one_red_line(healthy: Stage) -> None:
    assert healthy
    found = await checkup(lambda: utc_now().replace(year=2020))
    assert line(found, "clock").state is State.FAIL
    assert "behind PostgreSQL's" in line(found, "clock").facts
    assert "timedatectl" in line(found, "clock").cures[0]


async def test_a_person_sees_one_line_a_check_and_a_script_one_object(
    healthy: Stage, environment: dict[str, str], tmp_path: Path
) -> None:
    assert healthy
    shell = Up(tmp_path, {**environment, "NOTION_API_TOKEN": "ntn_wrong"})
    code, said = await shell.run("doctor")
    assert code == 1
    lines = said.splitlines()
    assert "fail  token             Notion answered 401" in said
    assert lines[
        lines.index(next(each for each in lines if each.startswith("fail  token"))) + 1
    ].startswith("        → In Notion: ")
    assert "skip  board             not checked: the token does not work" in said
    assert lines[-1].startswith("4 red, 5 not checked, 13 green. 2 Notion requests, ")
    code, said = await shell.run("doctor", "--json")
    facts = json.loads(said)
    assert (code, facts["ok"]) == (1, False)
    assert [check["name"] for check in facts["checks"]] == list(ORDER)
    token = facts["checks"][ORDER.index("token")]
    assert token["state"] == "fail"
    assert token["cure"].startswith("In Notion: ")


@pytest.mark.parametrize(
    ("state", "ok"), [(State.OK, True), (State.WARN, True), (State.SKIP, True), (State.FAIL, False)]
)
def test_only_red_is_not_ok(state: State, ok: bool) -> None:  # noqa: FBT001
    checks = tuple(
        Check(name=name, state=each, facts="") for name, each in (("a", State.OK), ("b", state))
    )
    assert Checkup(checks=checks, notion_requests=0).ok is ok


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "fail  settings          no `showrunner up` runs in this folder"),
        ({"RECEIVER_PORT": "x"}, "fail  settings          Settings are wrong: RECEIVER_PORT: "),
        (
            {"DATABASE_URL": "mysql://x/y", "NOTION_API_TOKEN": "x"},
            "fail  settings          Settings are wrong: DATABASE_URL: it must begin with",
        ),
        (
            {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/x", "NOTION_API_TOKEN": "x"},
            "fail  database          it does not answer: ",
        ),
    ],
    ids=["nothing runs", "a setting is wrong", "another database", "the database is down"],
)
async def test_with_nothing_there_it_says_what_to_start(
    tmp_path: Path, settings: dict[str, str], expected: str
) -> None:
    shutil.copytree(CHANNELS, tmp_path / "channel_configs", ignore=WITH_KEYS)
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "NOTION_"))
    }
    prefect, receiver, notion = map(str, free_ports(3))
    ports = {
        "PREFECT_PORT": prefect,
        "RECEIVER_PORT": receiver,
        "NOTION_BASE_URL": f"http://127.0.0.1:{notion}",
    }
    code, said = await Up(tmp_path, {**mine, **ports, **settings}).run("doctor")
    assert code == 1
    assert expected in said
    assert "Traceback" not in said
    if not settings:
        assert "        → Start it: `showrunner up`." in said


@pytest.mark.parametrize(
    ("load", "state"), [(0.0, State.FAIL), (100.0 * (os.cpu_count() or 1), State.WARN)]
)
async def test_what_does_not_answer_in_time_is_red_and_on_a_busy_machine_yellow(
    monkeypatch: pytest.MonkeyPatch, load: float, state: State
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    hangs = asyncio.sleep(60, result=list[Check]())
    first, second = await run_check(["one", "two"], 0.01, hangs)
    assert (first.state, second.state) == (state, State.SKIP)
    assert "no answer within" in first.facts


async def test_a_prefect_server_that_up_runs_is_waited_for() -> None:
    (port,) = free_ports(1)
    settings = Settings(_env_file=None, prefect_api_url=f"http://127.0.0.1:{port}/api")
    (cure,) = (await prefect_server(settings, of_up=True)).cures
    assert cure.startswith("`showrunner up` is restarting it: wait 30 s")
    assert (await prefect_server(settings)).cures == ("Start that server.",)


async def test_while_up_is_starting_it_says_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(CHANNELS, tmp_path / "channel_configs", ignore=WITH_KEYS)
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "NOTION_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    prefect, receiver = free_ports(2)
    monkeypatch.setenv("PREFECT_PORT", str(prefect))
    monkeypatch.setenv("RECEIVER_PORT", str(receiver))
    with only_one(tmp_path / ".showrunner"):
        found = await checkup(utc_now)
    assert line(found, "settings").facts == "`showrunner up` is still starting"
    assert {check.state for check in found.checks[1:]} == {State.SKIP}
    assert "no `showrunner up` runs" in line(await checkup(utc_now), "settings").facts
