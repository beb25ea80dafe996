"""Name the current flow run, publish its table, and ask whether it is superseded.

Outside of a run each of these does nothing or returns False, so the same flow body runs in a
simulation or a test without Prefect's server. When the server does not answer, a run loses its name
or its table, but not its work: the facts are in PostgreSQL and in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import structlog
from prefect.artifacts import acreate_table_artifact
from prefect.client.orchestration import PrefectClient
from prefect.context import FlowRunContext

from tasks.runtime.report import NOTHING, SUPERSEDED

log = structlog.get_logger("showrunner.flows")

STARTED_LATE: Final = f"{SUPERSEDED}started late"
OTHER_CYCLE: Final = f"{SUPERSEDED}another cycle is under way"
OTHER_IMPORT: Final = f"{SUPERSEDED}another import is under way"
IDLE_NAMES: Final = (NOTHING, STARTED_LATE, OTHER_CYCLE, OTHER_IMPORT)
"""Names of completed runs that did nothing: they are soon deleted (`flows.runtime.old_runs`)."""


async def rename_run(name: str) -> None:
    """Name the current flow run after what it did, e.g. `pushed 3, took 2`. About 10 ms."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or not isinstance(context.client, PrefectClient):
        return
    try:
        await context.client.set_flow_run_name(context.flow_run.id, name)
    except httpx.HTTPError as error:
        log.warning("run_not_renamed", name=name, error=type(error).__name__)
    else:
        context.flow_run.name = name


def is_superseded(interval: timedelta, *, now: datetime | None = None) -> bool:
    """Whether the current run starts more than one interval late, so that a later one replaces it.

    Only runs made by a schedule can be superseded. A run that a user or the webhook receiver
    requested is executed however late it is.

    Args:
        interval: the schedule's.
        now: the moment to compare with; None is the present.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    if run is None or not run.auto_scheduled or run.expected_start_time is None:
        return False
    return (now or datetime.now(UTC)) - run.expected_start_time > interval


async def publish_table(
    key: str, rows: Sequence[Mapping[str, Any]], description: str | None = None
) -> None:
    """Show a table on the current flow run's page, and in the key's history. About 15 ms.

    Without rows nothing is published.

    Args:
        key: lower-case letters, digits and dashes, e.g. `push-cycle`.
        rows: one mapping of column to value per row; values that JSON can hold.
        description: Markdown above the table.
    """
    if not rows or FlowRunContext.get() is None:
        return
    try:
        await acreate_table_artifact(
            table=[dict(row) for row in rows], key=key, description=description
        )
    except httpx.HTTPError as error:
        log.warning("table_not_published", key=key, error=type(error).__name__)
