"""The workers of docs/workers.md do their task, as a login that is a member of the role alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from kit.production import Production
from sqlalchemy import URL

from models.postgres.engine import libpq
from models.postgres.server_programs import programs_for

PAGE = (Path(__file__).parents[3] / "docs/workers.md").read_text()


def example(heading: str) -> str:
    """The first block of code below a heading of the page."""
    found = re.search(rf"### {heading}\n.*?```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def login(database: URL, worker: Production) -> Iterator[URL]:
    """A login role made as the page says."""
    worker.rows(example("A role for workers"))
    yield database.set(username="render_1", password="…")
    worker.rows("DROP ROLE render_1")


def test_the_worker_in_psql_does_a_task(worker: Production, login: URL) -> None:
    task = worker.add()
    version = worker.connection.info.server_version // 10_000
    psql = programs_for(version, own=True)[0].named("psql")
    script = example("In psql")
    command = [psql, "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-At", "-d", libpq(login)]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.split() == ["continue", "inserted", "continue", "continue", "waiting"]
    assert worker.column(task) == "Ready for Review"


def run_python(login: URL, program: str) -> None:
    subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "DATABASE_URL": libpq(login), "ONCE": "1"},
        check=True,
        timeout=60,
    )


def test_the_worker_in_python_says_on_the_card_what_was_refused(
    worker: Production, login: URL
) -> None:
    task = worker.add()
    run_python(login, example("In Python").replace("Assembling Video", "Uploading"))
    assert worker.column(task) == "Error: Manual Review"
    assert "Nobody approved the step" in worker.lease(task)["failure"]


def test_the_worker_in_python_does_a_task(worker: Production, login: URL) -> None:
    task = worker.add()
    run_python(login, example("In Python"))
    assert worker.column(task) == "Ready for Review"
    assert worker.row("SELECT path FROM pieces")["path"] == f"/films/{task}.mp4"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM tasks",
        "UPDATE tasks SET board_status = 'Draft'",
        "SELECT * FROM leases",
        "SELECT * FROM spends",
        "SELECT * FROM tokens",
        "SELECT * FROM logins",
        "SELECT showrunner.return_expired_leases()",
        "SELECT showrunner.return_due_retries()",
        "SELECT showrunner.move(NULL, 'x', 'Draft')",
        "SELECT showrunner.grant_workers()",
    ],
)
def test_a_worker_may_do_nothing_but_call_its_functions(login: URL, statement: str) -> None:
    with (
        psycopg.connect(libpq(login)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)
