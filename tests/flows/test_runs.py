"""What a flow tells the run it is in, and that it does without one."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kit.processes.prefect_runs import RunKit
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from stand_ins import CALLS, doubled, telling

from flows.runs.api import is_superseded
from flows.runtime.warm_worker import WarmWorker

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_called() -> None:
    CALLS.clear()


async def test_a_run_is_named_after_what_it_did_and_has_its_table(kit: RunKit) -> None:
    await kit.deploy("telling")
    async with WarmWorker(work_pool_name=kit.pool, name=kit.pool, prefetch_seconds=0) as worker:
        run = await kit.reaches(await kit.ask_for("telling"), "Completed", worker=worker)
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    tables = await kit.client.read_artifacts(artifact_filter=of_run)
    assert run.name == "did 2 things"
    assert [(table.key, table.description) for table in tables] == [("stand-in", "What it did.")]
    assert [said for said, _ in CALLS] == ["superseded False", "doubled 8"]


async def test_outside_of_a_run_a_flows_body_runs_as_plain_functions() -> None:
    await telling.fn()
    assert [said for said, _ in CALLS] == ["superseded False", "doubled 8"]
    assert await doubled(1) == 2


def test_every_task_stands_in_the_docstring_of_a_flow() -> None:
    root = Path(__file__).parents[2]
    sources = [*root.glob("tasks/**/*.py"), *root.glob("flows/*.py")]
    tasks = {
        name for path in sources for name in re.findall(r'@step\(\s*"(\w+)"', path.read_text())
    }
    flows = "".join(
        ast.get_docstring(ast.parse(f.read_text())) or "" for f in root.glob("flows/*.py")
    )
    assert len(tasks) > 10
    assert {name for name in tasks if f"`{name}`" not in flows} == set()


@pytest.mark.parametrize(
    ("late", "auto_scheduled", "superseded"),
    [
        (timedelta(seconds=-1), True, False),
        (timedelta(seconds=60), True, False),
        (timedelta(seconds=61), True, True),
        (timedelta(seconds=61), False, False),
    ],
    ids=["early", "within the interval", "a later one is due", "asked for by people"],
)
def test_only_a_scheduled_run_is_superseded_when_the_next_is_due(
    late: timedelta, *, auto_scheduled: bool, superseded: bool
) -> None:
    run = FlowRun.model_construct(auto_scheduled=auto_scheduled, expected_start_time=NOON)
    with FlowRunContext.model_construct(flow_run=run):
        assert is_superseded(timedelta(seconds=60), now=NOON + late) is superseded
