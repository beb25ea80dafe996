"""The warm worker: takes our deployments' runs from Prefect and runs them inside this process.

Prefect's own process worker starts a Python for each run, which costs 2 s of imports before the
flow's first line. This one has everything imported. It is an ordinary `BaseWorker`, which Prefect
documents as the extension point, so the UI shows it, its heartbeats and its runs like any other.
Flows must be async; one that blocks holds up the others of its process, so `--limit` and a second
worker are how it scales.

Run it with `python -m flows.runtime.worker`, or `prefect worker start --type showrunner-warm --pool
showrunner` in the environment of `flows.server.prefect_settings.client_environment`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
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
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult
from sqlalchemy import URL

from flows.runtime.flow_execution import Execution
from flows.runtime.graceful_shutdown import Stop, run_until_stopped
from flows.runtime.orphaned_runs import bury_dead_runs, place
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
_WATCH_SECONDS: Final = 1.0
_LAST_WORDS: Final = 10.0
_PACKAGES: Final = frozenset({"flows"})
_ENTRYPOINT: Final = re.compile(r"(?P<package>[A-Za-z_]\w*)(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
"""`package.module:flow`. Prefect takes a file's path as well, and runs whatever the file holds."""
_CANCELLED: Final = [StateType.CANCELLING, StateType.CANCELLED]


class WarmJobConfiguration(BaseJobConfiguration):
    """What a run needs to start: the entrypoint of its flow.

    There is no command, image or environment to choose.
    """

    entrypoint: str | None = None

    def prepare_for_flow_run(
        self, flow_run: FlowRun, deployment: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        """Remember where the deployment's flow is; Prefect has just read it."""
        super().prepare_for_flow_run(flow_run, deployment, *args, **kwargs)
        self.entrypoint = deployment.entrypoint if deployment is not None else None


class WarmResult(BaseWorkerResult):
    """0 when the run's end was reported by its engine, whatever it was; 1 when the engine could not."""


class WarmWorker(BaseWorker[WarmJobConfiguration, BaseVariables, WarmResult]):
    """Runs async flows as tasks of one warm process.

    The constructor's arguments are those of `BaseWorker`.

    Attributes:
        grace_seconds: how long `start` lets runs finish when it is asked to stop.
        database: where runs are announced when they were just asked for (`models.postgres.notify`),
            so that they need not wait for the next poll. None: they wait.
        packages: whose flows are run. Who can reach Prefect's server can make a deployment of
            anything.
        prepare: makes on the server, asked through that client, what our flows need and it does not
            know. None: that is somebody else's to do.
    """

    type = TYPE
    job_configuration = WarmJobConfiguration
    _description = (
        "Runs async flows inside one warm process, without starting a Python for each run."
    )

    grace_seconds: float = GRACE_SECONDS
    database: URL | None = None
    packages: frozenset[str] = _PACKAGES
    prepare: Callable[[PrefectClient], Awaitable[object]] | None = None
    # Of the process and not of the worker: two workers in one process share its pid and its
    # modules.
    _mine: ClassVar[set[UUID]] = set()
    _flows: ClassVar[dict[str, Flow[..., Any]]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._under_way: dict[UUID, Execution] = {}
        self._watching: asyncio.Task[None] | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._asking = asyncio.Lock()
        self._clients = SharedClients()
        self._stopping = False
        self._reachable = True

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """The pool's template: nothing can be chosen for a run inside a process, so the UI offers nothing."""
        # The server refuses an empty configuration; `labels` is the one that a run inside a process
        # cannot miss.
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
        """Work until SIGTERM or SIGINT, then take no new runs, let those under way finish, and return.

        After `grace_seconds` what still runs is cancelled and ends as Crashed; the same signal once more does that at
        once. The arguments are those of `BaseWorker.start`.
        """
        serve = super().start

        async def work(stop: Stop) -> None:
            service = asyncio.ensure_future(serve(run_once, with_healthcheck, printer))
            asked = asyncio.ensure_future(stop.asked.wait())
            await asyncio.wait({service, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not service.done():
                await self._finish(stop)
                service.cancel()
                await asyncio.wait({service}, timeout=_LAST_WORDS)
            asked.cancel()
            if service.done() and not service.cancelled():
                service.result()
            log.info("worker_stopped", worker=self.name)

        await run_until_stopped(work)

    async def setup(self) -> None:
        """Prepare to work."""
        await self._clients.open()
        await super().setup()
        if self.database is not None:
            self._hearing = asyncio.create_task(
                hear_announcements(self.database, self.get_and_submit_flow_runs)
            )

    async def teardown(self, *exc_info: Any) -> None:
        """Clean up after the worker has stopped."""
        for task in (self._watching, self._hearing):
            if task is not None:
                task.cancel()
        try:
            await super().teardown(*exc_info)
        finally:
            await self._clients.close()

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Ask once for runs that are due and start them.

        A server that does not answer is no error: Prefect's loop gives up after 12 failures, and
        its client waits up to a minute between tries, both too much for a server that is restarted.
        Nothing is taken while stopping.
        """
        async with (
            self._asking
        ):  # a poll and an announcement that coincide would both take the same run
            return [] if self._stopping else await self._ask()

    async def _ask(self) -> list[FlowRun]:
        try:
            async with asyncio.timeout(_POLL_TIMEOUT):
                if not self._has_successfully_synced:
                    await super().sync_with_backend()
                runs = await super().get_and_submit_flow_runs()
        except (httpx.HTTPError, TimeoutError) as error:
            self._notice(error)
            await asyncio.sleep(_RETRY_SECONDS)
            return []
        self._notice(None)
        return runs

    async def sync_with_backend(self) -> None:
        """Send a heartbeat, and mark runs that died with another process of this host (see `flows.runtime.orphaned_runs`)."""
        try:
            async with asyncio.timeout(_SYNC_TIMEOUT):
                await super().sync_with_backend()
                await bury_dead_runs(
                    self.client, self._work_pool_name, self._mine | self._submitting_flow_run_ids
                )
                if self.prepare is not None:
                    await self.prepare(self.client)
        except (httpx.HTTPError, TimeoutError) as error:
            self._notice(error)
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
            Exception: the flow cannot be loaded; Prefect then reports the run Crashed with that as
                its message.
        """
        flow = await self._load(configuration.entrypoint)
        here = place(flow_run.id)
        execution = Execution.begin(flow, flow_run, self._clients.for_a_run())
        self._under_way[flow_run.id] = execution
        self._mine.add(flow_run.id)
        if task_status is not None:
            task_status.started(here)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            return WarmResult(
                identifier=here, status_code=0 if await execution.conclude(self.client) else 1
            )
        finally:
            if (
                not execution.task.done()
            ):  # the worker itself is being cancelled: give the engine time to report
                execution.task.cancel()
                with anyio.CancelScope(shield=True):
                    await asyncio.wait({execution.task}, timeout=_LAST_WORDS)
            self._mine.discard(flow_run.id)
            del self._under_way[flow_run.id]

    async def _propose_submitting_state(self, flow_run: FlowRun) -> None:
        """Say nothing: there is no infrastructure to submit to, and each state is a request, a row and an event."""

    def _emit_flow_run_submitted_event(self, configuration: BaseJobConfiguration) -> None:
        """Say nothing, for the same reason."""

    async def _give_worker_labels_to_flow_run(self, flow_run_id: UUID) -> None:
        """Write nothing: who ran it is in its infrastructure id.

        Prefect's server reads the labels and then writes them, which SQLite refuses when anything
        was written between the two (503), and its client waits 2 s before it tries again.
        """

    async def _load(self, entrypoint: str | None) -> Flow[..., Any]:
        if not entrypoint:
            raise ValueError(
                "The run has no deployment with an entrypoint; the warm worker runs installed flows only."
            )
        named = _ENTRYPOINT.fullmatch(entrypoint)
        if named is None or named["package"] not in self.packages:
            allowed = ", ".join(sorted(self.packages))
            raise ValueError(
                f"{entrypoint!r} is no flow of {allowed}; the warm worker runs no others."
            )
        if entrypoint not in self._flows:
            # In a thread: a first import takes seconds, during which other runs go on.
            flow: Flow[..., Any] = await asyncio.to_thread(
                load_flow_from_entrypoint, entrypoint, use_placeholder_flow=False
            )
            if not flow.isasync or flow.isgenerator:
                raise TypeError(
                    f"{entrypoint} is not an async flow; the warm worker would stand still while it runs."
                )
            if flow.result_storage is None:
                # Else the engine asks the server where results go, blocking the event loop, twice
                # in every run.
                flow = flow.with_options(
                    result_storage=PREFECT_LOCAL_STORAGE_PATH.value(),
                    persist_result=bool(flow.persist_result),
                )
            self._flows[entrypoint] = flow
        return self._flows[entrypoint]

    async def _watch(self) -> None:
        """While runs are under way, look once a second whether people want one of them cancelled.

        Prefect only marks such a run; its own process worker is told by a websocket to the child's
        supervisor.
        """
        while self._under_way:
            await asyncio.sleep(_WATCH_SECONDS)
            ids = [key for key, execution in self._under_way.items() if not execution.cancelled]
            wanted = FlowRunFilter(
                id=FlowRunFilterId(any_=ids),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_CANCELLED)),
            )
            with suppress(httpx.HTTPError, TimeoutError):
                async with asyncio.timeout(_POLL_TIMEOUT):
                    runs = await self.client.read_flow_runs(flow_run_filter=wanted) if ids else []
                for run in runs:
                    if execution := self._under_way.get(run.id):
                        log.info("run_cancelled", flow_run_id=str(run.id))
                        execution.cancel()

    async def _finish(self, stop: Stop) -> None:
        """Let what is under way end: by itself within the grace, then by cancelling it."""
        self._stopping = True
        log.info(
            "worker_stopping",
            worker=self.name,
            runs=len(self._under_way),
            grace_s=self.grace_seconds,
        )
        idle = asyncio.ensure_future(self._idle())
        hurry = asyncio.ensure_future(stop.hurry.wait())
        await asyncio.wait(
            {idle, hurry}, timeout=self.grace_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for execution in self._under_way.values():
            execution.task.cancel()
        await asyncio.wait({idle}, timeout=_LAST_WORDS)
        for future in (idle, hurry):
            future.cancel()

    async def _idle(self) -> None:
        while self._under_way or self._submitting_flow_run_ids:  # noqa: ASYNC110 - the second set is Prefect's
            await asyncio.sleep(0.05)

    def _notice(self, error: Exception | None) -> None:
        """Say once that the server is away, and once that it is back."""
        if (error is None) == self._reachable:
            return
        self._reachable = error is None
        if error is None:
            log.info("prefect_server_back", worker=self.name)
        else:
            log.warning(
                "prefect_server_away",
                worker=self.name,
                error=f"{type(error).__name__}: {error}"[:200],
            )
