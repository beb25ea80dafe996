"""kill -9 of the worker while a video is made by four services: each charges once."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from crash_stack import Crashing
from kit.processes.ports import free_ports
from kit.processes.programs import Up
from kit.stage import CHANNELS
from kit.waiting import until

pytestmark = [pytest.mark.timeout(900), pytest.mark.prove]

TITLE = "Why bread rises"
KILLED_AFTER = {"gemini": 2, "kling": 1, "elevenlabs": 2}
"""By service: after how many of its charges the worker is killed, once each."""
CLIPS = 3
CENT = Decimal("0.01")
SECONDS = 600.0
"""Within which the film is there; after a kill an unanswered order is looked for during minutes."""
COLUMN = "SELECT board_status FROM tasks WHERE title = %s"
PORTS = ("PREFECT_PORT", "SANDBOX_PORT", "RECEIVER_PORT", "WORKER_API_PORT", "STUDIO_PORT")


@pytest.fixture
async def producing(tmp_path: Path) -> AsyncIterator[Crashing]:
    """`showrunner up` without any key: a sandbox board, and emulated services."""
    shutil.copytree(CHANNELS, tmp_path / "channel_configs")
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "NOTION_"))
    }
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    made = Crashing(Up(tmp_path, mine | ports))
    try:
        await made.up.start()
        await until(lambda: made.up.rows(COLUMN, TITLE), SECONDS)
        yield made
    finally:
        await made.end()


async def test_a_worker_that_is_killed_again_and_again_pays_for_each_piece_once(
    producing: Crashing, tell: Callable[[str], None]
) -> None:
    began, left = time.monotonic(), dict(KILLED_AFTER)
    _move(producing, "Queued")

    async def is_reviewed() -> bool:
        charged = Counter(row["service"] for row in _ledger(producing))
        for service in [name for name, count in left.items() if charged[name] >= count]:
            del left[service]
            await producing.comes_back("worker", producing.kill("worker"))
        column = _column(producing)
        if column == "Composites Ready":
            _move(producing, "Videos Generating")
        elif column.startswith("Error"):
            _move(producing, "Queued")
        return column == "Ready for Review"

    await until(is_reviewed, SECONDS)
    ledger, booked = _ledger(producing), _booked(producing)
    charged = sum(Decimal(str(row["usd"])) for row in ledger)
    tell(
        f"killed {len(KILLED_AFTER)} times, reviewed after {time.monotonic() - began:.0f} s: "
        f"{len(ledger)} charges, {charged:.6f} USD in the ledger and {booked:.6f} booked"
    )
    assert left == {}
    assert abs(booked - charged) < CENT
    by_piece = Counter(row["fingerprint"] for row in ledger)
    assert max(by_piece.values()) <= 2, "once more at most, when its answer was lost"
    assert [row["service"] for row in ledger].count("kling") == CLIPS, "a job can be looked up"


def _column(producing: Crashing) -> str:
    return str(producing.up.rows(COLUMN, TITLE)[0][0])


def _booked(producing: Crashing) -> Decimal:
    return Decimal(producing.up.rows("SELECT sum(counted) FROM spends")[0][0])


def _ledger(producing: Crashing) -> list[dict[str, Any]]:
    port = producing.up.environment["STUDIO_PORT"]
    with httpx.Client(trust_env=False) as client:
        found = client.get(f"http://127.0.0.1:{port}/control/ledger").raise_for_status().json()
    charges: list[dict[str, Any]] = found["charges"]
    return charges


def _move(producing: Crashing, column: str) -> None:
    """A person moves the card."""
    with psycopg.connect(producing.up.database) as connection:
        connection.execute("SELECT set_config('showrunner.actor', 'person:ada', true)")
        connection.execute("UPDATE tasks SET board_status = %s WHERE title = %s", (column, TITLE))
