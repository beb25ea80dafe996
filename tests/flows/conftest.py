"""Fixtures of the flows' tests: a real Prefect server, and deployments of each test's own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
from kit.own_production import own  # noqa: F401 - a fixture
from kit.processes.prefect_runs import RunKit
from kit.processes.prefect_server import (  # noqa: F401 - fixtures
    prefect_api,
    prefect_home,
    prefect_process_environment,
    prefect_server,
)
from prefect.client.orchestration import get_client

from flows.runtime.warm_worker import WarmWorker

_numbers = count()


@pytest.fixture
async def kit(
    prefect_api: str,  # noqa: F811 - the fixture imported above
    prefect_process_environment: dict[str, str],  # noqa: F811 - the same
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[RunKit]:
    """Deployments and runs in a work pool that no other test uses."""
    assert prefect_api
    environment = prefect_process_environment | {"PYTHONPATH": str(Path(__file__).parent)}
    monkeypatch.setattr(WarmWorker, "packages", WarmWorker.packages | {"stand_ins"})
    async with get_client() as client:
        yield RunKit(
            client=client,
            pool=f"pool-{os.getpid()}-{next(_numbers)}",
            folder=tmp_path,
            environment=environment,
        )
