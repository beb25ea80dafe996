"""Bootstrap of a real Prefect server, and how Prefect reads `prefect.yaml` and our environment."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kit.processes.ports import free_port
from kit.processes.prefect_runs import RunKit
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.flows import load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.runs.production import deployment_of
from flows.runtime.bootstrap import bootstrap
from flows.server.automations import automations
from flows.server.deployment_spec import POOL, PRODUCE, Declared, read_declared
from flows.server.prefect_settings import client_environment, server_environment
from models.errors import GiveUp, TryAgain
from models.production.steps import Step
from models.settings import Settings

DECLARED = read_declared()
EVERY_MINUTE = [
    {
        "interval": 60,
        "anchor_date": "2026-01-01T00:00:00+00:00",
        "timezone": "UTC",
        "slug": "every-minute",
    }
]


async def everything(kit: RunKit) -> dict[str, Any]:
    """All that a bootstrap may write, with the moments of its last writing.

    Other tests' pools are left out: Prefect writes to them when their workers fall silent.
    """
    deployments = await kit.client.read_deployments(limit=200)
    return {
        "pools": [
            pool.model_dump(mode="json", exclude={"status"})
            for pool in await kit.client.read_work_pools()
            if pool.name == kit.pool
        ],
        "deployments": [
            each.model_dump(mode="json", exclude={"status", "last_polled"})
            for each in deployments
            if each.work_pool_name == kit.pool
        ],
        "automations": [
            each.model_dump(mode="json") for each in await kit.client.read_automations()
        ],
    }


async def test_twice_is_as_once(kit: RunKit) -> None:
    path = kit.prefect_yaml("noted", "held", schedules=EVERY_MINUTE)
    first = await bootstrap(path, pool=kit.pool)
    before = await everything(kit)
    second = await bootstrap(path, pool=kit.pool)
    assert (first.pools, first.deployments) == ([kit.pool], [kit.pool, kit.pool])
    assert not second
    assert await everything(kit) == before


async def test_what_people_paused_stays_paused(kit: RunKit) -> None:
    path = kit.prefect_yaml("noted", schedules=EVERY_MINUTE)
    await bootstrap(path, pool=kit.pool)
    deployment = await kit.client.read_deployment_by_name(f"noted/{kit.pool}")
    await kit.client.pause_deployment(deployment.id)
    assert not await bootstrap(path, pool=kit.pool)
    assert (await kit.client.read_deployment(deployment.id)).paused


async def test_what_was_changed_by_hand_is_as_declared_again(kit: RunKit) -> None:
    path = kit.prefect_yaml("noted", "held")
    await bootstrap(path, pool=kit.pool)
    deployment = await kit.client.read_deployment_by_name(f"noted/{kit.pool}")
    await kit.client.update_deployment(deployment.id, DeploymentUpdate(description="typed over"))
    assert (await bootstrap(path, pool=kit.pool)).deployments == [kit.pool]
    again = await kit.client.read_deployment_by_name(f"noted/{kit.pool}")
    assert (again.id, again.description) == (deployment.id, "The stand-in flow noted.")


async def test_a_twin_of_an_automation_is_removed_and_a_changed_one_restored(kit: RunKit) -> None:
    path = kit.prefect_yaml("noted")
    await bootstrap(path, pool=kit.pool)
    wanted = automations()
    await kit.client.create_automation(wanted[0].model_copy(update={"description": "made by hand"}))
    assert await bootstrap(path, pool=kit.pool)
    there = await kit.client.read_automations()
    assert sorted(each.name for each in there) == sorted(each.name for each in wanted)
    assert {each.description for each in there} == {each.description for each in wanted}
    assert not await bootstrap(path, pool=kit.pool)


async def test_deploying_by_hand_leaves_nothing_to_do_and_stores_no_folder(kit: RunKit) -> None:
    path = kit.prefect_yaml("noted", "held", schedules=EVERY_MINUTE)
    await bootstrap(path, pool=kit.pool)
    await asyncio.to_thread(
        subprocess.run,
        [
            sys.executable,
            "-m",
            "prefect",
            "--no-prompt",
            "deploy",
            "--all",
            "--prefect-file",
            path.name,
        ],
        env=kit.environment,
        cwd=kit.folder,
        capture_output=True,
        check=True,
    )
    deployment = await kit.client.read_deployment_by_name(f"noted/{kit.pool}")
    assert not deployment.pull_steps
    assert not deployment.path
    assert not await bootstrap(path, pool=kit.pool)


async def test_our_own_deployments_are_made_with_their_limits(kit: RunKit) -> None:
    await bootstrap()
    for declared in DECLARED:
        flow = load_flow_from_entrypoint(declared.entrypoint, use_placeholder_flow=False)
        there = await kit.client.read_deployment_by_name(f"{flow.name}/{declared.name}")
        await kit.client.pause_deployment(
            there.id
        )  # nobody is there to run what falls due during the tests
        assert there.work_pool_name == POOL
        assert there.global_concurrency_limit is not None
        assert there.global_concurrency_limit.limit == declared.concurrency_limit.limit
        assert "showrunner" in there.tags


@pytest.mark.parametrize("declared", DECLARED, ids=[declared.name for declared in DECLARED])
def test_every_entrypoint_is_an_async_flow_named_like_its_deployment(declared: Declared) -> None:
    flow = load_flow_from_entrypoint(declared.entrypoint, use_placeholder_flow=False)
    assert flow.name == declared.name
    assert flow.isasync
    assert not flow.isgenerator


async def test_a_step_may_have_a_work_pool_of_the_operator(kit: RunKit) -> None:
    with pytest.raises(GiveUp, match="prefect work-pool create heavy --type process"):
        await bootstrap(step_pools={"assembly": "heavy"})
    with pytest.raises(GiveUp, match="names the step cutting; the steps are assets, "):
        await bootstrap(step_pools={"cutting": "heavy"})
    await kit.client.create_work_pool(WorkPoolCreate(name="heavy", type="process"))
    assert (await bootstrap(step_pools={"assembly": "heavy", "sfx": POOL})).deployments == [
        "produce-heavy"
    ]
    assert not await bootstrap(step_pools={"assembly": "heavy"})
    there = await kit.client.read_deployment_by_name("produce/produce-heavy")
    assert there.work_pool_name == "heavy"
    settings = Settings(_env_file=None, production_work_pools="assembly=heavy, sfx=showrunner")
    assert deployment_of(settings, Step.ASSEMBLY) == "produce/produce-heavy"
    assert deployment_of(settings, Step.SFX) == deployment_of(settings, Step.AUDIO) == PRODUCE


async def test_a_server_that_does_not_answer_may_be_tried_again() -> None:
    nobody = temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"})
    with nobody, pytest.raises(TryAgain, match="does not answer"):
        await bootstrap()


async def test_a_flow_that_cannot_be_loaded_is_named(kit: RunKit) -> None:
    with pytest.raises(GiveUp, match=r"stand_ins:missing cannot be loaded"):
        await bootstrap(kit.prefect_yaml("missing"), pool=kit.pool)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("pull: []", "deployments: Field required"),
        ("deployments: [{name: x}]", "pull: Field required"),
        (
            "pull: []\ndeployments: [{nmae: x}]",
            "deployments.0.nmae: Extra inputs are not permitted",
        ),
        ("pull: [", "cannot be read"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_place(
    text: str, fault: str, tmp_path: Path
) -> None:
    path = tmp_path / "prefect.yaml"
    path.write_text(text)
    with pytest.raises(GiveUp, match=fault):
        read_declared(path)


def test_prefect_understands_every_variable_of_both_environments(tmp_path: Path) -> None:
    ours = server_environment(tmp_path, 4321) | client_environment("http://127.0.0.1:4321/api")
    program = (
        "import json; from prefect.settings import get_current_settings;"
        "settings = get_current_settings();"
        "print(json.dumps(settings.to_environment_variables("
        "exclude_unset=True, include_secrets=True)))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean | ours,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    understood = set(json.loads(done.stdout.splitlines()[-1]))
    not_prefects = {"DO_NOT_TRACK", "PREFECT_LOGGING_FORMATTERS_LINES_STYLE"}
    assert set(ours) - not_prefects - understood == set()
