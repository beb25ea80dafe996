"""Which runs are deleted when: ours, when they are old, and those that did nothing much earlier.

On a real server.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from kit.processes.ports import free_port
from kit.processes.prefect_runs import RunKit
from kit.waiting import until
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import LogCreate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Failed, Running, State
from sqlalchemy import URL, text

from flows.runs.api import IDLE_NAMES
from flows.runtime.bootstrap import bootstrap
from flows.runtime.old_runs import DeletedRuns, delete_old_runs
from flows.runtime.warm_worker import WarmWorker
from flows.server.deployment_spec import POOL
from models.postgres.engine import Sessions
from models.tables.webhook_events import Delivery, put
from tasks.runtime.context import close_connections
from tasks.runtime.report import Report

EVER = datetime(2020, 1, 1, tzinfo=UTC)


def later() -> datetime:
    """A moment by which every run so far has ended."""
    return datetime.now(UTC) + timedelta(seconds=1)


async def ended(kit: RunKit, state: State[Any] | None, name: str, *, flow: str = "noted") -> UUID:
    """A run of that name that came to that state, without a worker."""
    run = await kit.ask_for(flow, **({"word": "x"} if flow == "noted" else {}))
    if state is not None:
        await kit.client.set_flow_run_state(run, state, force=True)
    await kit.client.set_flow_run_name(run, name)
    return run


async def is_there(kit: RunKit, run: UUID) -> bool:
    try:
        await kit.client.read_flow_run(run)
    except ObjectNotFound:
        return False
    return True


async def left_of(client: PrefectClient, run: UUID) -> dict[str, int]:
    """What the server still has of a run that is gone or not."""
    log = await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run])))
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    tables = await client.read_artifacts(artifact_filter=of_run)
    within = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run]))
    tasks = await client.read_task_runs(task_run_filter=within)
    return {"logs": len(log), "artifacts": len(tables), "task_runs": len(tasks)}


async def worked(kit: RunKit) -> UUID:
    """A run that did something, with a log line, a table and a task run."""
    async with WarmWorker(work_pool_name=kit.pool, name=kit.pool, prefetch_seconds=0) as worker:
        run = (await kit.reaches(await kit.ask_for("telling"), "Completed", worker=worker)).id
    line = LogCreate(
        name="showrunner",
        level=20,
        message="card_pushed",
        timestamp=datetime.now(UTC),
        flow_run_id=run,
    )
    await kit.client.create_logs([line])

    async def recorded() -> bool:
        return await left_of(kit.client, run) == {"logs": 1, "artifacts": 1, "task_runs": 1}

    await until(recorded)
    return run


@pytest.fixture
async def yaml(kit: RunKit) -> Path:
    """The deployments that are ours in this test."""
    await kit.deploy("noted", "telling")
    return kit.folder / "prefect.yaml"


async def test_runs_that_did_nothing_go_after_their_time_and_all_others_stay(
    kit: RunKit, yaml: Path
) -> None:
    idle = [await ended(kit, Completed(), name) for name in IDLE_NAMES]
    others = [
        await ended(kit, Completed(), "pushed 1"),
        await ended(kit, Failed(), "no changes"),
        await ended(kit, Running(), "no changes"),
        await ended(kit, None, "no changes"),
    ]
    too_young = await delete_old_runs(kit.client, idle_before=EVER, before=EVER, prefect_yaml=yaml)
    deleted = await delete_old_runs(kit.client, idle_before=later(), before=EVER, prefect_yaml=yaml)
    assert (too_young, deleted) == (DeletedRuns(), DeletedRuns(idle=len(idle)))
    assert [await is_there(kit, run) for run in idle] == [False] * len(idle)
    assert [await is_there(kit, run) for run in others] == [True] * len(others)


async def test_an_old_run_goes_with_its_task_runs_logs_and_tables(kit: RunKit, yaml: Path) -> None:
    run, failed, unfinished = (
        await worked(kit),
        await ended(kit, Failed(), "x"),
        await ended(kit, None, "y"),
    )
    deleted = await delete_old_runs(kit.client, idle_before=EVER, before=later(), prefect_yaml=yaml)
    assert deleted == DeletedRuns(old=2)
    assert [await is_there(kit, each) for each in (run, failed, unfinished)] == [False, False, True]

    async def nothing_left() -> bool:  # the server deletes logs a moment later
        return not any((await left_of(kit.client, run)).values())

    await until(nothing_left)


async def test_other_peoples_runs_are_never_touched(
    kit: RunKit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    theirs = RunKit(
        client=kit.client,
        pool=f"{kit.pool}-theirs",
        folder=tmp_path_factory.mktemp("theirs"),
        environment=kit.environment,
    )
    await kit.deploy("noted")
    await theirs.deploy("noted")
    of_their_deployment = await ended(theirs, Completed(), "no changes")
    without_our_tag = await kit.client.create_flow_run_from_deployment(
        kit.ids["noted"], parameters={"word": "x"}
    )
    await kit.client.update_flow_run(without_our_tag.id, tags=["somebody else's"])
    await kit.client.set_flow_run_state(without_our_tag.id, Completed(), force=True)
    yaml = kit.folder / "prefect.yaml"
    deleted = await delete_old_runs(
        kit.client, idle_before=later(), before=later(), prefect_yaml=yaml
    )
    assert deleted == DeletedRuns()
    assert await is_there(kit, of_their_deployment)
    assert await is_there(kit, without_our_tag.id)


async def test_a_server_that_does_not_answer_costs_nothing_but_the_deleting(yaml: Path) -> None:
    async with PrefectClient(f"http://127.0.0.1:{free_port()}/api") as nobody:
        assert (
            await delete_old_runs(nobody, idle_before=later(), before=later(), prefect_yaml=yaml)
            == DeletedRuns()
        )


def test_the_name_of_a_run_that_did_nothing_is_one_of_those_that_go_first() -> None:
    assert str(Report()) in IDLE_NAMES
    assert str(Report(pushed=1)) not in IDLE_NAMES


async def test_the_vacuum_of_our_own_server_leaves_nothing_of_an_old_run(
    kit: RunKit, prefect_home: Path
) -> None:
    await kit.deploy("telling")
    old, young = await worked(kit), await worked(kit)
    await until(_written(prefect_home, old))
    await until(_written(prefect_home, young))
    await asyncio.to_thread(
        _grow_old, prefect_home, old, 8, "flow_run", "events", "event_resources"
    )

    async def deleted() -> bool:
        return not await asyncio.to_thread(_rows, prefect_home, old)

    await until(deleted)
    assert set(await asyncio.to_thread(_rows, prefect_home, young)) == set(_OF_RUN)


async def test_the_retention_flow_deletes_rows_and_runs_and_is_named_after_what_it_did(
    kit: RunKit,
    prefect_home: Path,
    database: URL,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database.render_as_string(hide_password=False))
    monkeypatch.setenv("NOTION_API_TOKEN", "ntn_of_nobody")
    async with sessions.begin() as session:
        delivery = Delivery(event_id="old", event_type="page.created", page_id="p", payload={})
        await put(session, delivery, now=EVER, correlation_id="c")
        await session.execute(
            text("UPDATE webhook_events SET processed = true, processed_at = received_at")
        )
    await bootstrap()
    for name in ("push", "retention"):
        kit.ids[name] = (await kit.client.read_deployment_by_name(f"{name}/{name}")).id
        await kit.client.pause_deployment(kit.ids[name])  # nothing is to fall due meanwhile
    idle = await ended(kit, Completed(), "no changes", flow="push")
    await asyncio.to_thread(_grow_old, prefect_home, idle, 2, "flow_run")
    async with WarmWorker(work_pool_name=POOL, name=kit.pool, prefetch_seconds=0) as worker:
        dry_run = await kit.ask_for("retention", dry_run=True)
        dry = await kit.reaches(dry_run, "Completed", worker=worker)
        first = await kit.reaches(await kit.ask_for("retention"), "Completed", worker=worker)
        second = await kit.reaches(await kit.ask_for("retention"), "Completed", worker=worker)
        await close_connections()
    assert dry.name == "would delete 1 events, 1 idle runs"
    assert first.name == "deleted 1 events, 1 idle runs"
    assert second.name == "no changes"
    assert not await is_there(kit, idle)


_OF_RUN = {
    "flow_run": "id = :run",
    "flow_run_state": "flow_run_id = :run",
    "task_run": "flow_run_id = :run",
    "log": "flow_run_id = :run",
    "artifact": "flow_run_id = :run",
    "events": "resource_id = 'prefect.flow-run.' || :run "
    "OR related LIKE '%prefect.flow-run.' || :run || '%'",
    "event_resources": "resource_id = 'prefect.flow-run.' || :run",
}


def _written(home: Path, run: UUID) -> Any:
    async def complete() -> bool:
        return set(await asyncio.to_thread(_rows, home, run)) == set(_OF_RUN)

    return complete


def _rows(home: Path, run: UUID) -> dict[str, int]:
    """How many rows the server's database holds of a run, by table; only tables that hold some."""
    with closing(sqlite3.connect(home / "prefect.db", timeout=30)) as database:
        found = {
            table: database.execute(
                f"SELECT count(*) FROM {table} WHERE {which}", {"run": str(run)}
            ).fetchone()[0]
            for table, which in _OF_RUN.items()
        }
    return {table: count for table, count in found.items() if count}


def _grow_old(home: Path, run: UUID, days: int, *tables: str) -> None:
    """Days pass for a run, in those tables."""
    with closing(sqlite3.connect(home / "prefect.db", timeout=30)) as database, database:
        moments = {"flow_run": "end_time", "events": "occurred", "event_resources": "occurred"}
        for table in tables:
            column = moments[table]
            older = f"datetime({column}, '-{days} days') || '.000000'"
            change = f"UPDATE {table} SET {column} = {older} WHERE {_OF_RUN[table]}"
            assert database.execute(change, {"run": str(run)}).rowcount
