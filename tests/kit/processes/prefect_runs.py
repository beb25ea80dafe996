"""Deployments of stand-in flows in a work pool of one test's own, and waits for their runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun

from flows.runtime.bootstrap import bootstrap
from flows.runtime.warm_worker import WarmWorker
from kit.waiting import until


@dataclass
class RunKit:
    """One test's deployments, workers and runs."""

    client: PrefectClient
    pool: str
    folder: Path
    environment: dict[str, str]
    ids: dict[str, UUID] = field(default_factory=dict)

    def prefect_yaml(self, *flows: str, limit: int = 10, **more: Any) -> Path:
        """A file that declares a deployment of each of the stand-in flows, named after the pool."""
        path = self.folder / "prefect.yaml"
        deployments = [
            {
                "name": self.pool,
                "entrypoint": f"stand_ins:{flow}",
                "description": f"The stand-in flow {flow}.",
                "tags": ["showrunner"],
                "concurrency_limit": {"limit": limit, "collision_strategy": "ENQUEUE"},
                "work_pool": {"name": self.pool},
                **more,
            }
            for flow in flows
        ]
        path.write_text(yaml.safe_dump({"pull": [], "deployments": deployments}))
        return path

    async def deploy(self, *flows: str, limit: int = 10) -> None:
        """Make the deployments."""
        await bootstrap(self.prefect_yaml(*flows, limit=limit), pool=self.pool)
        for flow in flows:
            self.ids[flow] = (await self.client.read_deployment_by_name(f"{flow}/{self.pool}")).id

    async def ask_for(self, flow: str, **parameters: Any) -> UUID:
        """Ask for a run now."""
        return (
            await self.client.create_flow_run_from_deployment(self.ids[flow], parameters=parameters)
        ).id

    async def state(self, run: UUID) -> str:
        """The name of the run's state."""
        state = (await self.client.read_flow_run(run)).state
        assert state is not None
        return str(state.name)

    async def reaches(self, run: UUID, *names: str, worker: WarmWorker | None = None) -> FlowRun:
        """Wait until the run's state has one of the names; meanwhile let the worker poll."""

        async def look() -> FlowRun | None:
            if worker is not None:
                await worker.get_and_submit_flow_runs()
            read = await self.client.read_flow_run(run)
            return read if read.state is not None and read.state.name in names else None

        return await until(look)

    @contextmanager
    def worker_process(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A worker in a process of its own, killed in the end if it still runs."""
        command = [
            sys.executable,
            "-m",
            "flows.runtime.worker",
            "--pool",
            self.pool,
            "--package",
            "stand_ins",
            *arguments,
        ]
        log = self.folder / "worker.log"
        with log.open("ab") as output:
            process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
