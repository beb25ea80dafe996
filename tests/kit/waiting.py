"""Waiting for what another process does: ask again until it is so."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

T = TypeVar("T")

SECONDS = 40.0
"""How long another process may take to do what a test waits for."""


async def until(
    ask: Callable[[], T | None] | Callable[[], Awaitable[T | None]], seconds: float = SECONDS
) -> T:
    """Ask until the answer is true, and return it; fail the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if found := await answer if inspect.isawaitable(answer) else answer:
            return found
        if time.monotonic() >= deadline:
            pytest.fail(f"{ask} was not true within {seconds} s")
        await asyncio.sleep(0.05)
