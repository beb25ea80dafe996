"""Run coroutines concurrently; the first failure is raised itself, not as a group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any


async def run_all(work: Iterable[Coroutine[Any, Any, None]], *, at_once: int | None = None) -> None:
    """Run all of it, at most `at_once` at the same time; when one fails the rest is cancelled.

    Raises:
        The first failure itself, not asyncio's ExceptionGroup: callers handle errors by class.
    """
    limit = asyncio.Semaphore(at_once) if at_once is not None else None
    all_of_it = list(work)

    async def one(coroutine: Coroutine[Any, Any, None]) -> None:
        if limit is None:
            await coroutine
            return
        async with limit:
            await coroutine

    try:
        async with task_group() as group:
            for coroutine in all_of_it:
                group.create_task(one(coroutine))
    finally:
        for coroutine in all_of_it:  # one that was cancelled before it started must be closed
            coroutine.close()


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """A group of tasks to which more may be added; after a failure the rest is cancelled.

    Raises:
        The first failure itself, of a task or of the body.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
