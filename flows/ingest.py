"""ingest: stores in the database what Notion's webhooks reported.

Started by the webhook receiver, at most once a second. It drains the whole inbox. It needs
DATABASE_URL and NOTION_API_TOKEN. It is safe to run twice or side by side: events are leased, and
pages are read as they are now.

Tasks of a run, per batch of events: `claim_events`, then `query_cards` or `fetch_cards`, then
`validate_cards` and `store_cards` (`tasks.sync.ingest`, `tasks.sync.store`).
"""

from __future__ import annotations

from prefect import flow

from flows.runs.context import recorded
from tasks.sync.ingest import drain_inbox


@flow(name="ingest", flow_run_name="ingest", persist_result=False)
async def ingest() -> None:
    """Process every event that is due."""
    async with recorded("ingest") as run:
        await drain_inbox(run.ctx, run.report, gathering=True)
