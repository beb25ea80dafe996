"""Run every benchmark and write one table into docs/benchmarks.md: `make bench`.

What only waits for Notion's limit runs side by side; what measures this machine runs alone. Each is
a process of its own with a bound, so that one that hangs costs its own line only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.kit.figures import Figure, as_table
from benchmarks.kit.places import ROOT, folder

PAGE = ROOT / "docs/benchmarks.md"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- figures end -->"
BOUND = 300.0
"""Seconds that one benchmark may take."""

WAVES: Sequence[Sequence[Sequence[str]]] = (
    (("push",), ("peer",), ("budget", "thrift", "importing", "residue")),
    (("receiver",),),
    (("webhook_to_row",),),
    (("backlog",),),
    (("burst",),),
    (("idle",),),
    (("stack",),),
    (("two_hosts",),),
    (("production.claims",),),
    (("production.board",),),
    (("production.video",),),
    (("production.many",),),
)
"""One wave after the other; in a wave the rows side by side, and the names of a row one after the
other. The name of a folder and a dot stand before what lies in it."""

SMOKE: Mapping[str, Sequence[str]] = {
    "thrift": (),
    "push": ("20",),
    "importing": ("300",),
    "idle": ("100", "1000"),
    "production.claims": ("--smoke",),
}
"""What `--smoke` runs, with small sizes, to show in a minute that benchmarks still run."""
RUNS = "runs to its end"
"""The limit of a benchmark that did not come to figures of its own."""


async def run(name: str, at: Path, *sizes: str) -> list[Figure]:
    """The figures of one benchmark; a line that says so when it fails or takes too long."""
    target, began = at / f"{name}.json", time.monotonic()
    command = (sys.executable, "-m", f"benchmarks.{name}", *sizes, "--json", str(target))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, start_new_session=True)
    try:
        code = await asyncio.wait_for(process.wait(), BOUND)
        trouble = f"ended with exit code {code}"
    except TimeoutError:
        await _end(process)
        trouble = f"took more than {BOUND:.0f} s"
    sys.stderr.write(f"{name}: {time.monotonic() - began:.0f} s\n")
    if not target.exists():
        what = f"benchmarks/{name.replace('.', '/')}.py"
        return [Figure(what=what, limit=RUNS, measured=trouble, good=False)]
    return [Figure(**each) for each in json.loads(target.read_text(encoding="utf-8"))]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stop it and everything it started."""
    started = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for each in started:
        each.terminate()
    _, alive = await asyncio.to_thread(psutil.wait_procs, started, 20)
    for each in alive:
        each.kill()
    await process.wait()


async def run_all(names: Sequence[str]) -> list[Figure]:
    """The figures of those benchmarks, or of all, in the order of `WAVES`."""
    found: dict[str, list[Figure]] = {}

    async def row(members: Sequence[str], at: Path) -> None:
        for name in members:
            if not names or not {name, name.partition(".")[0]}.isdisjoint(names):
                found[name] = await run(name, at)

    with folder() as at:
        for wave in WAVES:
            await asyncio.gather(*(row(members, at) for members in wave))
    order = [name for wave in WAVES for members in wave for name in members]
    return [figure for name in order for figure in found.get(name, [])]


async def smoke() -> list[Figure]:
    """The figures of a few small benchmarks, one after the other."""
    with folder() as at:
        return [figure for name, sizes in SMOKE.items() for figure in await run(name, at, *sizes)]


def machine() -> str:
    """On what they were measured, in one sentence."""
    memory = psutil.virtual_memory().total / 2**30
    parts = ", ".join(
        f"{name} {version(name)}" for name in ("prefect", "fastapi", "sqlalchemy", "psycopg")
    )
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores "
        f"({_processor()}) with {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"{parts}; Notion is the "
        f"sandbox, which answers after 300 ms unless a line says otherwise; everything on "
        f"this one machine."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def write_into(page: Path, text: str) -> None:
    """Put the table between its two marks.

    Raises:
        ValueError: when a mark is missing.
    """
    whole = page.read_text(encoding="utf-8")
    head, begin, rest = whole.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"{page} lacks the marks {BEGIN} and {END}, between which the table is written."
        )
    page.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", encoding="utf-8")


def main() -> int:
    """Run, print, and write the page's table when all ran; 1 when a figure falls short."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="only these; docs/benchmarks.md is then left as it is"
    )
    parser.add_argument("--smoke", action="store_true", help="small ones: 1 when one does not run")
    options = parser.parse_args()
    if options.smoke:
        figures = asyncio.run(smoke())
        sys.stdout.write(f"{as_table(figures)}\n")
        return 1 if any(figure.limit == RUNS for figure in figures) else 0
    began = time.monotonic()
    figures = asyncio.run(run_all(options.names))
    minutes, seconds = divmod(time.monotonic() - began, 60)
    text = f"{as_table(figures)}\n\n{machine()} All of it took {minutes:.0f} min {seconds:.0f} s."
    sys.stdout.write(f"{text}\n")
    if not options.names:
        write_into(PAGE, text)
    return 0 if all(figure.good for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
