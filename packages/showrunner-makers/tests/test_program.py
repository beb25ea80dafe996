"""FFmpeg is found, started, limited, and leaves neither processes nor half files."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from models.production.making import Failure, MakerError
from showrunner_makers.program import FREE_BYTES, limit_for, run, write

STAND_IN = """#!/bin/sh
sleep 1000 &
echo $$ $! >"{pids}"
wait
"""
"""An FFmpeg that hangs, with a child that does."""


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "stand in.sh"
    program.write_text(script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("FFMPEG", str(program))


@pytest.fixture
def pids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A named pipe on which the hanging FFmpeg gives its process ids."""
    pipe = tmp_path / "pids"
    os.mkfifo(pipe)
    stand_in(tmp_path, STAND_IN.format(pids=pipe), monkeypatch)
    return pipe


async def ids_from(pipe: Path) -> list[int]:
    text = await asyncio.to_thread(pipe.read_text)
    return [int(word) for word in text.split()]


def end(process: int) -> None:
    """Wait until a process has ended; a killed one may not have been collected yet."""
    with suppress(psutil.NoSuchProcess):
        found = psutil.Process(process)
        if found.status() != psutil.STATUS_ZOMBIE:
            found.wait(30)


async def run_out(limit: asyncio.Timeout) -> None:
    """End a time limit as soon as it runs, shortly after the program began."""
    while "[active]" not in repr(limit):  # noqa: ASYNC110 - a time limit has no event
        await asyncio.sleep(0)
    limit.reschedule(0)


async def test_an_ffmpeg_that_hangs_is_killed_with_its_children(tmp_path: Path, pids: Path) -> None:
    limit = asyncio.timeout(None)
    running = asyncio.create_task(run([], tmp_path, limit=limit))
    started = await ids_from(pids)
    await run_out(limit)
    with pytest.raises(MakerError, match="did not end in time and was stopped") as refused:
        await running
    assert refused.value.failure is Failure.MANUAL_REVIEW
    for process in started:
        end(process)


async def test_whoever_is_cancelled_kills_ffmpeg_and_its_children(
    tmp_path: Path, pids: Path
) -> None:
    running = asyncio.create_task(run([], tmp_path, limit=limit_for(1)))
    started = await ids_from(pids)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    for process in started:
        end(process)


async def test_an_ffmpeg_that_ends_before_its_children_is_not_waited_for_beyond_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pids"
    os.mkfifo(pipe)
    stand_in(tmp_path, f'#!/bin/sh\nsleep 1000 &\necho $! >"{pipe}"\n', monkeypatch)
    limit = asyncio.timeout(None)
    running = asyncio.create_task(run([], tmp_path, limit=limit))
    [child] = await ids_from(pipe)
    await run_out(limit)
    with pytest.raises(MakerError, match="did not end in time"):
        await running
    end(child)


def test_more_video_may_take_longer() -> None:
    async def when(seconds: float) -> float:
        return (limit_for(seconds).when() or 0) - asyncio.get_running_loop().time()

    assert asyncio.run(when(0)) == pytest.approx(300, abs=5)
    assert asyncio.run(when(120)) == pytest.approx(2_700, abs=5)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("/nowhere/ffmpeg", "FFMPEG names “/nowhere/ffmpeg”, which is no program here"),
        ("no-such-program", "FFMPEG names “no-such-program”, which is no program here"),
    ],
)
async def test_an_ffmpeg_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, said: str
) -> None:
    monkeypatch.setenv("FFMPEG", named)
    with pytest.raises(MakerError, match=said) as refused:
        await run(["-version"], tmp_path, limit=limit_for(1))
    assert refused.value.failure is Failure.MANUAL_REVIEW


async def test_a_system_without_an_ffmpeg_is_told_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FFMPEG", raising=False)
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", no_ffmpeg)
    with pytest.raises(MakerError, match="install one and set FFMPEG to its path"):
        await run(["-version"], tmp_path, limit=limit_for(1))


def no_ffmpeg() -> str:
    raise RuntimeError("No ffmpeg exe could be found.")


async def test_a_file_that_is_no_program_cannot_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, "\x7fELF is all that there is", monkeypatch)
    with pytest.raises(MakerError, match="cannot be started: Exec format error"):
        await run(["-version"], tmp_path, limit=limit_for(1))


async def test_an_ffmpeg_that_fails_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(MakerError, match="FFmpeg failed .*No such file or directory") as refused:
        await run(["-i", "nothing.mp4", "-f", "null", "-"], tmp_path, limit=limit_for(1))
    assert refused.value.failure is Failure.MANUAL_REVIEW


async def test_a_failure_leaves_no_half_file_and_keeps_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    target.write_text("the old film")
    broken = ["-f", "lavfi", "-i", "color=d=9:s=64x64", "-fs", "1k", "-c:v", "no-such-codec"]
    with pytest.raises(MakerError):
        await write(broken, target, limit=limit_for(1))
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert target.read_text() == "the old film"


async def test_a_killed_ffmpeg_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = '#!/bin/sh\nfor last; do :; done\necho half >"$last"\nkill -9 $$\n'
    stand_in(tmp_path, half, monkeypatch)
    with pytest.raises(MakerError, match=r"FFmpeg failed \(-9\)"):
        await write([], tmp_path / "film.mp4", limit=limit_for(1))
    assert [path.name for path in tmp_path.iterdir()] == ["stand in.sh"]


async def test_nothing_is_started_on_a_disk_that_is_almost_full(tmp_path: Path) -> None:
    asked: list[Path] = []

    def almost_full(folder: Path) -> int:
        asked.append(folder)
        return FREE_BYTES - 1

    with pytest.raises(MakerError, match="Fewer than 500 MB are free.*make room") as refused:
        await run(["-version"], tmp_path, limit=limit_for(1), free=almost_full)
    assert refused.value.failure is Failure.MANUAL_REVIEW
    assert asked == [tmp_path]
    await run(["-version"], tmp_path, limit=limit_for(1), free=lambda _: FREE_BYTES)


async def test_a_disk_that_becomes_full_is_named(
    tmp_path: Path,
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "full.wav").symlink_to("/dev/full")
    with pytest.raises(MakerError, match="The disk is full; make room"):
        await run(["-f", "lavfi", "-i", "anullsrc=d=9", "full.wav"], tmp_path, limit=limit_for(1))
