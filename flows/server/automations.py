"""Automations of Prefect's server that mark orphaned runs Crashed.

A worker finds the orphaned runs of its own host (`flows.runtime.orphaned_runs`). The automations
cover the rest: a host that does not come back, another kind of worker, and a process that was
killed before it could store its infrastructure id.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from flows.server.prefect_settings import HEARTBEAT_SECONDS

TAG: Final = "showrunner"
"""The tag of our deployments, which their runs and the runs' events inherit."""

RUN_ENDED: Final = "showrunner.flow-run.ended"
"""The event of a run that its worker has ended, in whatever state. It follows all heartbeats."""

SILENCE: Final = timedelta(seconds=4 * HEARTBEAT_SECONDS)
"""A run without events for this long is orphaned. Below three heartbeats, quiet runs would be
crashed by mistake."""

PENDING: Final = timedelta(minutes=5)
"""A run that a worker took and has not started for this long is orphaned. It is far longer than the
slowest worker's start."""


def automations() -> list[AutomationCore]:
    """Every automation of ours, in the order in which they are made. Their names identify them."""
    minutes = PENDING.seconds // 60
    return [
        _crash_after_silence(
            "Showrunner: runs without a heartbeat are crashed",
            f"A run says every {HEARTBEAT_SECONDS} s that it is alive. One that is silent for "
            f"{SILENCE.seconds} s is marked Crashed, so that it gives back its concurrency slot.",
            after={"prefect.flow-run.heartbeat"},
            within=SILENCE,
            message=f"No heartbeat for {SILENCE.seconds} s: the process that ran it is gone.",
        ),
        _crash_after_silence(
            "Showrunner: runs that never begin are crashed",
            f"A run that a worker took and did not begin within {minutes} minutes has lost its "
            "worker.",
            after={"prefect.flow-run.Pending", "prefect.flow-run.Submitting"},
            within=PENDING,
            message=f"Taken by a worker, and not begun within {minutes} minutes.",
        ),
    ]


def _crash_after_silence(
    name: str, description: str, *, after: set[str], within: timedelta, message: str
) -> AutomationCore:
    return AutomationCore(
        name=name,
        description=description,
        tags=[TAG],
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
            ),
            after=after,
            expect={"prefect.flow-run.*", RUN_ENDED},
            for_each={"prefect.resource.id"},
            threshold=1,
            within=within,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=message)],
    )
