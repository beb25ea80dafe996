"""The child processes of `showrunner up`: started, restarted, logged to files, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from cli.stack.log_rotation import open_log, rotate
from models.errors import GiveUp
from models.postgres.process_identity import is_running, mark_of

START_SECONDS = 300.0
"""How long a process may take until it answers. A new Prefect server took 140 s on two busy cores;
one that ends is noticed at once."""
STOP_SECONDS = 35.0
"""How long a process may take to stop; the worker lets runs finish for thirty seconds."""
POLL_SECONDS = 0.2
_RESTART_AFTER = (1.0, 2.0, 5.0, 15.0, 30.0)
LOG_CHECK_SECONDS = 5.0
"""Seconds between two checks of a log's size."""


_TITLES = {"prefect": "Prefect's server"}
"""What a message calls a process whose name is no common noun."""


class RestartBackoff:
    """The wait before a process that ended is restarted: longer each time in a row."""

    def __init__(self) -> None:
        self._restarts = 0
        self.started()

    def started(self) -> None:
        """Note that the process was started now."""
        self._started = asyncio.get_running_loop().time()

    def next_wait(self) -> float:
        """Seconds to wait before the next start; the process has just ended."""
        lasted = asyncio.get_running_loop().time() - self._started
        if lasted > _RESTART_AFTER[-1] * 2:
            self._restarts = 0
        wait = _RESTART_AFTER[min(self._restarts, len(_RESTART_AFTER) - 1)]
        self._restarts += 1
        return wait


@dataclass
class Child:
    """One process.

    Attributes:
        name: its name for the operator, e.g. `worker`; its log is `<name>.log`.
        ready: an address that answers 200 once it works; None when it has no such address.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    ready: str | None = None
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            GiveUp: when it ends or does not answer; the message ends with the last line it logged.
        """
        await self.spawn()
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not await self._answers():
            if self.ended:
                raise GiveUp(
                    f"{self._title} ended while starting: {self.last_line()} (log: {self.log})"
                )
            if asyncio.get_running_loop().time() > deadline:
                raise GiveUp(
                    f"{self._title} does not answer after {START_SECONDS:.0f} s (log: {self.log})"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def spawn(self) -> None:
        """Start it without waiting.

        In a session of its own: Ctrl-C on the terminal reaches only its parent.
        """
        rotate(self.log)
        with open_log(self.log) as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Whether it was started and has ended."""
        return self.process is not None and self.process.returncode is not None

    @property
    def _title(self) -> str:
        return _TITLES.get(self.name, f"The {self.name}")

    async def _answers(self) -> bool:
        if self.ready is None:
            return True
        try:
            async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                return (await client.get(self.ready)).is_success
        except httpx.HTTPError:
            return False

    def last_line(self) -> str:
        """The last line that it logged."""
        text = ""
        if self.log.exists():
            text = self.log.read_text(errors="replace").strip()
        return text.rpartition("\n")[2] or "it logged nothing"

    async def keep_alive(self, say: Callable[[str], None], recorded: Callable[[], None]) -> None:
        """Restart it whenever it ends by itself, with growing waits; rotate its log."""
        backoff = RestartBackoff()
        while self.process is not None:
            code = await self._end(self.process)
            wait = backoff.next_wait()
            say(
                f"{self._title} ended ({_how(code)}); starting it again in {wait:.0f} s. Its log: "
                f"{self.log}"
            )
            await asyncio.sleep(wait)
            await self.spawn()
            backoff.started()
            recorded()

    async def _end(self, process: asyncio.subprocess.Process) -> int:
        while True:
            try:
                return await asyncio.wait_for(process.wait(), LOG_CHECK_SECONDS)
            except TimeoutError:
                await asyncio.to_thread(rotate, self.log)

    async def stop(self) -> None:
        """Terminate it; kill it after `STOP_SECONDS`."""
        process = self.process
        self.process = None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def _how(code: int) -> str:
    """How a process ended, by its exit code; that of a signal is negative."""
    if code == -signal.SIGKILL:
        return "killed"
    if code < 0:
        return f"by signal {-code}"
    return f"exit code {code}"


class Ledger:
    """The process ids of the children, in a file, to stop what a killed `up` left behind."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, children: Sequence[Child]) -> None:
        """Record the children that run."""
        running = [
            child
            for child in children
            if child.process is not None and child.process.returncode is None
        ]
        rows = [
            _identity(child.name, child.process.pid)
            for child in running
            if child.process is not None
        ]
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps([row for row in rows if row]))
        draft.replace(self._path)

    async def stop_leftovers(self) -> list[str]:
        """Stop what an earlier run left; return the names of what was stopped."""
        left = self._running()
        for _, process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM)
        _, alive = await asyncio.to_thread(
            psutil.wait_procs, [process for _, process in left], STOP_SECONDS
        )
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._path.unlink(missing_ok=True)
        return [name for name, _ in left]

    def living(self) -> list[str]:
        """The names of the recorded processes that run."""
        return [name for name, _ in self._running()]

    def _running(self) -> list[tuple[str, psutil.Process]]:
        try:
            rows = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return []
        return [(str(row["name"]), process) for row in rows if (process := _same(row)) is not None]


def _identity(name: str, pid: int) -> dict[str, object] | None:
    mark = mark_of(pid)
    if mark is None:
        return None
    return {"name": name, "pid": pid, "mark": mark}


def _same(row: Mapping[str, object]) -> psutil.Process | None:
    """The process of a row; None when its id belongs to another process now."""
    try:
        process = psutil.Process(int(str(row["pid"])))
        if "mark" in row:
            same = is_running(process.pid, str(row["mark"]))
        else:  # An earlier version's row.
            same = process.create_time() == row["created"]
    except (psutil.NoSuchProcess, KeyError, ValueError):
        return None
    if not same:
        return None
    return process


def check_port(host: str, port: int, what: str, setting: str) -> None:
    """Check that a port is free.

    Raises:
        GiveUp: when it is not, naming the setting that moves it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise GiveUp(
                f"Port {port} for the {what} cannot be used ({error.strerror}): stop what uses it, "
                f"or set {setting}."
            ) from error
