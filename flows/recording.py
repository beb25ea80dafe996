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
    and said to be over when a run that shows it has ended well (see `_shown_to_be_over`).
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
            if requests.total:
                await resolve_alert(on, *_shown_to_be_over(kind))
        finally:
            run.report.requests = requests.total
            await _leave(kind, run)


def _incident(kind: str, error: GiveUp) -> str:
    if isinstance(error, NotionAuthError):
        return "notion_auth"
    return "safety_stop" if isinstance(error, SafetyStop) else f"{kind}_stopped"


def _shown_to_be_over(kind: str) -> list[str]:
    """What a run that asked Notion something and ended well disproves.

    One that asked nothing (superseded, or an inbox without work) shows nothing. Only a push passes every guard.
    """
    return ["notion_auth", f"{kind}_stopped", *(["safety_stop"] if kind == "push" else [])]


async def _leave(kind: str, run: Recorded) -> None:
    report = run.report
    log.info("run_finished", requests=report.requests, **report.counts)
    await rename_run(str(report))
    if report:
        await publish_table(f"{kind}-cycle", report.summary(), f"{report} · correlation id {run.correlation_id}")
