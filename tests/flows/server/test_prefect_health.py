"""What the doctor says of Prefect's server: each trouble is one red line, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kit.processes.prefect_runs import RunKit
from kit.waiting import until
from prefect.client.schemas.actions import (
    DeploymentUpdate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolUpdate,
)

from flows.runtime.bootstrap import bootstrap
from flows.server.automations import automations
from flows.server.health import NAMES, prefect_checks
from models.operations.health.check import Check, State
from models.settings import Settings
from tasks.operations.health import prefect_server

EVERY_MINUTE = [
    {
        "interval": 60,
        "anchor_date": "2026-01-01T00:00:00+00:00",
        "timezone": "UTC",
        "slug": "every-minute",
    }
]
NIGHTLY = [{"cron": "17 3 * * *", "timezone": "UTC", "slug": "nightly"}]


@pytest.fixture
async def declared(kit: RunKit) -> Path:
    """A server with everything that a bootstrap makes."""
    path = kit.prefect_yaml("noted", "held", limit=2, schedules=EVERY_MINUTE)
    await bootstrap(path, pool=kit.pool)
    return path


async def read_checks(api: str, path: Path) -> dict[str, Check]:
    log = Path("logs/worker.log")
    found = await prefect_checks(
        api, auth=None, worker_log=log, now=datetime.now(UTC), prefect_yaml=path
    )
    assert [check.name for check in found] == list(NAMES)
    return {check.name: check for check in found}


def red(found: dict[str, Check]) -> set[str]:
    return {name for name, check in found.items() if check.state is State.FAIL}


async def test_with_a_worker_everything_is_green_and_without_one_only_the_worker_is_red(
    kit: RunKit, prefect_api: str, declared: Path
) -> None:
    alone = await read_checks(prefect_api, declared)
    assert red(alone) == {"worker"}
    assert alone["worker"].facts == f"none is alive in the work pool {kit.pool}"
    assert "showrunner up" in alone["worker"].cures[0]
    assert "logs/worker.log" in alone["worker"].cures[0]
    with kit.worker_process() as process:

        async def all_green() -> dict[str, Check] | None:
            found = await read_checks(prefect_api, declared)
            return found if {check.state for check in found.values()} == {State.OK} else None

        found = await until(all_green)
        assert found["worker"].facts.startswith(
            f"1 online in the work pool {kit.pool}, last heartbeat "
        )
        process.kill()
        process.wait()
        assert red(await read_checks(prefect_api, declared)) == {
            "worker"
        }  # at once, though Prefect still believes in it


async def test_a_paused_deployment_is_red_with_the_page_that_switches_it_on(
    kit: RunKit, prefect_api: str, declared: Path
) -> None:
    deployment = await kit.client.read_deployment_by_name(f"noted/{kit.pool}")
    await kit.client.pause_deployment(deployment.id)
    check = (await read_checks(prefect_api, declared))["deployments"]
    assert (check.state, check.facts) == (State.FAIL, f"{kit.pool} is paused")
    ui = prefect_api.removesuffix("/api")
    assert check.cures == (f"Switch it on: {ui}/deployments/deployment/{deployment.id}",)


@pytest.mark.parametrize(
    ("schedules", "state"), [(EVERY_MINUTE, State.FAIL), (NIGHTLY, State.WARN)]
)
async def test_a_schedule_that_is_switched_off_is_red_and_a_nightly_one_yellow(
    kit: RunKit, prefect_api: str, schedules: list[dict[str, Any]], state: State
) -> None:
    path = kit.prefect_yaml("noted", schedules=schedules)
    await bootstrap(path, pool=kit.pool)
    deployment = await kit.client.read_deployment_by_name(f"noted/{kit.pool}")
    (schedule,) = await kit.client.read_deployment_schedules(deployment.id)
    await kit.client.update_deployment_schedule(deployment.id, schedule.id, active=False)
    check = (await read_checks(prefect_api, path))["deployments"]
    assert (check.state, check.facts) == (state, f"the schedule of {kit.pool} is switched off")


async def test_a_deployment_that_is_missing_changed_or_elsewhere_is_named(
    kit: RunKit, prefect_api: str, declared: Path
) -> None:
    noted = await kit.client.read_deployment_by_name(f"noted/{kit.pool}")
    await kit.client.update_deployment(noted.id, DeploymentUpdate(description="typed over"))
    check = (await read_checks(prefect_api, declared))["deployments"]
    assert (check.state, check.facts) == (
        State.WARN,
        f"{kit.pool} is not as prefect.yaml declares it",
    )
    await kit.client.delete_deployment(noted.id)
    check = (await read_checks(prefect_api, declared))["deployments"]
    assert (check.state, check.facts) == (State.FAIL, f"{kit.pool} is missing")
    assert "python -m flows.runtime.worker --bootstrap" in check.cures[0]


async def test_a_paused_work_pool_is_named_with_the_command_that_resumes_it(
    kit: RunKit, prefect_api: str, declared: Path
) -> None:
    await kit.client.update_work_pool(kit.pool, WorkPoolUpdate(is_paused=True))
    check = (await read_checks(prefect_api, declared))["worker"]
    assert f"the work pool {kit.pool} is paused" in check.facts
    assert f"`PREFECT_API_URL={prefect_api} prefect work-pool resume {kit.pool}`" in check.cures


async def test_slots_that_no_run_holds_are_yellow_and_red_when_none_is_left(
    kit: RunKit, prefect_api: str, declared: Path
) -> None:
    limit = (await kit.client.read_deployment_by_name(f"noted/{kit.pool}")).global_concurrency_limit
    assert limit is not None
    for taken, state in ((0, State.OK), (1, State.WARN), (2, State.FAIL)):
        await kit.client.update_global_concurrency_limit(
            limit.name, GlobalConcurrencyLimitUpdate(active_slots=taken)
        )
        check = (await read_checks(prefect_api, declared))["limits"]
        assert check.state is state
    assert check.facts == f"2 of 2 slots of {limit.name} held by no run"
    assert f"global-concurrency-limit update '{limit.name}' --active-slots 0`" in check.cures[0]


async def test_an_automation_that_was_switched_off_is_yellow(
    kit: RunKit, prefect_api: str, declared: Path
) -> None:
    (automation,) = await kit.client.read_automations_by_name(automations()[0].name)
    await kit.client.pause_automation(automation.id)
    check = (await read_checks(prefect_api, declared))["limits"]
    await kit.client.resume_automation(automation.id)
    assert check.state is State.WARN
    assert check.facts.startswith("1 automation(s) that crash dead runs")


async def test_a_server_without_any_of_it_says_what_makes_it(kit: RunKit, prefect_api: str) -> None:
    found = await read_checks(prefect_api, kit.prefect_yaml("noted"))
    assert red(found) == {"deployments", "worker"}
    assert found["worker"].facts == f"there is no work pool {kit.pool}"
    assert all("--bootstrap" in found[name].cures[0] for name in ("deployments", "worker"))


async def test_the_server_tells_its_version_and_another_address_is_red(prefect_api: str) -> None:
    check = await prefect_server(Settings(_env_file=None, prefect_api_url=prefect_api))  # type: ignore[call-arg]
    assert check.state is State.OK
    assert check.facts.startswith(f"version {check.details['version']} at ")
    check = await prefect_server(Settings(_env_file=None, prefect_api_url=f"{prefect_api}/api"))  # type: ignore[call-arg]
    assert (check.state, check.cures) == (
        State.FAIL,
        ("Set PREFECT_API_URL to the API, ending in /api.",),
    )
