"""`showrunner up`: how soon a board is in sync at the second start, and its cost when idle.

The first start fills an empty folder. While all is down a task is moved in the database; the second
start is timed until the command says that it is up and the card shows the move.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from benchmarks.kit.figures import Figure, main
from benchmarks.kit.places import CHANNELS, folder, free_port
from models.postgres.embedded import embedded_postgres
from models.postgres.engine import database_url, libpq

LIMIT, IDLE_SECONDS, SETTLE_SECONDS = 25.0, 60.0, 5.0
_READY, _PATIENCE, _LOOK_EVERY = "Showrunner is up.", 180.0, 0.1
_CARD = "SELECT notion_page_id FROM tasks WHERE notion_page_id IS NOT NULL ORDER BY title LIMIT 1"
GOOD = "SELECT 1 FROM sync_state WHERE key = 'last_good_cycle'"
_MOVE = "UPDATE tasks SET board_status = %s WHERE notion_page_id = %s"


@dataclass
class Up:
    """The running command.

    Attributes:
        began: when the command was given (`time.monotonic`).
    """

    folder: Path
    process: asyncio.subprocess.Process
    output: Path
    began: float

    async def until_up(self) -> None:
        """Return when it says so."""
        while _READY not in (said := self.output.read_text()):
            assert self.process.returncode is None, said
            assert time.monotonic() - self.began < _PATIENCE, said
            await asyncio.sleep(_LOOK_EVERY)

    def database(self) -> str:
        """What libpq connects to."""
        facts = json.loads((self.folder / ".showrunner/up.json").read_text())
        return libpq(database_url(facts["environment"]["DATABASE_URL"]))


@asynccontextmanager
async def up(place: Path, ports: dict[str, str]) -> AsyncIterator[Up]:
    """`showrunner up` in a folder, ended by Ctrl-C."""
    output = place / f"output-{time.monotonic_ns()}"
    ours = ("PREFECT_", "NOTION_", "DATABASE_")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command, began = (
        (sys.executable, "-c", "from cli.__main__ import main; main()", "up"),
        time.monotonic(),
    )
    with output.open("wb") as out:
        running = await asyncio.create_subprocess_exec(
            *command, cwd=place, env=mine | ports, stdout=out, stderr=out
        )
    try:
        yield Up(place, running, output, began)
    finally:
        if running.returncode is None:
            running.send_signal(signal.SIGINT)
        await asyncio.wait_for(running.wait(), 90)


async def first_start(place: Path, ports: dict[str, str]) -> float:
    """Start in an empty folder until all cards are tasks; returns seconds until it was up."""
    async with up(place, ports) as command:
        await command.until_up()
        seconds = time.monotonic() - command.began
        async with await psycopg.AsyncConnection.connect(
            command.database(), autocommit=True
        ) as connection:
            while time.monotonic() - command.began < _PATIENCE:
                if await (await connection.execute(GOOD)).fetchone():
                    return seconds
                await asyncio.sleep(_LOOK_EVERY)
    raise AssertionError("the first cycle did not end well")


def move_a_task(place: Path, to: str) -> str:
    """What a worker does to the database while everything else is down; the card's page."""
    with (
        embedded_postgres(place / ".showrunner/postgres") as url,
        psycopg.connect(libpq(url)) as connection,
    ):
        found = connection.execute(_CARD).fetchone()
        assert found is not None
        connection.execute(_MOVE, [to, found[0]])
        return str(found[0])


async def shows(place: Path, page: str, status: str, deadline: float) -> None:
    """Return when the card shows it."""
    known: dict[str, Any] = json.loads((place / ".showrunner/sandbox/sandbox.json").read_text())
    headers = {"Authorization": f"Bearer {known['person_token']}", "Notion-Version": "2026-03-11"}
    async with httpx.AsyncClient(
        base_url=known["base_url"], headers=headers, trust_env=False
    ) as person:
        while time.monotonic() < deadline:
            card = (await person.get(f"/v1/pages/{page}")).raise_for_status().json()
            if card["properties"]["Status"]["select"]["name"] == status:
                return
            await asyncio.sleep(_LOOK_EVERY)
    raise AssertionError(f"the card does not show {status}")


@dataclass
class Piece:
    """What one part of the stack costs: bytes, and seconds of CPU, over all its processes."""

    memory: int = 0
    busy: float = 0.0


def pieces(top: int) -> dict[str, Piece]:
    """Every process under the command, by what it is.

    Memory is PSS: a page that several share counts once in all.
    """
    found: dict[str, Piece] = {}
    parent = psutil.Process(top)
    others = [each for each in psutil.process_iter() if _is_postgres_of(each, parent)]
    for each in {*parent.children(recursive=True), *others, parent}:
        try:
            name, rollup = _name(each, parent), Path(f"/proc/{each.pid}/smaps_rollup").read_text()
            times = each.cpu_times()
        except (psutil.NoSuchProcess, OSError):
            continue  # it ended just now
        piece = found.setdefault(name, Piece())
        pss = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        piece.memory += 1024 * int(pss[1]) if pss else 0
        piece.busy += times.user + times.system
    return found


def _is_postgres_of(each: psutil.Process, parent: psutil.Process) -> bool:
    """Whether it is that command's embedded server, which detaches itself, or a backend of it."""
    try:
        if each.name() != "postgres":
            return False
        lines = [" ".join(one.cmdline()) for one in (each, each.parent()) if one is not None]
    except psutil.Error:
        return False
    return any(str(Path(parent.cwd()) / ".showrunner/postgres") in line for line in lines)


def _name(each: psutil.Process, parent: psutil.Process) -> str:
    if each.pid == parent.pid:
        return "up itself"
    line = " ".join(each.cmdline())
    names = {
        "flows.server.prefect_server": "Prefect server",
        "flows.runtime.worker": "worker",
        "-m webhook": "receiver",
        "-m notion_sandbox": "sandbox",
    }
    return next((name for mark, name in names.items() if mark in line), each.name())


async def idle(top: int) -> list[Figure]:
    """What the stack costs while nobody does anything but the cycle of every minute."""
    await asyncio.sleep(SETTLE_SECONDS)
    before, began = pieces(top), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    after, minutes = pieces(top), (time.monotonic() - began) / 60
    memory = {name: piece.memory / 2**20 for name, piece in after.items()}
    busy = {
        name: (piece.busy - before.get(name, Piece()).busy) / minutes
        for name, piece in after.items()
    }
    return [
        Figure(
            what="whole stack idle: memory (PSS)",
            limit="measured, the largest pieces named",
            measured=f"{sum(memory.values()):.0f} MiB",
            good=True,
            note=_largest(memory, "{:.0f} MiB"),
        ),
        Figure(
            what="whole stack idle: CPU seconds a minute",
            limit="measured, the largest pieces named",
            measured=f"{sum(busy.values()):.1f} s ({100 * sum(busy.values()) / 60:.0f} % of "
            f"one core)",
            good=True,
            note=_largest(busy, "{:.2f} s"),
        ),
    ]


def _largest(pieces_: dict[str, float], form: str) -> str:
    ordered = sorted(pieces_.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {form.format(value)}" for name, value in ordered)


async def measure() -> Sequence[Figure]:
    """Two starts in one folder."""
    names = ("PREFECT_PORT", "SANDBOX_PORT", "RECEIVER_PORT", "WORKER_API_PORT")
    ports = {name: str(free_port()) for name in names}
    with folder() as place:
        shutil.copytree(CHANNELS, place / "channel_configs")
        first = await first_start(place, ports)
        status = "Assets Generating"
        page = await asyncio.to_thread(move_a_task, place, status)
        async with up(place, ports) as command:
            await command.until_up()
            told = time.monotonic() - command.began
            await shows(place, page, status, command.began + _PATIENCE)
            synced = time.monotonic() - command.began
            costs = await idle(command.process.pid)
    return [
        Figure(
            what="start to first card in sync, second `make up`",
            limit=f"{LIMIT:.0f} s",
            measured=f"{synced:.1f} s",
            good=synced <= LIMIT,
            note=f"It said that it was up after {told:.1f} s; in an empty folder after "
            f"{first:.1f} s.",
        ),
        *costs,
    ]


if __name__ == "__main__":
    main(measure)
