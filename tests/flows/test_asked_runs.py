"""Commands beside a Prefect server: runs of the deployments, watched from the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from kit.processes.ports import free_port
from kit.processes.prefect_runs import RunKit
from kit.waiting import until
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.states import Completed, Failed, Running
from pydantic import SecretStr

from cli.interrupts import Interrupted
from cli.stack.deployment_runs import Deployment, EndedRun
from models.errors import GiveUp
from models.settings import Settings


def settings(url: str) -> Settings:
    return Settings(
        _env_file=None, prefect_api_url=url, database_url=SecretStr("postgresql://nowhere/none")
    )


async def worker_is_there(kit: RunKit) -> None:
    await kit.client.send_worker_heartbeat(kit.pool, "a worker", heartbeat_interval_seconds=30)


async def run_made(kit: RunKit, flow: str) -> UUID:
    only = DeploymentFilter(id=DeploymentFilterId(any_=[kit.ids[flow]]))

    async def find_run() -> UUID | None:
        runs = await kit.client.read_flow_runs(deployment_filter=only)
        return runs[0].id if runs else None

    return await until(find_run)


@asynccontextmanager
async def asked_for(
    kit: RunKit, url: str, say: Callable[[str], None] = lambda _: None
) -> AsyncIterator[tuple[asyncio.Task[EndedRun], UUID]]:
    """A command that asked for a run and watches it, and that run."""
    await kit.deploy("noted")
    await worker_is_there(kit)
    async with Deployment.found(f"noted/{kit.pool}", settings(url)) as found:
        assert found is not None
        watching = asyncio.create_task(found.run({"word": "hello"}, say))
        yield watching, await run_made(kit, "noted")


async def test_the_run_is_the_deployments_and_the_terminal_says_what_becomes_of_it(
    kit: RunKit, prefect_server: str
) -> None:
    said: list[str] = []
    async with asked_for(kit, prefect_server, said.append) as (asked, run):
        await kit.client.set_flow_run_state(run, Running(), force=True)
        await kit.client.set_flow_run_name(run, "pushed 3")
        await kit.client.set_flow_run_state(run, Completed(), force=True)
        assert (await asked).name == "pushed 3"
    assert said[0] == f"Prefect runs it: {prefect_server.removesuffix('/api')}/runs/flow-run/{run}"
    assert said[-1] == "  Completed"


async def test_a_run_that_fails_is_a_failed_command_with_the_runs_reason(
    kit: RunKit, prefect_server: str
) -> None:
    async with asked_for(kit, prefect_server) as (asked, run):
        await kit.client.set_flow_run_state(
            run, Failed(message="the token was revoked"), force=True
        )
        with pytest.raises(GiveUp, match="ended as Failed: the token was revoked"):
            await asked


async def test_who_stops_looking_is_told_that_the_run_goes_on_and_it_does(
    kit: RunKit, prefect_server: str
) -> None:
    async with asked_for(kit, prefect_server) as (asked, run):
        asked.cancel()
        with pytest.raises((Interrupted, asyncio.CancelledError)):
            await asked
    assert await kit.state(run) in {"Scheduled", "Pending", "Late"}


async def test_without_a_server_a_deployment_or_a_worker_it_is_done_by_hand(
    kit: RunKit, prefect_server: str
) -> None:
    await kit.deploy("noted")
    nobody = settings(f"http://127.0.0.1:{free_port()}/api")
    for name, known in (
        ("noted", nobody),
        ("unknown", settings(prefect_server)),
        ("noted", settings(prefect_server)),
    ):
        async with Deployment.found(f"{name}/{kit.pool}", known) as found:
            assert found is None
