"""A sandbox in a process of its own, for clients that nobody here wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """base_url, bot_token, person_token, root_page_id of the sandbox."""
    folder = tmp_path_factory.mktemp("sandbox")
    options = ("--port", "0", "--requests-per-minute", "1000000", "--aggregation-seconds", "0")
    command = [sys.executable, "-m", "sandbox", "--state", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("Sandbox at http://127.0.0.1:")
        yield json.loads((folder / "sandbox.json").read_text())
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def control(facts: dict[str, Any]) -> Iterator[httpx.Client]:
    """The sandbox's own endpoints; faults are over after the test."""
    with httpx.Client(base_url=facts["base_url"], trust_env=False) as client:
        yield client
        client.delete("/sandbox/faults")
