"""Shared by every Prefect task here: when it is retried, and how it runs outside a flow run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext
from sqlalchemy.exc import InterfaceError, OperationalError

from models.errors import TryAgain

P = ParamSpec("P")
R = TypeVar("R")

RETRIES = (2, 10)
"""Seconds before each retry of a whole step. `NotionClient` retries single requests already."""


async def can_try_again(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Retry only when Notion or PostgreSQL does not answer; a human must fix anything else."""
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, TryAgain | OperationalError | InterfaceError)


class Step(Generic[P, R]):
    """An async function that runs as a Prefect task in a flow run, and directly anywhere else.

    Attributes:
        plain: the function.
        task: the Prefect task.
    """

    def __init__(
        self, plain: Callable[P, Coroutine[Any, Any, R]], made: Task[P, Coroutine[Any, Any, R]]
    ) -> None:
        self.plain = plain
        self.task = made
        self.__doc__ = plain.__doc__

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it; in a flow run, Prefect records, retries and limits it."""
        if FlowRunContext.get() is None:
            return await self.plain(*args, **kwargs)
        return await self.task(*args, **kwargs)


def step(
    name: str, *, holds: str, tags: tuple[str, ...] = ()
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Step[P, R]]:
    """Make an async function a step: one batch is one task run.

    Args:
        name: the task's name in the Prefect UI.
        holds: the run's name there, a template over the function's parameters.
        tags: Prefect tags, by which concurrency limits are counted.
    """

    def wrap(function: Callable[P, Coroutine[Any, Any, R]]) -> Step[P, R]:
        made = task(
            name=name,
            task_run_name=holds,
            tags=list(tags),
            retries=len(RETRIES),
            retry_delay_seconds=list(RETRIES),
            retry_jitter_factor=0.5,
            retry_condition_fn=can_try_again,
            cache_policy=NO_CACHE,
        )(function)
        return Step(function, made)

    return wrap
