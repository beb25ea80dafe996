"""What surrounds the work of every flow: connections, a correlation id, the count of requests, name, table, alerts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import structlog
from structlog.contextvars import bound_contextvars

from flows.runtime.run_api import publish_table, rename_run
from flows.runtime.run_table import table_of
from models.errors import GiveUp, NotionAuthError, ShowrunnerError
from models.tables.sync_state import FAILED_CYCLE, remember
from tasks.alerts import AWAY, Level, database, deliver_alerts, reason, resolve_alert, send_alert
from tasks.notion.throttle import counting_requests
from tasks.runtime.context import Context, connections
from tasks.runtime.report import Report

log = structlog.get_logger("showrunner.flows")


@dataclass(frozen=True)
class Recorded:
    """A run under way.

    Attributes:
        correlation_id: in every line this run logs, every history row it writes, and its table in
            the Prefect UI.
    """

    ctx: Context
    report: Report
    correlation_id: str


@asynccontextmanager
async def recorded(kind: str, ctx: Context | None = None) -> AsyncIterator[Recorded]:
    """Do the work of a run inside; what it did becomes the run's name, its table and one log line.

    What only a human can mend (the token, the board, the channel folder) is alerted once per
    incident, and said to be over when a run that shows it has ended well (see `_shown_to_be_over`).
    """
    ctx = ctx or connections()
    run = Recorded(ctx=ctx, report=Report(), correlation_id=uuid4().hex)
    with (
        bound_contextvars(correlation_id=run.correlation_id, flow=kind),
        counting_requests() as requests,
    ):
        try:
            yield run
        except Exception as error:
            await _failed(kind, run, error)
            raise
        else:
            if requests.total:
                await resolve_alert(ctx, *_shown_to_be_over(kind))
        finally:
            run.report.requests = requests.total
            await _leave(kind, run)
            await deliver_alerts(ctx)


async def _failed(kind: str, run: Recorded, error: Exception) -> None:
    """Alert what only a human can mend; of a cycle remember why, for an alert that none was good."""
    if isinstance(error, GiveUp):
        await send_alert(
            run.ctx, Level.CRITICAL, _incident(kind, error), str(error), {"flow": kind}
        )
    if kind == "push":
        known = str(error) if isinstance(error, ShowrunnerError) else reason(error)
        with suppress(*AWAY):  # a database that is away is told by the watch
            async with database(run.ctx) as session:
                await remember(
                    session, FAILED_CYCLE, value={"error": known}, moment=run.ctx.clock()
                )


def _incident(kind: str, error: GiveUp) -> str:
    return "notion_auth" if isinstance(error, NotionAuthError) else f"{kind}_stopped"


def _shown_to_be_over(kind: str) -> list[str]:
    """What a run that asked Notion something and ended well disproves.

    One that asked nothing (superseded, or an inbox without work) shows nothing. A push needs every
    capability: that Notion may be read does not end that nothing may be written.
    """
    return [f"{kind}_stopped", *(["notion_auth"] if kind == "push" else [])]


async def _leave(kind: str, run: Recorded) -> None:
    report = run.report
    # An idle cycle, 1,440 times a day, is no news: its name in Prefect says it, and
    # `last_good_cycle` when it was.
    (log.info if report else log.debug)("run_finished", requests=report.requests, **report.counts)
    await rename_run(str(report))
    if report:
        await publish_table(
            f"{kind}-cycle",
            await table_of(run.ctx, report),
            f"{report} · correlation id {run.correlation_id}",
        )
