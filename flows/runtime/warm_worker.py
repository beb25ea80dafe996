"""The warm worker: takes our deployments' runs from Prefect and runs them inside this process.

Prefect's own process worker starts a Python process for each run, which spends 2 s on imports
before the flow's first line. In this worker everything is imported already.

It is an ordinary `BaseWorker`, which Prefect documents as its extension point. So the UI shows the
worker, its heartbeats and its runs like any other. Flows must be async. A flow that blocks holds up
the other runs of its process: scale with `--limit` and more workers.

Run it with `python -m flows.runtime.worker`, or `prefect worker start --type showrunner-warm --pool
showrunner` in the environment of `flows.server.prefect_settings.client_environment`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final
from uuid import UUID

import anyio
import httpx
import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.workers.base import BaseVariables, BaseWorker, BaseWorkerResult
from sqlalchemy import URL

from flows.runtime.base_worker import WithoutSubmission
from flows.runtime.flow_execution import Execution
from flows.runtime.flow_loading import WarmJobConfiguration, load_flow
from flows.runtime.graceful_shutdown import Stop, run_until_stopped
from flows.runtime.orphaned_runs import crash_orphaned_runs, infrastructure_id
from flows.runtime.push_on_change import push_on_change, request_push
from flows.runtime.shared_clients import SharedClients
from models.errors import GiveUp, TryAgain
from models.postgres.notify import hear_announcements

log = structlog.get_logger("showrunner.worker")

TYPE: Final = "showrunner-warm"
"""The work pool's type."""

GRACE_SECONDS: Final = 30.0
"""How long a stopping worker lets its runs finish; what supervises it (systemd, compose) must allow
20 s more."""

_POLL_TIMEOUT: Final = 5.0
_SYNC_TIMEOUT: Final = 30.0
_RETRY_SECONDS: Final = 1.0
_CANCELLATION_POLL_SECONDS: Final = 1.0
_CANCEL_SECONDS: Final = 10.0
"""How long a cancelled run may take to report its end."""
_CANCELLED: Final = [StateType.CANCELLING, StateType.CANCELLED]


class WarmResult(BaseWorkerResult):
    """Status 0 when the engine reported the run's end, whatever it was; 1 when it could not."""


class WarmWorker(WithoutSubmission, BaseWorker[WarmJobConfiguration, BaseVariables, WarmResult]):
    """Runs async flows as tasks of one warm process.

    The constructor's arguments are those of `BaseWorker`.

    Attributes:
        grace_seconds: how long `start` lets runs finish when it is asked to stop.
        database: where new runs are announced (`models.postgres.notify`), so that they need not
            wait for the next poll. None: they wait for it.
        packages: Python packages whose flows are run. Anybody who can reach Prefect's server can
            make a deployment of any entrypoint.
        prepare: called after each heartbeat to make on the server what our flows need and the
            server lacks. None: nothing is made.
        on_crashed: called with the parameters of runs whose process died.
    """

    type = TYPE
    job_configuration = WarmJobConfiguration
    _description = (
        "Runs async flows inside one warm process, without starting a Python for each run."
    )

    grace_seconds: float = GRACE_SECONDS
    database: URL | None = None
    packages: frozenset[str] = frozenset({"flows"})
    prepare: Callable[[PrefectClient], Awaitable[object]] | None = None
    on_crashed: Callable[[Sequence[Mapping[str, Any]]], Awaitable[object]] | None = None
    # Of the process and not of the worker: two workers in one process share its pid.
    _runs_of_process: ClassVar[set[UUID]] = set()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._executions: dict[UUID, Execution] = {}
        self._cancellation_poll: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._pusher: asyncio.Task[None] | None = None
        self._poll_lock = asyncio.Lock()
        self._clients = SharedClients()
        self._stopping = False
        self._reachable = True

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """The pool's template. A run inside this process has no options, so the UI offers none."""
        # The server refuses an empty configuration. `labels` has no effect inside a process.
        return {
            "job_configuration": {"labels": {}},
            "variables": {"type": "object", "properties": {}},
        }

    async def start(
        self,
        run_once: bool = False,  # noqa: FBT001, FBT002 - Prefect's signature
        with_healthcheck: bool = False,  # noqa: FBT001, FBT002 - the same
        printer: Callable[..., None] = print,
    ) -> None:
        """Work until SIGTERM or SIGINT, then take no new runs, let running ones finish, and return.

        After `grace_seconds` the runs that are left are cancelled and end as Crashed. The same
        signal once more cancels them at once. The arguments are those of `BaseWorker.start`.
        """
        serve = super().start

        async def work(stop: Stop) -> None:
            service = asyncio.ensure_future(serve(run_once, with_healthcheck, printer))
            asked = asyncio.ensure_future(stop.asked.wait())
            await asyncio.wait({service, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not service.done():
                await self._finish(stop)
                service.cancel()
                await asyncio.wait({service}, timeout=_CANCEL_SECONDS)
            asked.cancel()
            if service.done() and not service.cancelled():
                service.result()
            log.info("worker_stopped", worker=self.name)

        await run_until_stopped(work)

    async def setup(self) -> None:
        """Open the clients, connect to the server, and listen for announced runs."""
        await self._clients.open()
        await super().setup()
        if self.database is not None:
            self._listener = asyncio.create_task(
                hear_announcements(self.database, self.get_and_submit_flow_runs)
            )
            self._pusher = asyncio.create_task(push_on_change(self.database, self._push))

    async def _push(self) -> None:
        await request_push(self.client)
        await self.get_and_submit_flow_runs()

    async def teardown(self, *exc_info: Any) -> None:
        """Clean up after the worker has stopped."""
        for task in (self._cancellation_poll, self._listener, self._pusher):
            if task is not None:
                task.cancel()
        try:
            await super().teardown(*exc_info)
        finally:
            await self._clients.close()

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Poll the server once and start the runs that are due. Starts none while stopping.

        A server that does not answer is not an error here. Prefect's own loop gives up after 12
        failures, and its client waits up to a minute between tries. Both are too much for a server
        that restarts.
        """
        # A poll and an announcement at the same moment would both take the same run.
        async with self._poll_lock:
            if self._stopping:
                return []
            return await self._poll()

    async def _poll(self) -> list[FlowRun]:
        try:
            async with asyncio.timeout(_POLL_TIMEOUT):
                if not self.is_synced:
                    await super().sync_with_backend()
                runs = await super().get_and_submit_flow_runs()
        except (httpx.HTTPError, TimeoutError) as error:
            self._log_reachability(error)
            await asyncio.sleep(_RETRY_SECONDS)
            return []
        self._log_reachability(None)
        return runs

    async def sync_with_backend(self) -> None:
        """Send a heartbeat, crash orphaned runs of this host, and call `prepare`."""
        try:
            async with asyncio.timeout(_SYNC_TIMEOUT):
                await super().sync_with_backend()
                running = self._runs_of_process | self.submitting
                crashed = await crash_orphaned_runs(self.client, self.pool_name, running)
                if crashed and self.on_crashed is not None:
                    await self.on_crashed([run.parameters for run in crashed])
                if self.prepare is not None:
                    await self.prepare(self.client)
        except (httpx.HTTPError, TimeoutError) as error:
            self._log_reachability(error)
        except (GiveUp, TryAgain) as error:
            log.warning("prefect_not_prepared", error=str(error))

    async def run(
        self,
        flow_run: FlowRun,
        configuration: WarmJobConfiguration,
        task_status: anyio.abc.TaskStatus[Any] | None = None,
    ) -> WarmResult:
        """Run one flow to its end as a task of this process.

        Raises:
            Exception: the flow cannot be loaded. Prefect then reports the run Crashed with that as
                its message.
        """
        flow = await load_flow(configuration.entrypoint, self.packages)
        here = infrastructure_id(flow_run.id)
        execution = Execution.begin(flow, flow_run, self._clients.for_a_run())
        self._executions[flow_run.id] = execution
        self._runs_of_process.add(flow_run.id)
        if task_status is not None:
            task_status.started(here)
        if self._cancellation_poll is None or self._cancellation_poll.done():
            self._cancellation_poll = asyncio.create_task(self._poll_cancellations())
        try:
            reported = await execution.conclude(self.client)
            return WarmResult(identifier=here, status_code=int(not reported))
        finally:
            if not execution.task.done():
                # The worker itself is being cancelled: give the engine time to report.
                execution.task.cancel()
                with anyio.CancelScope(shield=True):
                    await asyncio.wait({execution.task}, timeout=_CANCEL_SECONDS)
            self._runs_of_process.discard(flow_run.id)
            del self._executions[flow_run.id]

    async def _poll_cancellations(self) -> None:
        """While runs are under way, ask once a second which of them are to be cancelled.

        The server only marks such a run Cancelling. Prefect's process worker learns of it by a
        websocket between the child process and its supervisor.
        """
        while self._executions:
            await asyncio.sleep(_CANCELLATION_POLL_SECONDS)
            with suppress(httpx.HTTPError, TimeoutError):
                async with asyncio.timeout(_POLL_TIMEOUT):
                    await self._cancel_marked_runs()

    async def _cancel_marked_runs(self) -> None:
        ids = [key for key, execution in self._executions.items() if not execution.cancelled]
        if not ids:
            return
        marked = FlowRunFilter(
            id=FlowRunFilterId(any_=ids),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_CANCELLED)),
        )
        for run in await self.client.read_flow_runs(flow_run_filter=marked):
            if execution := self._executions.get(run.id):
                log.info("run_cancelled", flow_run_id=str(run.id))
                execution.cancel()

    async def _finish(self, stop: Stop) -> None:
        """Let running flows end: by themselves within the grace, then by cancelling them."""
        self._stopping = True
        runs, grace = len(self._executions), self.grace_seconds
        log.info("worker_stopping", worker=self.name, runs=runs, grace_s=grace)
        idle = asyncio.ensure_future(self._idle())
        hurry = asyncio.ensure_future(stop.hurry.wait())
        await asyncio.wait(
            {idle, hurry}, timeout=self.grace_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for execution in self._executions.values():
            execution.task.cancel()
        await asyncio.wait({idle}, timeout=_CANCEL_SECONDS)
        for future in (idle, hurry):
            future.cancel()

    async def _idle(self) -> None:
        while self._executions or self.submitting:  # noqa: ASYNC110 - `submitting` is Prefect's
            await asyncio.sleep(0.05)

    def _log_reachability(self, error: Exception | None) -> None:
        """Log once that the server is away, and once that it is back."""
        if (error is None) == self._reachable:
            return
        self._reachable = error is None
        if error is None:
            log.info("prefect_server_back", worker=self.name)
        else:
            reason = f"{type(error).__name__}: {error}"[:200]
            log.warning("prefect_server_away", worker=self.name, error=reason)
