"""Shared by every Prefect task here: when it is retried, and how it runs outside a flow run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar, cast

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


_call: ContextVar[Callable[[], Coroutine[Any, Any, Any]]] = ContextVar("call")
"""What the task run under way executes: a step's function with its arguments."""


class Step(Generic[P, R]):
    """An async function that runs as a Prefect task in a flow run, and directly anywhere else.

    Attributes:
        plain: the function.
        task: the Prefect task. Its only parameter is the text that names the task run. Prefect
            walks through a task's parameters and shows them in the UI, so connections and other
            live objects are not among them.
    """

    def __init__(
        self,
        plain: Callable[P, Coroutine[Any, Any, R]],
        made: Task[[str], Coroutine[Any, Any, R]],
        holds: str,
    ) -> None:
        self.plain = plain
        self.task = made
        self.__doc__ = plain.__doc__
        self._holds = holds
        self._signature = inspect.signature(plain)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function: recorded and retried by Prefect if a flow run is under way."""
        if FlowRunContext.get() is None:
            return await self.plain(*args, **kwargs)
        values = self._signature.bind(*args, **kwargs).arguments
        token = _call.set(partial(self.plain, *args, **kwargs))
        try:
            return await self.task(self._holds.format(**values))
        finally:
            _call.reset(token)


def step(name: str, *, holds: str) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Step[P, R]]:
    """Make an async function a step: one batch, one task run.

    A step has no Prefect tags. A tag costs a request in every task run, and a concurrency limit on
    it 300 ms more on a busy server (3.9.1, measured), while Notion's rate and the order of writes
    are limited in PostgreSQL anyway.

    Args:
        name: the task's name in the Prefect UI.
        holds: the run's name there, a template over the function's parameters.
    """

    def wrap(function: Callable[P, Coroutine[Any, Any, R]]) -> Step[P, R]:
        async def run(what: str) -> R:  # noqa: ARG001 - it names the task run
            return cast("R", await _call.get()())

        # Prefect tells tasks apart by these, and shows the text.
        run.__module__, run.__qualname__ = function.__module__, function.__qualname__
        run.__doc__ = function.__doc__
        made = task(
            name=name,
            task_run_name="{what}",
            retries=len(RETRIES),
            retry_delay_seconds=list(RETRIES),
            retry_jitter_factor=0.5,
            retry_condition_fn=can_try_again,
            cache_policy=NO_CACHE,
        )(run)
        return Step(function, made, holds)

    return wrap
