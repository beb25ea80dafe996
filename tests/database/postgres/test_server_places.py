"""The embedded server in every folder that people have, beside other users and after power cuts."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, make_url

from models.errors import DatabaseUnavailable, SettingsError
from models.postgres.embedded import EmbeddedPostgres, embedded_postgres
from models.postgres.engine import libpq

ROOT = Path(__file__).parents[3]
ROOTS_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
NOBODY = 65534


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that others may pass through, as a home for the folders of the tests."""
    made = Path(tempfile.mkdtemp(prefix="places-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a server that was never used: to make them takes seconds each time."""
    made = tmp_path_factory.mktemp("files") / "pg"
    with embedded_postgres(made):
        pass
    with (made / "postgresql.conf").open("a") as settings:
        settings.write("\nfsync = off\n")  # durability costs time and protects nothing here
    return made


@pytest.fixture
def folder(place: Path, files: Path) -> Path:
    """The folder of a server that is stopped."""
    subprocess.run(["cp", "-a", str(files), str(place / "pg")], check=True)
    return place / "pg"


def modes(folder: Path) -> dict[Path, int]:
    return {each: stat.S_IMODE(each.stat().st_mode) for each in (folder, *folder.parents)}


@contextmanager
def a_stranger(folder: Path) -> Iterator[psutil.Process]:
    """A program that has nothing to do with the server, at work in its very folder."""
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], cwd=folder)
    try:
        yield psutil.Process(program.pid)
    finally:
        program.kill()
        program.wait()


def stands(stranger: psutil.Process) -> bool:
    return stranger.is_running() and stranger.status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    "name",
    [
        "a b/show runner",
        "café/Ünïcode",
        "per%20cent & $HOME",
        'quo\'te "double"',
        "co,mma",
        "co:lon@at?#",
        "long " * 40,
    ],
    ids=["blank", "accents", "percent", "quotes", "comma", "colon", "long"],
)
def test_a_folder_may_have_any_name(place: Path, files: Path, name: str) -> None:
    folder = place / name[:200] / "pg"
    folder.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", str(files), str(folder)], check=True)
    before = modes(folder.parent)
    with embedded_postgres(folder) as url:
        # What psql and pg_dump take, what the children are given, and what they make of it.
        with psycopg.connect(libpq(url)) as connection:
            row = connection.execute("SHOW listen_addresses").fetchone()
        assert row == ("",), "no TCP"
        engine = create_engine(make_url(libpq(url)).set(drivername="postgresql+psycopg"))
        engine.connect().close()
        engine.dispose()
        private_socket(Path(str(url.query["host"])))
    assert modes(folder.parent) == before


def private_socket(folder: Path) -> None:
    facts = folder.lstat()
    assert stat.S_ISDIR(facts.st_mode)
    assert stat.S_IMODE(facts.st_mode) == 0o700
    assert stat.S_IMODE((folder / ".s.PGSQL.5432").stat().st_mode) == 0o700


def test_a_folder_above_that_is_closed_to_others_stays_closed(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with embedded_postgres(closed / "state/pg") as url, psycopg.connect(libpq(url)) as connection:
        connection.execute("SELECT 1")
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@ROOTS_ONLY
def test_nobody_else_gets_into_the_database(folder: Path) -> None:
    ask = "import psycopg, sys; psycopg.connect(sys.argv[1])"
    with embedded_postgres(folder) as url:
        # Even where the folder is opened to all, the server asks the system who is there.
        for path in (folder, folder / ".s.PGSQL.5432"):
            path.chmod(0o777)
        asked = subprocess.run(
            ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", ask, libpq(url)],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        folder.chmod(0o700)
    assert "Peer authentication failed" in asked.stderr


@ROOTS_ONLY
def test_two_users_run_servers_beside_each_other(place: Path, folder: Path) -> None:
    run = (
        "import sys; from pathlib import Path; from models.postgres.embedded import "
        "embedded_postgres\n"
        "with embedded_postgres(Path(sys.argv[1])) as url: print(url, flush=True); input()"
    )
    theirs = place / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)
    other = subprocess.Popen(
        [
            "setpriv",
            "--reuid=65534",
            "--clear-groups",
            sys.executable,
            "-c",
            run,
            str(theirs / "pg"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    assert other.stdout is not None
    assert "postgresql" in other.stdout.readline()
    with embedded_postgres(folder) as url, psycopg.connect(libpq(url)) as connection:
        connection.execute("SELECT 1")
    other.communicate("\n")
    assert other.returncode == 0


def test_an_id_that_another_program_has_by_now_keeps_nothing_from_starting_and_nobody_is_ended(
    folder: Path,
) -> None:
    with embedded_postgres(folder):
        left = (folder / "postmaster.pid").read_text()
    with a_stranger(folder) as stranger:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (folder / name).write_text(left.replace(left.split()[0], str(stranger.pid), 1))
            (folder / name).chmod(0o666)
        with embedded_postgres(folder) as url:
            psycopg.connect(libpq(url)).close()
        assert stands(stranger)


@pytest.mark.parametrize("content", ["", "\0" * 200], ids=["empty", "zeros"])
def test_a_file_that_a_power_cut_left_torn_keeps_nothing_from_starting(
    folder: Path, content: str
) -> None:
    (folder / "postmaster.pid").write_text(content)
    with embedded_postgres(folder) as url:
        psycopg.connect(libpq(url)).close()


def test_a_server_that_an_interrupted_run_left_is_replaced(folder: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from models.postgres.embedded import "
        "EmbeddedPostgres\n"
        "EmbeddedPostgres(Path(sys.argv[1])).start(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], check=False, cwd=ROOT)
    left = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    assert stands(left)
    with embedded_postgres(folder) as url:
        psycopg.connect(libpq(url)).close()
        assert not left.is_running()


def test_a_folder_has_one_server_at_a_time(folder: Path) -> None:
    with embedded_postgres(folder) as url:
        with pytest.raises(DatabaseUnavailable, match="Another process runs the PostgreSQL in"):
            EmbeddedPostgres(folder).start()
        psycopg.connect(libpq(url)).close()


def test_what_an_interrupted_making_left_is_made_anew(place: Path) -> None:
    half = place / "pg.new-half"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with embedded_postgres(place / "pg") as url:
        psycopg.connect(libpq(url)).close()
    assert not half.exists()


def test_a_folder_for_the_socket_that_is_somebody_elses_is_refused(
    place: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    folder = place / ("long" * 40) / "pg"
    folder.parent.mkdir()
    subprocess.run(["cp", "-a", str(files), str(folder)], check=True)
    with embedded_postgres(folder) as url:
        sockets = Path(str(url.query["host"]))
    assert sockets.parent == place
    sockets.chmod(0o777)
    with pytest.raises(SettingsError, match="alone: remove it, or set STATE_DIR"):
        EmbeddedPostgres(folder).start()
    sockets.rmdir()
    sockets.symlink_to(place)
    with pytest.raises(SettingsError, match="alone"):
        EmbeddedPostgres(folder).start()


def test_a_folder_of_an_earlier_version_gets_the_new_rules(folder: Path) -> None:
    with embedded_postgres(folder) as url, psycopg.connect(libpq(url)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    rules = folder / "pg_hba.conf"
    rules.write_text("local all all trust\nhost all all 0.0.0.0/0 trust\n")
    with (folder / "postgresql.conf").open("a") as settings:
        settings.write("\nlisten_addresses = '*'\nport = 5999\n")
    (folder / "showrunner_hba.conf").unlink()
    (folder / ".handle_pids.json").write_text(json.dumps([os.getpid()]))
    with embedded_postgres(folder) as url, psycopg.connect(libpq(url)) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
        rows = connection.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
        assert rows == [("local", "peer")]
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", 5999)) != 0
