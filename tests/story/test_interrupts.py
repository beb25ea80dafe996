"""Ctrl-C while a command loads what it needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time


def test_a_signal_during_a_slow_import_in_a_coroutine_ends_the_program_at_once() -> None:
    program = textwrap.dedent(
        """
        import asyncio, time
        from cli.interrupts import loading
        from cli.running import run

        async def work():
            with loading():
                print("loading", flush=True)
                time.sleep(60)  # as an import does: nothing awaits

        run(work())
        """
    )
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "loading\n"
    began = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=90)
    assert (process.returncode, said) == (130, "Stopped.\n")
    assert time.monotonic() - began < 30
