"""What `showrunner up` starts may run for a year; what it logs meanwhile stays bounded."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kit.waiting import until

from cli.stack import processes
from cli.stack.log_rotation import LOG_MAX, rotate
from cli.stack.processes import Child
from cli.stack.stack import Stack
from models.settings import Settings

COUNTING = """
import itertools, time
for number in itertools.count():
    print(f"line {number}", flush=True)
    time.sleep(0.001)
"""
TALKING_ONCE = f"""
import time
print("x" * {LOG_MAX}, flush=True)
print("and more", flush=True)
while True:
    time.sleep(1)
"""


@asynccontextmanager
async def running(folder: Path, program: str) -> AsyncIterator[Child]:
    child = Child("talker", [sys.executable, "-c", program], {}, folder / "talker.log")
    await child.start()
    try:
        yield child
    finally:
        await child.stop()


async def test_a_log_that_became_too_long_is_begun_anew_and_its_writer_goes_on(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, COUNTING) as child:
        await until(lambda: child.log.exists() and child.log.stat().st_size > 1_000, 20)
        assert not rotate(child.log, most=1_000_000)
        assert rotate(child.log, most=1_000)
        await until(lambda: child.log.stat().st_size > 20, 20)
    before = (tmp_path / "talker.log.1").read_text().splitlines()
    after = child.log.read_text()
    assert before[:2] == ["line 0", "line 1"]
    assert "\0" not in after
    assert int(after.splitlines()[1].split()[1]) >= len(before)


async def test_a_process_that_never_ends_has_its_log_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LOG_CHECK_SECONDS", 0.05)
    async with running(tmp_path, TALKING_ONCE) as child:
        keeping = asyncio.create_task(child.keep_alive(print, lambda: None))
        await until(
            lambda: (tmp_path / "talker.log.1").exists() and child.log.stat().st_size < LOG_MAX, 20
        )
        assert not keeping.done()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    assert (tmp_path / "talker.log.1").stat().st_size > LOG_MAX


async def test_only_the_owner_may_read_logs_also_those_that_an_earlier_version_made(
    tmp_path: Path,
) -> None:
    stack = Stack(Settings(_env_file=None, state_dir=tmp_path))
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755)
    child = stack.child("talker", "-c", "print('a line')")
    child.log.write_text("before\n")
    child.log.chmod(0o644)
    await child.start()
    await child.stop()
    assert rotate(child.log, most=1)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (logs, *logs.iterdir())}
    assert modes == {"logs": 0o700, "talker.log": 0o600, "talker.log.1": 0o600}


@pytest.mark.parametrize(
    ("code", "how"), [(-9, "killed"), (-15, "by signal 15"), (3, "exit code 3")]
)
def test_how_a_process_ended_is_said_in_words(code: int, how: str) -> None:
    assert processes._how(code) == how
