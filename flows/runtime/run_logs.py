"""What a run's log lines look like: the formatters that `flows/server/logging.yml` names.

Prefect reads that file in every process that runs flows, whichever worker started it, so this is
also where structlog is told to go through the standard library and to name the run. Nothing here
may import Prefect at the top: Prefect imports this module while it is itself being imported.
"""

from __future__ import annotations

import logging

from structlog.typing import EventDict, WrappedLogger

from models.logs import configure_structlog, lines, text


def add_flow_run(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Add the id of the flow run that the line was logged in, if any."""
    from prefect.context import FlowRunContext  # noqa: PLC0415 - see the module's docstring

    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        event.setdefault("flow_run_id", str(context.flow_run.id))
    return event


def printed(style: str = "auto") -> logging.Formatter:
    """Lines on the process's standard error."""
    configure_structlog(extra=[add_flow_run])
    return lines(style)


def shown_in_run() -> logging.Formatter:
    """Lines in Prefect's UI, which shows time, level, logger and run beside each of them."""
    return text(hidden=frozenset({"flow_run_id"}))
