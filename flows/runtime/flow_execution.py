"""One run inside the warm worker: a task of its event loop, from its beginning to the state that it ends in."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, cast

import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.exceptions import Abort, ObjectNotFound, Pause
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from prefect.logging.loggers import flow_run_logger
from prefect.states import Cancelled

log = structlog.get_logger("showrunner.worker")

_MESSAGE = "Cancelled while it ran."


@dataclass(kw_only=True, eq=False)
class Execution:
    """A run under way.

    Attributes:
        run: what the engine was given.
        task: ends when the run has ended; its result is the run's last state, None when the engine
            could not report it.
        context: the task's own.
        cancelled: whether `cancel` was called.
    """

    run: FlowRun
    task: asyncio.Task[State[Any] | None]
    context: contextvars.Context
    cancelled: bool = False

    @classmethod
    def begin(cls, flow: Flow[..., Any], run: FlowRun, context: contextvars.Context) -> Self:
        """Start the run in the running event loop."""
        # For a deployment's run the engine would watch for "suspend" from a thread with a websocket
        # of its own, and block this event loop until that is connected: 0.3 s, or for as long as
        # the server is away. It reads the run anew, with its deployment, before the flow begins.
        run = run.model_copy(update={"deployment_id": None})
        task = asyncio.create_task(_execute(flow, run), context=context, name=f"run {run.id}")
        return cls(run=run, task=task, context=context)

    def cancel(self) -> None:
        """End it because people asked for that.

        Prefect's engine calls every cancelled task a crash, unless it believes that the run has
        already ended; so it is told so, in both copies of the run that it may hold. Its own way, a
        "cancel" intent, is one for the process.
        """
        self.cancelled = True
        entered = self.context.get(FlowRunContext.__var__)
        for run in (self.run, entered.flow_run if entered else None):
            if run is not None:
                run.state = Cancelled(message=_MESSAGE)
        self.task.cancel()

    async def conclude(self, client: PrefectClient) -> bool:
        """Wait for the end, and report it when it is one that people asked for: Prefect only marks such a run.

        Returns:
            Whether the end is known to the server, as far as its engine could tell.

        Raises:
            httpx.HTTPError: the server does not answer.
        """
        await asyncio.wait({self.task})
        state = None if self.task.cancelled() else self.task.result()
        if self.cancelled or (state is not None and state.is_cancelling()):
            with suppress(ObjectNotFound):
                await client.set_flow_run_state(
                    self.run.id, Cancelled(message=_MESSAGE), force=True
                )
            return True
        return self.task.cancelled() or state is not None


async def _execute(flow: Flow[..., Any], run: FlowRun) -> State[Any] | None:
    """Run it.

    Nothing but a cancellation leaves here: a SystemExit in a task would end the whole event loop.
    """
    try:
        engine = run_flow(flow, flow_run=run, return_type="state")
        return await cast("Coroutine[Any, Any, State[Any]]", engine)
    except (Abort, Pause) as signal:
        log.info("run_not_started", flow_run_id=str(run.id), reason=str(signal))
        return run.state
    except asyncio.CancelledError:
        raise
    except BaseException:  # noqa: BLE001 - a flow's failure never ends the worker
        flow_run_logger(run).exception("The run ended in a way that its engine could not report.")
        return None
