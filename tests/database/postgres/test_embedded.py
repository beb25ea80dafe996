"""The embedded server: killed and started again, it is where it was and knows what it knew."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

from models.errors import DatabaseUnavailable
from models.postgres.embedded import EmbeddedPostgres
from models.postgres.engine import libpq

SECONDS = 20.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(tmp_path / "pg", "kept")
    yield made
    made.stop()


def killed(server: EmbeddedPostgres, folder: Path) -> None:
    os.kill(int((folder / "pg/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while server.lives():
        assert time.monotonic() < deadline, "it outlived its kill"
        time.sleep(0.01)


def answer(url: URL, query: str) -> object:
    with psycopg.connect(libpq(url)) as connection:
        return connection.execute(query).fetchone()


def test_a_killed_server_comes_back_under_its_address_with_what_was_committed(
    tmp_path: Path, server: EmbeddedPostgres
) -> None:
    url = server.start()
    assert server.lives()
    with psycopg.connect(libpq(url)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    killed(server, tmp_path)
    tmp_path.chmod(0o700)  # where the server has a user of its own, that one has to reach it again
    server.revive()
    assert server.lives()
    assert answer(url, "SELECT one FROM kept") == (1,)
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        answer(url, "SELECT 1")


def test_a_server_that_was_stopped_for_good_is_not_started_again(
    tmp_path: Path, server: EmbeddedPostgres
) -> None:
    url = server.start()
    killed(server, tmp_path)
    server.stop()
    server.revive()
    with pytest.raises(psycopg.OperationalError):
        answer(url, "SELECT 1")


def test_a_server_that_does_not_start_is_said_in_a_sentence_with_its_log(
    tmp_path: Path, server: EmbeddedPostgres
) -> None:
    server.start()
    killed(server, tmp_path)
    settings = tmp_path / "pg/postgresql.conf"
    good = settings.read_text()
    settings.write_text("nonsense = 1\n")
    with pytest.raises(DatabaseUnavailable, match=r"does not start: see .*/pg/log\.$"):
        server.revive()
    settings.write_text(good)
    server.revive()
    assert server.lives()
