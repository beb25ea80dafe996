"""Waiting for what another process does: ask again until it is so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

T = TypeVar("T")

START_SECONDS = 120.0
"""How long a process may take to start, or to finish what a benchmark waits for."""


async def until(
    ask: Callable[[], Awaitable[T | None]],
    meaning: str,
    *,
    seconds: float = START_SECONDS,
    every: float = 0.1,
) -> T:
    """Ask until the answer is true, and return it.

    Args:
        ask: the question.
        meaning: what is waited for, for the error.
        seconds: how long at most.
        every: seconds between two questions.

    Raises:
        TimeoutError: when no answer was true within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not (found := await ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {meaning}")
        await asyncio.sleep(every)
    return found


async def answering(url: str, seconds: float = START_SECONDS) -> None:
    """Return when something answers 200 there."""

    async def is_up() -> bool:
        try:
            return (await client.get(url)).is_success
        except httpx.HTTPError:
            return False

    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        await until(is_up, f"{url} answers", seconds=seconds)
