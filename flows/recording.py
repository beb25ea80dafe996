"""What surrounds the work of every flow: connections, a correlation id, the count of requests, name, table, alerts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import structlog
from structlog.contextvars import bound_contextvars

from flows.runs import publish_table, rename_run
from models.errors import GiveUp, NotionAuthError, SafetyStop
from tasks.alerts import Level, resolve_alert, send_alert
from tasks.connections import Connections, connections
from tasks.pacing import counting_requests
from tasks.report import Report

log = structlog.get_logger("showrunner.flows")


@dataclass(frozen=True)
class Recorded:
    """A run under way.

    Attributes:
        correlation_id: in every line this run logs, every history row it writes, and its table in the Prefect UI.
    """

    on: Connections
    report: Report
    correlation_id: str


@asynccontextmanager
async def recorded(kind: str, on: Connections | None = None) -> AsyncIterator[Recorded]:
    """Do the work of a run inside; what it did becomes the run's name, its table and one log line.

    What only a human can mend (the token, the board, the channel folder, a safety stop) is alerted once per incident,
    and said to be over when a run of the same kind has ended well again.
    """
    on = on or connections()
    run = Recorded(on=on, report=Report(), correlation_id=uuid4().hex)
    with bound_contextvars(correlation_id=run.correlation_id, flow=kind), counting_requests() as requests:
        try:
            yield run
        except GiveUp as error:
            await send_alert(on, Level.CRITICAL, _incident(kind, error), str(error), {"flow": kind})
            raise
        else:
            for incident in ("notion_auth", "safety_stop", f"{kind}_stopped"):
                await resolve_alert(on, incident)
        finally:
            run.report.requests = requests.total
            await _leave(kind, run)


def _incident(kind: str, error: GiveUp) -> str:
    if isinstance(error, NotionAuthError):
        return "notion_auth"
    return "safety_stop" if isinstance(error, SafetyStop) else f"{kind}_stopped"


async def _leave(kind: str, run: Recorded) -> None:
    report = run.report
    log.info("run_finished", requests=report.requests, **report.counts)
    await rename_run(str(report))
    if report:
        await publish_table(f"{kind}-cycle", report.summary(), f"{report} · correlation id {run.correlation_id}")
