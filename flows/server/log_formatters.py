"""The log formatters that `flows/server/logging.yml` names.

Prefect reads that file in every process that runs flows, whichever worker started it. So this is
also where structlog is configured. Prefect imports this module while Prefect itself is being
imported: nothing here may import Prefect at the top.
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


def for_stderr(style: str = "auto") -> logging.Formatter:
    """Formatter of the lines on the process's standard error: `auto`, `json` or `console`."""
    configure_structlog(extra=[add_flow_run])
    return lines(style)


def for_prefect_ui() -> logging.Formatter:
    """Formatter of the lines in Prefect's UI, which shows time, level, logger and run itself."""
    return text(hidden=frozenset({"flow_run_id"}))
