"""The processes that `showrunner up` starts: told apart by name, kept alive, logged to files, stopped in order."""

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

from cli.stack.log_rotation import begin_anew
from models.errors import GiveUp
from models.postgres.process_identity import is_running, mark_of

START_SECONDS = 120.0
"""How long a process may take until it answers; a Prefect server on a cold disk takes half a
minute."""
STOP_SECONDS = 35.0
"""How long a process may take to stop; the worker lets runs finish for thirty seconds."""
ASK_EVERY = 0.2
_RESTART_AFTER = (1.0, 2.0, 5.0, 15.0, 30.0)
LOOK_EVERY = 5.0
"""Seconds between two looks at how long a log has become."""


class Patience:
    """How long to wait before something that ended is started again: longer each time in a row."""

    def __init__(self) -> None:
        self._restarts = 0
        self.begun()

    def begun(self) -> None:
        """It was started."""
        self._begun = asyncio.get_running_loop().time()

    def after_an_end(self) -> float:
        """Seconds to wait, now that it ended."""
        lasted = asyncio.get_running_loop().time() - self._begun
        self._restarts = 0 if lasted > _RESTART_AFTER[-1] * 2 else self._restarts
        wait = _RESTART_AFTER[min(self._restarts, len(_RESTART_AFTER) - 1)]
        self._restarts += 1
        return wait


@dataclass
class Child:
    """One process.

    Attributes:
        name: how people know it, e.g. `worker`; its log is `<name>.log`.
        ready: an address that answers 200 once it works; None when being alive is all that can be
            asked.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    ready: str | None = None
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start it and return when it answers.

        Raises:
            GiveUp: when it ends or does not answer; the message ends with the last line it logged.
        """
        await self.spawn()
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not await self._answers():
            if self.ended:
                raise GiveUp(
                    f"The {self.name} ended while starting: {self.last_line()} (log: {self.log})"
                )
            if asyncio.get_running_loop().time() > deadline:
                raise GiveUp(
                    f"The {self.name} does not answer after {START_SECONDS:.0f} s (log: {self.log})"
                )
            await asyncio.sleep(ASK_EVERY)

    async def spawn(self) -> None:
        """Start it without waiting.

        In a session of its own: Ctrl-C on the terminal reaches only its parent.
        """
        begin_anew(self.log)
        with self.log.open("ab") as log:
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
        """Whether it was started and is over."""
        return self.process is not None and self.process.returncode is not None

    async def _answers(self) -> bool:
        if self.ready is None:
            return True
        try:
            async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
                return (await client.get(self.ready)).is_success
        except httpx.HTTPError:
            return False

    def last_line(self) -> str:
        """The last thing it logged."""
        lines = (
            self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        )
        return lines[-1] if lines else "it logged nothing"

    async def keep_alive(self, say: Callable[[str], None], recorded: Callable[[], None]) -> None:
        """Start it again whenever it ends by itself, waiting longer each time in a row; keep its log small."""
        patience = Patience()
        while self.process is not None:
            code = await self._end(self.process)
            wait = patience.after_an_end()
            say(
                f"The {self.name} ended (exit code {code}); starting it again in {wait:.0f} s. Its log: {self.log}"
            )
            await asyncio.sleep(wait)
            await self.spawn()
            patience.begun()
            recorded()

    async def _end(self, process: asyncio.subprocess.Process) -> int:
        while True:
            try:
                return await asyncio.wait_for(process.wait(), LOOK_EVERY)
            except TimeoutError:
                await asyncio.to_thread(begin_anew, self.log)

    async def stop(self) -> None:
        """Ask it to stop, and make it after a while."""
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


class Ledger:
    """The process ids that are ours, in a file: what a killed `up` left behind can be found and stopped."""

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
        """Stop what an earlier run left; the names of what was stopped."""
        try:
            rows = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return []
        left = [(str(row["name"]), process) for row in rows if (process := _same(row)) is not None]
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


def _identity(name: str, pid: int) -> dict[str, object] | None:
    mark = mark_of(pid)
    return None if mark is None else {"name": name, "pid": pid, "mark": mark}


def _same(row: Mapping[str, object]) -> psutil.Process | None:
    """The process of a row, unless its id belongs to another one by now."""
    try:
        process = psutil.Process(int(str(row["pid"])))
        if "mark" in row:
            return process if is_running(process.pid, str(row["mark"])) else None
        # An earlier version's row.
        return process if process.create_time() == row["created"] else None
    except (psutil.NoSuchProcess, KeyError, ValueError):
        return None


def check_port(host: str, port: int, what: str, setting: str) -> None:
    """Make sure that a port is free.

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
                f"Port {port} for the {what} cannot be used ({error.strerror}): stop what uses it, or set {setting}."
            ) from error
