"""`showrunner backup` and `restore`: a database in a file and back again, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
from kit.programs import Up, command
from kit.stage import Stage
from kit.waiting import until
from sqlalchemy import URL, text

from cli.stack.running_stack import write_facts
from models.errors import SettingsError
from models.postgres.embedded import embedded_postgres
from models.postgres.engine import Sessions, libpq, migrate
from models.postgres.server_programs import Programs, programs_for


@pytest.fixture
def elsewhere(postgres: URL) -> Iterator[URL]:
    """An empty database of the same server."""
    with psycopg.connect(libpq(postgres.set(database="postgres")), autocommit=True) as admin:
        admin.execute("CREATE DATABASE elsewhere TEMPLATE template0")
        yield postgres.set(database="elsewhere")
        admin.execute("DROP DATABASE elsewhere WITH (FORCE)")


def points_to(shell: Up, url: URL) -> None:
    shell.environment["DATABASE_URL"] = libpq(url)


def everything(url: URL) -> list[tuple[object, ...]]:
    queries = (
        "SELECT * FROM tasks ORDER BY id",
        "SELECT * FROM task_history ORDER BY id",
        "SELECT count(*) FROM cards",
    )
    with psycopg.connect(libpq(url)) as connection:
        return [row for query in queries for row in connection.execute(query).fetchall()]


async def let_go(sessions: Sessions) -> None:
    """The stage's own connections, which a restore takes for somebody at work."""
    await sessions.kw["bind"].dispose()


async def backed_up(shell: Up, file: str = "board.dump") -> Path:
    code, said = await shell.run("backup", file)
    assert (code, said.startswith(f"Wrote {file}")) == (0, True), said
    return shell.folder / file


async def test_a_backup_fills_an_empty_database_with_everything_that_was_there(
    shell: Up, stage: Stage, database: URL, elsewhere: URL
) -> None:
    page = await stage.add_valid(title="Why “giant” [squid]\nhide", status="Queued")
    await stage.cycle()
    await stage.moves(page, "Assets Generating")
    file = await backed_up(shell)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes().startswith(b"PGDMP")
    points_to(shell, elsewhere)
    code, said = await shell.run("restore", "board.dump")
    assert (code, "It holds 1 cards, 1 tasks" in said) == (0, True), said
    assert everything(elsewhere) == everything(database)
    code, said = await shell.run("push")
    assert (code, "pushed 1" in said) == (0, True), said
    assert (await stage.shows(page))["Status"] == "Assets Generating"


async def test_a_database_that_holds_something_is_replaced_only_when_told_so(
    shell: Up, stage: Stage, database: URL
) -> None:
    await stage.add_valid()
    await stage.cycle()
    await backed_up(shell)
    before = everything(database)
    await stage.add_valid(title="Later")
    await stage.cycle()
    await stage.sql("CREATE VIEW later AS SELECT title FROM tasks")
    later = everything(database)
    await let_go(stage.sessions)
    code, said = await shell.run("restore", "board.dump")
    assert (code, "is not empty" in said, "--replace" in said) == (1, True, True), said
    assert everything(database) == later
    code, said = await shell.run("restore", "board.dump", "--replace")
    assert code == 0, said
    assert everything(database) == before


async def test_nothing_is_restored_while_anything_is_connected(shell: Up, stage: Stage) -> None:
    await stage.add_valid()
    await stage.cycle()
    await backed_up(shell)
    code, said = await shell.run("restore", "board.dump", "--replace")
    assert (code, said.startswith("Something is connected to the database")) == (1, True), said
    assert "showrunner" in said


async def test_a_restore_that_breaks_in_the_middle_leaves_the_database_as_it_was(
    shell: Up, stage: Stage, database: URL
) -> None:
    await stage.cycle()
    for n in range(200):
        await stage.sql(
            "INSERT INTO tasks (title, channel_id, topic) VALUES (:t, 'deep_sea_stories', 'x')",
            t=f"t{n}",
        )
    file = await backed_up(shell)
    file.write_bytes(file.read_bytes()[:-20_000])
    before = everything(database)
    await let_go(stage.sessions)
    code, said = await shell.run("restore", "board.dump", "--replace")
    assert (code, "Traceback" in said, len(said.strip().splitlines())) == (1, False, 1), said
    assert everything(database) == before


async def test_what_is_no_backup_of_ours_is_refused_in_one_sentence(
    shell: Up, stage: Stage, elsewhere: URL, database: URL
) -> None:
    (shell.folder / "text.sql").write_text("SELECT 1;")
    await let_go(stage.sessions)
    points_to(shell, elsewhere)
    code, said = await shell.run("restore", "text.sql")
    assert (code, "text.sql is no backup" in said) == (1, True), said
    code, said = await shell.run("restore", "missing.dump")
    assert (code, "missing.dump cannot be read: No such file" in said) == (1, True), said
    with psycopg.connect(libpq(elsewhere)) as connection:
        connection.execute("CREATE TABLE tasks (id int)")
    pg_dump = bundled_pg_dump()
    foreign = shell.folder / "foreign.dump"
    dumping = await asyncio.create_subprocess_exec(
        pg_dump, "--format=custom", f"--file={foreign}", libpq(elsewhere)
    )
    assert await dumping.wait() == 0
    with psycopg.connect(libpq(elsewhere)) as connection:
        connection.execute("DROP TABLE tasks")
    code, said = await shell.run("restore", "foreign.dump")
    assert (code, "is a backup of another database" in said) == (1, True), said
    with psycopg.connect(libpq(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await backed_up(shell_at(shell, database), "newer.dump")
    points_to(shell, elsewhere)
    code, said = await shell.run("restore", "newer.dump")
    assert (code, "update Showrunner here" in said) == (1, True), said


def shell_at(shell: Up, url: URL) -> Up:
    points_to(shell, url)
    return shell


def bundled_pg_dump() -> str:
    from models.postgres.server_programs import bundled  # noqa: PLC0415

    folder = bundled("18")
    assert folder is not None
    return str(folder / "pg_dump")


async def test_a_backup_of_an_older_version_is_brought_forward(
    shell: Up, elsewhere: URL, database: URL, stage: Stage
) -> None:
    await let_go(stage.sessions)
    migrate(database, "-1")
    await backed_up(shell)
    points_to(shell, elsewhere)
    code, said = await shell.run("restore", "board.dump")
    assert code == 0, said
    assert (await shell.run("task", "list"))[0] == 0
    with psycopg.connect(libpq(database)) as old, psycopg.connect(libpq(elsewhere)) as new:
        of = "SELECT version_num FROM alembic_version"
        assert old.execute(of).fetchone() < new.execute(of).fetchone()


async def test_moves_since_a_backup_wait_for_the_operator_however_fresh_it_is(
    shell: Up, stage: Stage
) -> None:
    pages = [await stage.add_valid(title=f"Squid {n}", status="Queued") for n in range(21)]
    await stage.cycle()
    await stage.sql("UPDATE tasks SET board_status = 'Ready for Review'")
    await stage.cycle()
    await backed_up(shell)
    for page in pages:
        await stage.edit(page, status="Uploading")
    await let_go(stage.sessions)
    code, said = await shell.run("restore", "board.dump", "--replace")
    assert code == 0, said
    await stage.cycle()
    assert (await stage.shows(pages[0]))["Status"] == "Uploading"
    async with stage.sessions() as session:
        held = text("SELECT count(*) FROM cards WHERE held_at IS NOT NULL")
        assert (await session.execute(held)).scalar_one() == 21


def somebody_waits(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (1,)


async def test_an_interrupted_backup_leaves_no_file_and_the_earlier_one(
    shell: Up, stage: Stage, database: URL
) -> None:
    await stage.add_valid()
    await stage.cycle()
    file = await backed_up(shell)
    earlier = file.read_bytes()
    for name in ("board.dump", "new.dump"):
        with psycopg.connect(libpq(database)) as holder:
            holder.execute("LOCK TABLE tasks")  # pg_dump waits for it
            process = await asyncio.create_subprocess_exec(
                *command("backup", name),
                cwd=shell.folder,
                env=shell.environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            await until(partial(somebody_waits, holder), 60)
            process.send_signal(signal.SIGINT)
            said, _ = await asyncio.wait_for(process.communicate(), 60)
        assert (process.returncode, said.decode()) == (130, "Stopped; nothing was backed up.\n")
    assert [each.name for each in shell.folder.iterdir() if "dump" in each.name] == ["board.dump"]
    assert file.read_bytes() == earlier


async def test_a_file_that_is_no_backup_is_not_overwritten(shell: Up, stage: Stage) -> None:
    await let_go(stage.sessions)
    (shell.folder / "notes.txt").write_text("mine")
    code, said = await shell.run("backup", "notes.txt")
    assert (code, "is no backup, so it is not overwritten" in said) == (1, True), said
    assert (shell.folder / "notes.txt").read_text() == "mine"
    code, said = await shell.run("backup", "nowhere/board.dump")
    assert (code, "There is no folder nowhere" in said) == (1, True), said


async def test_no_program_is_given_the_password_in_its_arguments(
    shell: Up, stage: Stage, tmp_path: Path
) -> None:
    await stage.add_valid()
    await stage.cycle()
    seen = tmp_path / "seen"
    fake = tmp_path / "bin"
    fake.mkdir()
    real = Path(bundled_pg_dump()).parent
    for name in ("pg_dump", "pg_restore", "psql"):
        note = f'echo "{name} $* password=$PGPASSWORD" >> {seen}'
        script = f'#!/bin/sh\n{note}\nexec "{real / name}" "$@"\n'
        (fake / name).write_text(script)
        (fake / name).chmod(0o755)
    shell.environment["PATH"] = f"{fake}{os.pathsep}{shell.environment['PATH']}"
    url = shell.environment["DATABASE_URL"]
    shell.environment["DATABASE_URL"] = re.sub(
        r"//postgres:?[^@]*@", "//postgres:s%20e%40cret@", url
    )
    await backed_up(shell)
    await let_go(stage.sessions)
    code, said = await shell.run("restore", "board.dump", "--replace")
    assert code == 0, said
    calls = [line for line in seen.read_text().splitlines() if "--version" not in line]
    assert any(line.startswith("pg_dump") for line in calls)
    assert any(line.startswith("psql") for line in calls)
    for line in calls:
        arguments, _, password = line.partition(" password=")
        assert "cret" not in arguments
        assert password == ("" if line.startswith("pg_restore") else "s e@cret")


async def test_no_message_of_a_backup_repeats_a_password(shell: Up) -> None:
    shell.environment["DATABASE_URL"] = (
        "postgresql://me@127.0.0.1:1/name?password=s3cret&sslmode=s3cret"
    )
    code, said = await shell.run("backup", "board.dump")
    assert (code, "s3cret" in said) == (1, False), said


async def test_the_embedded_database_of_a_folder_is_backed_up_and_restored_into_another(
    shell: Up, tmp_path: Path
) -> None:
    del shell.environment["DATABASE_URL"]
    code, said = await shell.run("backup", "board.dump")
    assert (code, "There is nothing to back up: no database in" in said) == (1, True), said
    with embedded_postgres(tmp_path / ".showrunner" / "postgres") as url:
        migrate(url)
        with psycopg.connect(libpq(url)) as connection:
            connection.execute("INSERT INTO sync_state (key, value) VALUES ('kept', '{}')")
    await backed_up(shell)
    shutil.rmtree(tmp_path / ".showrunner" / "postgres")
    code, said = await shell.run("restore", "board.dump")
    assert code == 0, said
    with (
        embedded_postgres(tmp_path / ".showrunner" / "postgres") as url,
        psycopg.connect(libpq(url)) as connection,
    ):
        assert connection.execute("SELECT key FROM sync_state").fetchall() == [("kept",)]


@pytest.mark.parametrize(
    ("version", "server", "fit"),
    [
        (15, 15, True),
        (15, 16, False),
        (16, 13, True),
        (18, 17, True),
        (18, 16, False),
        (16, 16, True),
        (18, 18, True),
    ],
)
def test_programs_fit_a_server_that_they_can_dump_and_fill_again(
    version: int, server: int, *, fit: bool
) -> None:
    assert Programs(version=version, folder=Path()).fit(server) is fit


async def test_a_running_up_is_backed_up_and_not_restored_over(shell: Up, stage: Stage) -> None:
    await stage.add_valid()
    await stage.cycle()
    state = shell.folder / ".showrunner"
    state.mkdir()
    write_facts(state, {"DATABASE_URL": shell.environment.pop("DATABASE_URL")})
    await backed_up(shell)
    await let_go(stage.sessions)
    code, said = await shell.run("restore", "board.dump", "--replace")
    assert (code, said) == (1, "Showrunner is up in this folder: stop it first (Ctrl-C).\n")


def test_programs_without_tls_are_not_taken_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert [each.version for each in programs_for(16)] == [16]
    assert [each.version for each in programs_for(17)] == [18]
    with pytest.raises(
        SettingsError, match="fit PostgreSQL 16 over TLS: install its client programs"
    ):
        programs_for(16, encrypted=True)
