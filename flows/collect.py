"""collect: asks services about the jobs of Showrunner's own production.

Every 10 s while jobs are under way: each run asks for the next one, and `dispatch` for the first.
Without jobs there is no run. It polls every job of every video, downloads results, books what they
cost, looks up submissions without an answer, and lets videos go on whose jobs are all over. It
needs DATABASE_URL and NOTION_API_TOKEN, and the channels' makers. It is safe to run twice.

Tasks of a run: a `collect_piece` per job (`tasks.production.collect`).
"""

from __future__ import annotations

from prefect import flow

from flows.runs.api import rename_run
from flows.runs.production import dispatch_now, request_collect
from tasks.alerts import deliver_alerts
from tasks.production.collect import collect_jobs
from tasks.runtime.context import connections
from tasks.runtime.report import NOTHING


@flow(name="collect", flow_run_name="collect", persist_result=False)
async def collect() -> None:
    """Ask about every job that is under way, once."""
    ctx = connections()
    found = await collect_jobs(ctx)
    await rename_run(str(found) or NOTHING)
    if found.offered:
        await dispatch_now(ctx)
    elif found.left:
        await request_collect(ctx)
    await deliver_alerts(ctx)
