"""Start our programs as a user does: in a folder, with an environment, output in a file."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from kit.waiting import until

READY = "Showrunner is up."
SECONDS_TO_START = 120.0


@dataclass
class Up:
    """`showrunner up` in a folder of its own."""

    folder: Path
    environment: dict[str, str]
    process: asyncio.subprocess.Process | None = None
    output: Path | None = None

    async def start(self) -> str:
        """Start it; what it printed until it was up."""
        self.output = self.folder / f"output-{time.monotonic_ns()}.txt"
        with self.output.open("wb") as out:
            self.process = await asyncio.create_subprocess_exec(
                *command("up"), cwd=self.folder, env=self.environment, stdout=out, stderr=out
            )
        await until(lambda: READY in self.said() or self.ended(), SECONDS_TO_START)
        assert READY in self.said(), self.said()
        await until(lambda: "logs " in self.said(), 5)
        return self.said()

    def said(self) -> str:
        return self.output.read_text() if self.output else ""

    def ended(self) -> bool:
        return self.process is not None and self.process.returncode is not None

    async def stop(self) -> int:
        """Ctrl-C; the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        return await asyncio.wait_for(self.process.wait(), 90)

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Another command in the same folder; exit code and output."""
        process = await asyncio.create_subprocess_exec(
            *command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 90)
        return process.returncode or 0, said.decode()

    async def refuses(self, *arguments: str, sentence: str) -> None:
        """Check that a command ends with 1 and prints one line, which begins with the sentence."""
        code, said = await self.run(*arguments)
        assert code == 1
        assert said.startswith(sentence), said
        assert len(said.strip().splitlines()) == 1

    async def backup(self, file: str = "board.dump") -> Path:
        """Back the database up into that file of the folder; its path."""
        code, said = await self.run("backup", file)
        assert (code, said.startswith(f"Wrote {file}")) == (0, True), said
        return self.folder / file

    def facts(self) -> dict[str, str]:
        return dict(json.loads((self.folder / ".showrunner/up.json").read_text())["environment"])

    @property
    def database(self) -> str:
        """What libpq connects to."""
        return self.facts()["DATABASE_URL"].replace("+psycopg", "")

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(query, values).fetchall()

    def records(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows by column name."""
        with psycopg.connect(self.database, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from cli.__main__ import main; main()", *arguments]
