"""`showrunner restore`: a backup fills a database, whole or not at all."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator

import psycopg
import pytest
from kit.processes.programs import Up
from kit.stage import Stage
from sqlalchemy import URL, text

from models.postgres.engine import libpq, migrate
from models.postgres.server_programs import bundled


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


async def test_a_backup_fills_an_empty_database_with_everything_that_was_there(
    shell: Up, stage: Stage, database: URL, elsewhere: URL
) -> None:
    page = await stage.add_valid(title="Why “giant” [squid]\nhide", status="Queued")
    await stage.cycle()
    await stage.moves(page, "Assets Generating")
    file = await shell.backup()
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
    await shell.backup()
    before = everything(database)
    await stage.add_valid(title="Later")
    await stage.cycle()
    await stage.sql("CREATE VIEW later AS SELECT title FROM tasks")
    later = everything(database)
    await stage.release_connections()
    code, said = await shell.run("restore", "board.dump")
    assert (code, "is not empty" in said, "--replace" in said) == (1, True, True), said
    assert everything(database) == later
    code, said = await shell.run("restore", "board.dump", "--replace")
    assert code == 0, said
    assert everything(database) == before


async def test_nothing_is_restored_while_anything_is_connected(shell: Up, stage: Stage) -> None:
    await stage.add_valid()
    await stage.cycle()
    await shell.backup()
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
    file = await shell.backup()
    file.write_bytes(file.read_bytes()[:-20_000])
    before = everything(database)
    await stage.release_connections()
    code, said = await shell.run("restore", "board.dump", "--replace")
    assert (code, "Traceback" in said, len(said.strip().splitlines())) == (1, False, 1), said
    assert everything(database) == before


async def test_what_is_no_backup_of_ours_is_refused_in_one_sentence(
    shell: Up, stage: Stage, elsewhere: URL, database: URL
) -> None:
    (shell.folder / "text.sql").write_text("SELECT 1;")
    await stage.release_connections()
    points_to(shell, elsewhere)
    code, said = await shell.run("restore", "text.sql")
    assert (code, "text.sql is no backup" in said) == (1, True), said
    code, said = await shell.run("restore", "missing.dump")
    assert (code, "missing.dump cannot be read: No such file" in said) == (1, True), said
    with psycopg.connect(libpq(elsewhere)) as connection:
        connection.execute("CREATE TABLE tasks (id int)")
    programs = bundled("18")
    assert programs is not None
    foreign = shell.folder / "foreign.dump"
    dumping = await asyncio.create_subprocess_exec(
        str(programs / "pg_dump"), "--format=custom", f"--file={foreign}", libpq(elsewhere)
    )
    assert await dumping.wait() == 0
    with psycopg.connect(libpq(elsewhere)) as connection:
        connection.execute("DROP TABLE tasks")
    code, said = await shell.run("restore", "foreign.dump")
    assert (code, "is a backup of another database" in said) == (1, True), said
    with psycopg.connect(libpq(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    points_to(shell, database)
    await shell.backup("newer.dump")
    points_to(shell, elsewhere)
    code, said = await shell.run("restore", "newer.dump")
    assert (code, "update Showrunner here" in said) == (1, True), said


async def test_a_backup_of_an_older_version_is_brought_forward(
    shell: Up, elsewhere: URL, database: URL, stage: Stage
) -> None:
    await stage.release_connections()
    migrate(database, "-1")
    await shell.backup()
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
    await shell.backup()
    for page in pages:
        await stage.edit(page, status="Uploading")
    await stage.release_connections()
    code, said = await shell.run("restore", "board.dump", "--replace")
    assert code == 0, said
    await stage.cycle()
    assert (await stage.shows(pages[0]))["Status"] == "Uploading"
    async with stage.sessions() as session:
        held = text("SELECT count(*) FROM cards WHERE held_at IS NOT NULL")
        assert (await session.execute(held)).scalar_one() == 21
