"""Every private part of Prefect's `BaseWorker` that the warm worker overrides or uses.

Prefect may change private names in any release. They are kept in this file only, and
`tests/flows/test_base_worker.py` fails when an upgrade removes one or changes its signature.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import Abort
from prefect.states import Pending
from prefect.utilities.engine import propose_state
from prefect.workers.base import BaseJobConfiguration

from flows.runtime.orphaned_runs import taken_by

log = structlog.get_logger("showrunner.worker")

OVERRIDDEN: Final = (
    "_propose_pending_state",
    "_propose_submitting_state",
    "_emit_flow_run_submitted_event",
    "_give_worker_labels_to_flow_run",
)
"""Private methods of `BaseWorker` that `WithoutSubmission` overrides."""

USED: Final = (
    "_description",
    "_has_successfully_synced",
    "_submitting_flow_run_ids",
    "_work_pool_name",
)
"""Private attributes of `BaseWorker` that the properties below read or the warm worker sets."""


class WithoutSubmission:
    """Mixin for a `BaseWorker`: leaves out the steps that only outside infrastructure needs.

    Each of these steps would cost a request, a row and an event in every run. A run that is taken
    names the process that took it.
    """

    client: PrefectClient
    _has_successfully_synced: bool
    _submitting_flow_run_ids: set[UUID]
    _work_pool_name: str

    async def _propose_pending_state(self, flow_run: FlowRun) -> bool:
        """Take a run from the pool, and say in its state which process took it.

        Returns whether the server granted it. Prefect writes a run's infrastructure id only later:
        a run of a process that was killed in between would hold its place for minutes.
        """
        taken: State[Any] = Pending(message=taken_by(flow_run.id))
        try:
            state = await propose_state(self.client, taken, flow_run_id=flow_run.id)
        except Abort:
            return False
        except Exception:
            log.exception("run_not_taken", flow_run_id=str(flow_run.id))
            return False
        return state.is_pending()

    async def _propose_submitting_state(self, flow_run: FlowRun) -> None:
        """Skip the state Submitting: there is no infrastructure to submit to."""

    def _emit_flow_run_submitted_event(self, configuration: BaseJobConfiguration) -> None:
        """Skip the event for the same reason."""

    async def _give_worker_labels_to_flow_run(self, flow_run_id: UUID) -> None:
        """Skip the labels: the run's infrastructure id already names the worker's process.

        Prefect's server reads the labels and then writes them. SQLite refuses that (503) when
        anything was written between the two, and the client waits 2 s before it tries again.
        """

    @property
    def is_synced(self) -> bool:
        """Whether the work pool was read from the server at least once."""
        return self._has_successfully_synced

    @property
    def pool_name(self) -> str:
        """Name of the work pool."""
        return self._work_pool_name

    @property
    def submitting(self) -> set[UUID]:
        """Ids of the runs that were taken from the pool and have not ended."""
        return self._submitting_flow_run_ids
