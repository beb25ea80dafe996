"""Worker and webhook receiver each deliver waiting alerts without the other."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from kit.alerts import Receiver
from kit.clock import NOW
from kit.processes.ports import free_port
from sqlalchemy import URL

from models.postgres.engine import Sessions, libpq
from models.tables.incidents import Incident, Level, open_incident

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
"""How long another process may take to start and to look once."""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(("webhook",), id="webhook receiver"),
        pytest.param(
            ("flows.runtime.worker", "--wait", "50"), id="worker-without-a-prefect-server"
        ),
    ],
)
async def test_a_watching_program_tells_what_waits(
    program: tuple[str, ...], database: URL, sessions: Sessions, receiver: Receiver, tmp_path: Path
) -> None:
    waiting = Incident(
        name="notion_auth", level=Level.CRITICAL, title="The token is wrong", since=NOW, due=NOW
    )
    async with sessions.begin() as session:
        assert await open_incident(session, waiting)
    given = {
        "DATABASE_URL": libpq(database),
        "ALERT_URLS": receiver.url,
        "PREFECT_API_URL": "http://127.0.0.1:9/api",
        "PREFECT_HOME": str(tmp_path),
        "RECEIVER_PORT": str(free_port()),
        "WORKER_API_PORT": str(free_port()),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", *program]
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env=os.environ | given, cwd=tmp_path, stdout=log, stderr=log
        )
    try:
        await asyncio.to_thread(receiver.came.wait, SECONDS)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)
    assert receiver.titles == ["[CRITICAL] Showrunner: The token is wrong"], (
        tmp_path / "log"
    ).read_text()
