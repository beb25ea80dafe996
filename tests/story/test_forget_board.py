"""`showrunner forget-board`: a database is free for another board, without the former one's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from kit.processes.programs import Up
from kit.stage import Stage
from sqlalchemy import text

from cli.stack.running_stack import only_one
from models.postgres.embedded import embedded_postgres
from models.postgres.process_identity import mark_of


async def count(stage: Stage, table: str) -> int:
    async with stage.sessions() as session:
        return int((await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def used(stage: Stage) -> None:
    """The board is followed: two cards, one of them a pending task, and an event."""
    page = await stage.add_valid(status="Queued")
    await stage.add_valid(title="")
    await stage.cycle()
    await stage.webhook(page)


async def test_tasks_are_neither_deleted_nor_left_over_without_being_told_to(
    shell: Up, stage: Stage
) -> None:
    await used(stage)
    code, said = await shell.run("forget-board", "--yes")
    assert code == 1
    assert "1 tasks belong to cards of the board" in said
    assert "1 of them to be taken" in said
    assert [await count(stage, table) for table in ("cards", "tasks", "webhook_events")] == [
        2,
        1,
        1,
    ]
    code, said = await shell.run("forget-board", "--delete-tasks")
    assert (code, "Forgot" in said) == (1, False), said
    assert await count(stage, "cards") == 2


@pytest.mark.parametrize(("option", "left"), [("--delete-tasks", 0), ("--keep-tasks", 1)])
async def test_the_former_board_is_forgotten_and_the_history_stays_and_another_is_followed(
    shell: Up, stage: Stage, option: str, left: int
) -> None:
    await used(stage)
    former = stage.data_source_id
    history = await count(stage, "task_history")
    code, said = await shell.run("forget-board", "--yes", option)
    assert (code, said.startswith("Forgot the board")) == (0, True), said
    assert [await count(stage, table) for table in ("cards", "tasks", "webhook_events")] == [
        0,
        left,
        0,
    ]
    assert await count(stage, "task_history") == history + (1 - left)
    await stage.ctx.notion.aclose()
    await stage.people.aclose()
    await stage.open(url=shell.environment["NOTION_BASE_URL"])
    assert stage.data_source_id != former
    page = await stage.add_valid()
    await stage.cycle()
    assert await stage.task(page) is not None
    assert (await count(stage, "cards"), await count(stage, "tasks")) == (1, left + 1)
    shell.environment["NOTION_DATABASE_ID"] = former
    code, said = await shell.run("push")
    assert (code, "`showrunner forget-board`" in said) == (1, True), said


async def test_the_embedded_database_of_a_folder_is_found_while_nothing_runs(
    shell: Up, tmp_path: Path
) -> None:
    del shell.environment["DATABASE_URL"]
    code, said = await shell.run("forget-board", "--yes")
    assert (code, "nothing to forget: no database in" in said) == (1, True), said
    with embedded_postgres(tmp_path / ".showrunner" / "postgres"):
        pass
    code, said = await shell.run("forget-board", "--yes")
    assert (code, "this database follows no board" in said) == (1, True), said


async def test_processes_that_a_killed_up_left_behind_are_refused_with_how_to_end_them(
    shell: Up, stage: Stage
) -> None:
    await used(stage)
    state = shell.folder / ".showrunner"
    state.mkdir()
    worker = await asyncio.create_subprocess_exec("sleep", "600")
    row = {"name": "worker", "pid": worker.pid, "mark": mark_of(worker.pid)}
    (state / "processes.json").write_text(json.dumps([row]))
    try:
        for command in (("forget-board", "--keep-tasks", "--yes"), ("restore", "x", "--replace")):
            code, said = await shell.run(*command)
            assert code == 1
            assert "still run in this folder (worker): start `showrunner up` again" in said
    finally:
        worker.kill()
        await worker.wait()
    assert await count(stage, "cards") == 2
    code, said = await shell.run("forget-board", "--keep-tasks", "--yes")
    assert code == 0, said


async def test_nothing_is_forgotten_beside_an_up_that_is_starting(shell: Up, stage: Stage) -> None:
    await used(stage)
    with only_one(shell.folder / ".showrunner"):
        code, said = await shell.run("forget-board", "--keep-tasks", "--yes")
    assert (code, "Showrunner is up already" in said) == (1, True), said
