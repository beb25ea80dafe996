"""`showrunner backup`: a database in a file, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from functools import partial
from pathlib import Path

import psycopg
from kit.processes.programs import Up, command
from kit.stage import Stage
from kit.waiting import until
from sqlalchemy import URL

from cli.stack.running_stack import write_facts
from models.postgres.embedded import embedded_postgres
from models.postgres.engine import libpq, migrate
from models.postgres.server_programs import bundled


def somebody_waits(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (1,)


async def test_an_interrupted_backup_leaves_no_file_and_the_earlier_one(
    shell: Up, stage: Stage, database: URL
) -> None:
    await stage.add_valid()
    await stage.cycle()
    file = await shell.backup()
    earlier = file.read_bytes()
    for name in ("board.dump", "new.dump"):
        with psycopg.connect(libpq(database)) as holder:
            holder.execute("LOCK TABLE tasks")  # pg_dump waits for it
            process = await asyncio.create_subprocess_exec(
                *command("backup", name, "--replace"),
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
    await stage.release_connections()
    (shell.folder / "notes.txt").write_text("mine")
    code, said = await shell.run("backup", "notes.txt")
    assert (code, "is no backup, so it is not overwritten" in said) == (1, True), said
    assert (shell.folder / "notes.txt").read_text() == "mine"
    code, said = await shell.run("backup", "nowhere/board.dump")
    assert (code, "There is no folder nowhere" in said) == (1, True), said


async def test_an_earlier_backup_is_overwritten_only_if_told_to(shell: Up, stage: Stage) -> None:
    await stage.cycle()
    file = await shell.backup()
    file.write_bytes(earlier := file.read_bytes() + b"earlier")
    code, said = await shell.run("backup", "board.dump")
    assert (code, "is an earlier backup: give another name" in said) == (1, True), said
    assert file.read_bytes() == earlier
    code, said = await shell.run("backup", "board.dump", "--replace")
    assert code == 0, said
    assert file.read_bytes() != earlier


async def test_no_program_is_given_the_password_in_its_arguments(
    shell: Up, stage: Stage, tmp_path: Path
) -> None:
    await stage.add_valid()
    await stage.cycle()
    seen = tmp_path / "seen"
    fake = tmp_path / "bin"
    fake.mkdir()
    real = bundled("18")
    assert real is not None
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
    await shell.backup()
    await stage.release_connections()
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
    await shell.backup()
    shutil.rmtree(tmp_path / ".showrunner" / "postgres")
    code, said = await shell.run("restore", "board.dump")
    assert code == 0, said
    with (
        embedded_postgres(tmp_path / ".showrunner" / "postgres") as url,
        psycopg.connect(libpq(url)) as connection,
    ):
        assert connection.execute("SELECT key FROM sync_state").fetchall() == [("kept",)]


async def test_a_running_up_is_backed_up_and_not_restored_over(shell: Up, stage: Stage) -> None:
    await stage.add_valid()
    await stage.cycle()
    state = shell.folder / ".showrunner"
    state.mkdir()
    write_facts(state, {"DATABASE_URL": shell.environment.pop("DATABASE_URL")})
    await shell.backup()
    await stage.release_connections()
    code, said = await shell.run("restore", "board.dump", "--replace")
    assert (code, said) == (1, "Showrunner is up in this folder: stop it first (Ctrl-C).\n")
