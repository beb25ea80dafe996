"""A sandbox in a process of its own, for Notion clients of other projects."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from notion_client import Client
from notion_client.client import RetryOptions
from python_stage import VERSION, Board, make_board


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """base_url, bot_token, person_token, root_page_id of the sandbox."""
    folder = tmp_path_factory.mktemp("sandbox")
    options = ("--port", "0", "--requests-per-minute", "1000000", "--aggregation-seconds", "0")
    command = [sys.executable, "-m", "notion_sandbox", "--state", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("Sandbox at http://127.0.0.1:")
        yield json.loads((folder / "sandbox.json").read_text())
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def control_client(facts: dict[str, Any]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=facts["base_url"], trust_env=False) as client:
        yield client


@pytest.fixture
def control(control_client: httpx.Client) -> Iterator[httpx.Client]:
    """The sandbox's own endpoints; faults are removed after the test."""
    yield control_client
    control_client.delete("/sandbox/faults")


@pytest.fixture(scope="session")
def notion(facts: dict[str, Any]) -> Iterator[Client]:
    """notion-client as the connection, with retries after milliseconds only."""
    retries = RetryOptions(max_retries=2, initial_retry_delay_ms=1, max_retry_delay_ms=5)
    options = {"base_url": facts["base_url"], "notion_version": VERSION, "retry": retries}
    with Client(auth=facts["bot_token"], **options) as client:
        yield client


@pytest.fixture
def board(notion: Client, facts: dict[str, Any]) -> Board:
    """A database made for this test."""
    return make_board(notion, facts["root_page_id"])
