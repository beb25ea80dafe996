"""ingest: what Notion told the door becomes rows.

Triggered by the door, at most once a second; drains the whole inbox. Needs DATABASE_URL and
NOTION_API_TOKEN. Safe to run twice or side by side: events are claimed, pages are read as they are
now.
"""

from __future__ import annotations

from prefect import flow

from flows.runtime.run_context import recorded
from tasks.sync.ingest import drain_inbox


@flow(name="ingest", flow_run_name="ingest", persist_result=False)
async def ingest() -> None:
    """Work through every event that is due."""
    async with recorded("ingest") as run:
        await drain_inbox(run.ctx, run.report, gathering=True)
