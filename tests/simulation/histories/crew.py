"""Processes that run histories in parallel, each on a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import Queue
from threading import Timer
from typing import Any, Final, Literal

import psycopg
from sqlalchemy import URL

from models.postgres.engine import libpq

WORKER = Path(__file__).resolve().parent / "worker.py"
ROOT = WORKER.parents[3]
AT_ONCE = min(2, os.cpu_count() or 1)
LONGEST = 900.0
"""Seconds after which a history counts as one that never ends."""

Kind = Literal["board", "studio"]
"""Of a board with all that is synced, or of paid production alone."""
STEPS: Final[Mapping[Kind, int]] = {"board": 100, "studio": 60}
"""How many things happen in a history, unless it is said."""

_numbers = count()


@dataclass
class Account:
    """What a process tells of a history; `digest` is the same for two lives of the same seed."""

    seed: int
    steps: int
    failures: list[str]
    happened: dict[str, int]
    digest: str
    seconds: float
    trail: list[str] = field(default_factory=list)


class Crew:
    """Processes that take one history at a time each; `crew()` opens one."""

    def __init__(self, start: Callable[[], subprocess.Popen[str]], at_once: int) -> None:
        self._start = start
        self._free: Queue[subprocess.Popen[str]] = Queue()
        for _ in range(at_once):
            self._free.put(start())
        self._threads = ThreadPoolExecutor(at_once)

    def live(
        self,
        seed: int,
        steps: int,
        *,
        kind: Kind = "board",
        trail: bool = False,
        often: Mapping[str, float] | None = None,
    ) -> Future[Account]:
        """Have a history lived as soon as a process is free."""
        asked = {"kind": kind, "seed": seed, "steps": steps, "trail": trail, "often": often}
        return self._threads.submit(self._ask, asked)

    def _ask(self, asked: dict[str, Any]) -> Account:
        child = self._free.get()
        assert child.stdin is not None
        assert child.stdout is not None
        end = Timer(LONGEST, child.kill)
        end.start()
        try:
            child.stdin.write(json.dumps(asked) + "\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            end.cancel()
        self._free.put(child if line else self._start())
        if not line:
            said = "it did not end" if child.poll() in (None, -9) else "its process ended"
            return Account(
                asked["seed"], asked["steps"], [f"{said}: seed {asked['seed']}"], {}, "", LONGEST
            )
        return Account(**json.loads(line))

    def stop(self) -> None:
        """Begin no further history."""
        self._threads.shutdown(cancel_futures=True)


@contextmanager
def crew(template: URL, *, at_once: int = AT_ONCE, source: Path = ROOT) -> Iterator[Crew]:
    """Start processes on clones of a migrated database; `source` holds the product's code."""
    with ExitStack() as opened:
        made = Crew(lambda: opened.enter_context(_child(template, source)), at_once)
        opened.callback(made.stop)
        yield made


@contextmanager
def _child(template: URL, source: Path) -> Iterator[subprocess.Popen[str]]:
    name = f"histories_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(libpq(template.set(database="postgres")), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template.database}")
    database = template.set(database=name).render_as_string(hide_password=False)
    command = [sys.executable, str(WORKER), "--database", database, "--source", str(source)]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=source
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()
        with psycopg.connect(libpq(template.set(database="postgres")), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
