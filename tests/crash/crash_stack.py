"""`showrunner up` on a board of its own: kill its processes, and request cycles from Prefect."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from kit.processes.programs import Up
from kit.waiting import until

SECONDS_TO_COME_BACK = 60.0
SECONDS_OF_A_CYCLE = 90.0

ERRORS_OF_A_KIND = 6
"""Of one outage: a few runs that were under way or were due meanwhile fail, each in its own name.
"""


@dataclass
class Crashing:
    """What `showrunner up` runs, and who watches it. The board lives elsewhere, as Notion does."""

    up: Up
    api: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))

    @property
    def state(self) -> Path:
        return self.up.folder / ".showrunner"

    @property
    def prefect(self) -> str:
        return f"http://127.0.0.1:{self.up.environment['PREFECT_PORT']}/api"

    def pid(self, name: str) -> int | None:
        """The current process of that name: a child of `up`, or PostgreSQL's main process."""
        try:
            if name == "postgres":
                return int((self.state / "postgres/postmaster.pid").read_text().split()[0])
            rows = json.loads((self.state / "processes.json").read_text())
            return int(next(row["pid"] for row in rows if row["name"] == name))
        except (OSError, ValueError, IndexError, StopIteration):
            return None

    def kill(self, name: str) -> int:
        """kill -9; the id of the process that is no more."""
        pid = self.pid(name)
        assert pid is not None, f"no {name} is running"
        os.kill(pid, signal.SIGKILL)
        return pid

    async def comes_back(self, name: str, instead_of: int) -> None:
        """Return when another process has taken that one's place and does its work."""
        await until(lambda: self.pid(name) not in {None, instead_of}, SECONDS_TO_COME_BACK)
        receiver = f"http://127.0.0.1:{self.up.environment['RECEIVER_PORT']}/health"
        works = {
            "postgres": self._takes_queries,
            "prefect": lambda: self._answers(f"{self.prefect}/health"),
            "receiver": lambda: self._answers(receiver),
            "worker": lambda: True,
        }
        await until(works[name], SECONDS_TO_COME_BACK)

    def _takes_queries(self) -> bool:
        try:
            return self.up.rows("SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False

    def _answers(self, address: str) -> bool:
        try:
            return self.api.get(address).is_success
        except httpx.HTTPError:
            return False

    def ask_for_a_cycle(self) -> str:
        """A push run, as somebody makes one in Prefect's UI; its id."""
        found = self.api.get(f"{self.prefect}/deployments/name/push/push").raise_for_status().json()
        run = {"state": {"type": "SCHEDULED"}}
        made = self.api.post(f"{self.prefect}/deployments/{found['id']}/create_flow_run", json=run)
        return str(made.raise_for_status().json()["id"])

    async def cycle(self) -> None:
        """One whole cycle.

        A run that found another one under way did none, so it is asked for again.
        """
        deadline = time.monotonic() + SECONDS_OF_A_CYCLE
        while True:
            run = await self.ended(self.ask_for_a_cycle(), deadline - time.monotonic())
            if not run["name"].startswith("superseded"):
                assert run["state_name"] == "Completed", run["state"]
                return

    async def ended(self, run_id: str, seconds: float = SECONDS_OF_A_CYCLE) -> dict[str, Any]:
        """A run once it is over."""

        def over() -> dict[str, Any] | None:
            run = self.run(run_id)
            return (
                run
                if run["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
                else None
            )

        return dict(await until(over, seconds))

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self.api.get(f"{self.prefect}/flow_runs/{run_id}").raise_for_status().json())

    def running_cycles(self) -> list[str]:
        """Ids of the push runs that Prefect believes to be running."""
        asked = {
            "flows": {"name": {"any_": ["push"]}},
            "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}},
        }
        found = (
            self.api.post(f"{self.prefect}/flow_runs/filter", json=asked).raise_for_status().json()
        )
        return [run["id"] for run in found]

    def said(self) -> dict[str, int]:
        """How many bytes our processes have logged so far."""
        return {
            name: (self.state / "logs" / name).stat().st_size
            for name in ("receiver.log", "worker.log")
        }

    def floods(self, before: dict[str, int]) -> list[str]:
        """Errors that were said too often since then, and alerts: nobody has to do anything."""
        events: Counter[str] = Counter()
        for name, position in before.items():
            for line in (
                (self.state / "logs" / name)
                .read_bytes()[position:]
                .decode(errors="replace")
                .splitlines()
            ):
                with suppress(ValueError):
                    facts = json.loads(line)
                    if facts["level"] in {"error", "critical"}:
                        events[f"{name}: {' '.join(facts['event'].split())[:60]}"] += 1
        return [
            f"{count} times {line}"
            for line, count in events.items()
            if count > ERRORS_OF_A_KIND or line.endswith(": alert")
        ]

    async def end(self) -> None:
        """Stop all of it; what does not stop, or was left by something that died, is killed."""
        names = ("worker", "receiver", "prefect", "postgres")
        own = [pid for name in names if (pid := self.pid(name)) is not None]
        processes = [psutil.Process(pid) for pid in own if psutil.pid_exists(pid)]
        try:
            if self.up.process is not None:
                await self.up.stop()
        finally:
            if self.up.process is not None and not self.up.ended():
                self.up.process.kill()
            for process in processes:
                if process.is_running():
                    process.kill()
            self.api.close()
