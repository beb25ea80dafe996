"""Execute one flow run as a task of the warm worker's event loop, up to its final state."""

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
from prefect.events import emit_event
from prefect.events.related import tags_as_related_resources
from prefect.exceptions import Abort, ObjectNotFound, Pause
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from prefect.logging.loggers import flow_run_logger
from prefect.states import Cancelled

from flows.server.automations import RUN_ENDED

log = structlog.get_logger("showrunner.worker")

_MESSAGE = "Cancelled while it ran."


@dataclass(kw_only=True, eq=False)
class Execution:
    """A run under way.

    Attributes:
        run: as passed to the engine.
        task: ends when the run has ended. Its result is the run's last state, None when the engine
            could not report it.
        context: the context variables of the task.
        cancelled: whether `cancel` was called.
    """

    run: FlowRun
    task: asyncio.Task[State[Any] | None]
    context: contextvars.Context
    cancelled: bool = False

    @classmethod
    def begin(cls, flow: Flow[..., Any], run: FlowRun, context: contextvars.Context) -> Self:
        """Start the run in the running event loop."""
        # For a deployment's run the engine opens a websocket in a thread to watch for "suspend",
        # and blocks this event loop until it is connected: 0.3 s, or as long as the server is away.
        # Without `deployment_id` it does not. It reads the run again, with its deployment, before
        # the flow begins.
        run = run.model_copy(update={"deployment_id": None})
        task = asyncio.create_task(_execute(flow, run), context=context, name=f"run {run.id}")
        return cls(run=run, task=task, context=context)

    def cancel(self) -> None:
        """Cancel the run because a user requested it.

        Prefect's engine reports every cancelled task as a crash, unless the run has already ended.
        So the state is set to Cancelled in both copies of the run that the engine may hold.
        Prefect's own mechanism, a "cancel" intent, applies to the whole process.
        """
        self.cancelled = True
        entered = self.context.get(FlowRunContext.__var__)
        for run in (self.run, entered.flow_run if entered else None):
            if run is not None:
                run.state = Cancelled(message=_MESSAGE)
        self.task.cancel()

    async def conclude(self, client: PrefectClient) -> bool:
        """Wait for the end, and report a cancellation, which Prefect leaves to the worker.

        Returns:
            Whether the end was reported to the server, as far as the engine could say.

        Raises:
            httpx.HTTPError: the server does not answer.
        """
        await asyncio.wait({self.task})
        state = None
        if not self.task.cancelled():
            state = self.task.result()
        if self.cancelled or (state is not None and state.is_cancelling()):
            with suppress(ObjectNotFound):
                await client.set_flow_run_state(
                    self.run.id, Cancelled(message=_MESSAGE), force=True
                )
            return True
        return self.task.cancelled() or state is not None


async def _execute(flow: Flow[..., Any], run: FlowRun) -> State[Any] | None:
    """Run the flow in Prefect's engine; return its last state.

    Only a cancellation is raised: a SystemExit in a task would end the whole event loop.
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
    finally:
        emit_run_ended(run)


def emit_run_ended(run: FlowRun) -> None:
    """Emit the event that follows the last heartbeat of a run that this process has ended.

    The engine's heartbeats come from a thread that is not joined, and carry this host's time. The
    run's last state carries the server's. So the last heartbeat may be later than that state, and
    the automation against silent runs would wait for an event that never comes.
    """
    emit_event(
        event=RUN_ENDED,
        resource={
            "prefect.resource.id": f"prefect.flow-run.{run.id}",
            "prefect.resource.name": run.name,
        },
        related=tags_as_related_resources(run.tags),
    )
