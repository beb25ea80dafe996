"""A video produced through Prefect: one run per step, each with its name, tags, table and link."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import yaml
from kit.makers import PRICE
from kit.own_production import LOCAL, OwnProduction
from kit.processes.prefect_runs import RunKit
from kit.waiting import until
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun

from flows import collect, dispatch, produce
from flows.runs import production as production_runs
from flows.runs.requests import request_run
from flows.runtime.bootstrap import bootstrap
from flows.runtime.warm_worker import WarmWorker
from flows.server.deployment_spec import PREFECT_YAML

OURS = ("dispatch", "produce", "collect")


def without_schedules(folder: Path, pool: str) -> Path:
    """Our deployments of production in a pool of this test's own, started by nothing else."""
    whole = yaml.safe_load(PREFECT_YAML.read_text())
    kept = [each for each in whole["deployments"] if each["name"] in OURS]
    for each in kept:
        each.pop("schedules", None)
        each["work_pool"] = {"name": pool}
    path = folder / "prefect.yaml"
    path.write_text(yaml.safe_dump({"pull": [], "deployments": kept}))
    return path


@pytest.fixture
async def worker(kit: RunKit, own: OwnProduction, monkeypatch: pytest.MonkeyPatch) -> WarmWorker:
    """A worker in this process, whose flows use the test's database, makers and clock."""
    flows: tuple[ModuleType, ...] = (dispatch, produce, collect)
    for module in flows:
        monkeypatch.setattr(module, "connections", lambda: own.ctx)
    monkeypatch.setattr(production_runs, "COLLECT_EVERY", production_runs.COLLECT_EVERY / 10_000)
    await bootstrap(without_schedules(kit.folder, kit.pool), pool=kit.pool)
    return WarmWorker(work_pool_name=kit.pool, name=kit.pool, prefetch_seconds=0)


async def runs_of(kit: RunKit, step: str) -> list[FlowRun]:
    tagged = FlowRunFilter(tags=FlowRunFilterTags(all_=["showrunner", "deep_sea", step]))
    return await kit.client.read_flow_runs(flow_run_filter=tagged)


async def test_every_step_is_a_run_with_its_name_tags_table_and_progress(
    kit: RunKit, own: OwnProduction, worker: WarmWorker
) -> None:
    await own.channel(makers={**LOCAL, "assets": "service"}, pieces_at_once={"service": 3})
    task = await own.add()
    async with worker:
        await request_run("dispatch/dispatch")

        async def stands_in(column: str) -> bool:
            await worker.get_and_submit_flow_runs()
            return await own.column(task) == column

        await until(lambda: stands_in("Composites Ready"))
        await own.move(task, "Videos Generating")
        await request_run("dispatch/dispatch")
        await until(lambda: stands_in("Ready for Review"))
        assets = sorted(run.name for run in await runs_of(kit, "assets"))
        assert assets == ["squid · assets · round 1 · try 1", "squid · assets · round 1 · try 2"]
        for step in ("composites", "videos", "audio", "sfx", "assembly"):
            (run,) = await runs_of(kit, step)
            assert run.name == f"squid · {step} · round 1 · try 1"
            assert run.idempotency_key == f"{task}:{step}:1:1"
            ended = await kit.reaches(run.id, "Completed")
            of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[ended.id]))
            shown = await kit.client.read_artifacts(artifact_filter=of_run)
            assert {one.key for one in shown} == {f"{step}-pieces", f"{step}-progress"}
    assert (own.service.submits, await own.spent()) == (3, 3 * PRICE)
