"""The context of a flow's work: connections, correlation id, request count, name, table, alerts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

import structlog
from structlog.contextvars import bound_contextvars

from flows.runs.api import publish_table, rename_run
from flows.runs.table import table_of
from models.errors import GiveUp, NotionAuthError, ShowrunnerError
from models.tables.incidents import IncidentKind
from models.tables.sync_state import FAILED_CYCLE, remember
from tasks.alerts import AWAY, Level, database, deliver_alerts, reason, resolve_alert, send_alert
from tasks.notion.rate_limit import counting_requests
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
    """Run a flow's work inside; its report becomes the run's name, its table and one log line.

    What only a human can repair (the token, the board, the channel folder) is alerted once per
    incident. The incident is resolved when a run has succeeded that could not have succeeded
    otherwise (see `_resolved_by`).
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
            await _alert_failure(kind, run, error)
            raise
        else:
            if requests.total:
                await resolve_alert(ctx, *_resolved_by(kind))
        finally:
            run.report.requests = requests.total
            await _publish(kind, run)
            await deliver_alerts(ctx)


async def _alert_failure(kind: str, run: Recorded, error: Exception) -> None:
    """Alert what only a human can repair; store why a cycle failed, for a later alert."""
    if isinstance(error, GiveUp):
        await send_alert(
            run.ctx, Level.CRITICAL, _incident(kind, error), str(error), {"flow": kind}
        )
    if kind == "push":
        known = reason(error)
        if isinstance(error, ShowrunnerError):
            known = str(error)
        with suppress(*AWAY):  # the watchdog alerts a database that does not answer
            async with database(run.ctx) as session:
                await remember(
                    session, FAILED_CYCLE, value={"error": known}, moment=run.ctx.clock()
                )


def _incident(kind: str, error: GiveUp) -> str:
    if isinstance(error, NotionAuthError):
        return IncidentKind.NOTION_AUTH
    return f"{kind}_stopped"


def _resolved_by(kind: str) -> list[str]:
    """Incidents that a successful run with Notion requests resolves.

    A run without requests (superseded, or an inbox without work) resolves none. Only a push
    resolves `notion_auth`: it needs every capability, while other runs only read.
    """
    resolved = [f"{kind}_stopped"]
    if kind == "push":
        resolved.append(IncidentKind.NOTION_AUTH)
    return resolved


async def _publish(kind: str, run: Recorded) -> None:
    report = run.report
    # Idle cycles come 1,440 times a day, so they are logged as debug. The run's name in Prefect and
    # `last_good_cycle` record them.
    log_run = log.info
    if not report:
        log_run = log.debug
    log_run("run_finished", requests=report.requests, **report.counts)
    await rename_run(str(report))
    if report:
        await publish_table(
            f"{kind}-cycle",
            await table_of(run.ctx, report),
            f"{report} · correlation id {run.correlation_id}",
        )
