"""dispatch: begins the steps of Showrunner's own production that may begin.

Every 60 s, and at once when a task becomes ready (`flows.runtime.ready_tasks`). It returns expired
leases and due retries, claims steps by priority, fairness, `at_once` and budgets, moves their cards
and starts a run of `produce` for each. It needs DATABASE_URL and NOTION_API_TOKEN. It is safe to
run twice or side by side: claims are served one after the other by PostgreSQL.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from prefect import flow

from flows.runs.api import STARTED_LATE, is_superseded, rename_run
from flows.runs.production import dispatch_now
from tasks.alerts import deliver_alerts
from tasks.runtime.context import connections
from tasks.runtime.report import NOTHING

INTERVAL: Final = timedelta(seconds=60)


@flow(name="dispatch", flow_run_name="dispatch", persist_result=False)
async def dispatch() -> None:
    """Begin every step that may begin, unless it is too late for this run."""
    if is_superseded(INTERVAL):
        await rename_run(STARTED_LATE)
        return
    ctx = connections()
    done = await dispatch_now(ctx)
    await rename_run(str(done) or NOTHING)
    await deliver_alerts(ctx)
