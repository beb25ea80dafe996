"""A real Prefect server as fixtures, which a folder's `conftest.py` imports if it needs one.

    from kit.processes.prefect_server import prefect_api, prefect_server  # noqa: F401

`prefect_server` is the API's URL of a server with our own settings, one per test run. It takes
7 to 20 s to start.
`prefect_api` also points this process's Prefect at it, for the length of a test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from flows.server.prefect_settings import client_environment, server_environment
from kit.processes.ports import free_port

START_SECONDS = 90.0
"""A cold first start with migrations on a busy machine."""


def wait_until_healthy(api_url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server answers; fail with its log when it dies or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{api_url}/health", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    pytest.fail(f"Prefect's server did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def prefect_home() -> Iterator[Path]:
    """Where the server of `prefect_server` keeps its database, `prefect.db`."""
    home = Path(tempfile.mkdtemp(prefix="showrunner prefect "))
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def prefect_server(prefect_home: Path) -> Iterator[str]:
    """API URL of a Prefect server of this test run's own, e.g. http://127.0.0.1:40123/api."""
    home, port = prefect_home, free_port()
    api_url = f"http://127.0.0.1:{port}/api"
    log = home / "server.log"
    mine = {
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "5",
    }
    environment = os.environ | server_environment(home, port) | mine
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.server.prefect_server"],
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        wait_until_healthy(api_url, process, log)
        yield api_url
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def prefect_api(prefect_server: str) -> Iterator[str]:
    """The server's API URL, which this process's Prefect talks to during the test.

    Its logs are not sent there.
    """
    with temporary_settings(
        {PREFECT_API_URL: prefect_server, PREFECT_LOGGING_TO_API_ENABLED: False}
    ):
        yield prefect_server


@pytest.fixture(scope="session")
def prefect_process_environment(prefect_server: str) -> dict[str, str]:
    """The environment for a child process that runs flows or calls Prefect's commands."""
    return os.environ | client_environment(prefect_server, poll_seconds=0.2, log_style="json")
