"""Ctrl-C ends a command at once: while it loads what it needs, and after its last words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

_SOON = 30
"""Seconds. What would hold the program takes longer, and a busy machine takes some."""
_LOADING = """
    import asyncio, time
    from cli.interrupts import loading
    from cli.running import run

    async def work():
        with loading():
            print("loading", flush=True)
            time.sleep(50)  # as an import does: nothing awaits

    run(work())
    """
_ENDING = """
    import atexit, time
    import typer
    from cli import main
    from cli.interrupts import Interrupted
    from cli.running import run

    atexit.register(time.sleep, 50)  # as Python's last garbage collection
    main.app = typer.Typer()

    @main.app.command()
    def work():
        async def interrupted():
            print("ending", flush=True)
            raise Interrupted("Stopped after 3 cards.")
        run(interrupted())

    main.main()
    """


def _start(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ending(process: subprocess.Popen[str], *, first: str) -> tuple[int, str, float]:
    """Its exit code, its last words, and the seconds since it printed the first line."""
    assert process.stdout is not None
    assert process.stdout.readline() == f"{first}\n"
    began = time.monotonic()
    if first == "loading":
        os.kill(process.pid, signal.SIGINT)
    said = process.stdout.read()
    return process.wait(), said, time.monotonic() - began


def test_a_signal_during_an_import_in_a_coroutine_ends_the_program_at_once() -> None:
    code, said, seconds = _ending(_start(_LOADING), first="loading")
    assert (code, said, seconds < _SOON) == (130, "Stopped.\n", True)


def test_after_its_last_words_an_interrupted_program_ends_at_once() -> None:
    code, said, seconds = _ending(_start(_ENDING), first="ending")
    assert (code, said, seconds < _SOON) == (130, "Stopped after 3 cards.\n", True)
