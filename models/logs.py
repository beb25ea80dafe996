"""Logs: structlog over the standard library, one line per event, correlated by bound context.

Loggers are named `showrunner.<room>` and made with `structlog.get_logger("showrunner.push")`. Event
names are snake_case facts (`card_pushed`); every line carries the bound `correlation_id`, the
level, the logger and an ISO time in UTC. Lines are JSON, or readable on a terminal.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Final

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from models.log_bound import Bounded

ROOT: Final = "showrunner"
"""The parent of all our loggers: levels and handlers are set on it."""

_STAMP: Final = structlog.processors.TimeStamper(fmt="iso", utc=True)
_SHOWN_BESIDE_THE_TEXT: Final = frozenset(
    {"event", "timestamp", "level", "logger", "exception", "stack"}
)


def configure_logging(
    level: str = "INFO", style: str = "auto", *, extra: Sequence[Processor] = ()
) -> None:
    """Set up logging of a process that Prefect does not run (webhook receiver, command, sandbox).

    A second call replaces the first.

    Args:
        level: lowest level of our own lines; other libraries print from WARNING on.
        style: `json`, `console`, or `auto`, which is console on a terminal and JSON elsewhere.
        extra: processors that add to every line of ours, e.g. the id of a run.
    """
    configure_structlog(extra)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(lines(style))
    handler.addFilter(Bounded())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT).setLevel(level)


def configure_structlog(extra: Sequence[Processor] = ()) -> None:
    """Route structlog through the standard library, without changing handlers and levels."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _STAMP,
            *extra,
            structlog.processors.StackInfoRenderer(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # Loggers are created at import, before logging is configured, and tests change the
        # configuration.
        cache_logger_on_first_use=False,
    )


def lines(style: str = "auto") -> logging.Formatter:
    """A formatter of JSON or console lines, for our records and those of other libraries.

    Raises:
        ValueError: the style is none of `auto`, `json`, `console`.
    """
    if style not in {"auto", "json", "console"}:
        raise ValueError(f"Log style {style!r} is unknown; use auto, json or console.")
    render: list[Processor]
    if style == "console" or (style == "auto" and sys.stderr.isatty()):
        render = [structlog.dev.ConsoleRenderer()]
    else:
        render = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return ProcessorFormatter(
        processors=[ProcessorFormatter.remove_processors_meta, *render],
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(allow={"flow_run_id", "flow_run_name", "task_run_name"}),
            _STAMP,
        ],
    )


def text(hidden: frozenset[str] = frozenset()) -> logging.Formatter:
    """A formatter of `card_pushed page_id=… correlation_id=…`, without time and level.

    Args:
        hidden: further keys to leave out.
    """

    def render(_: WrappedLogger, __: str, event: EventDict) -> str:
        facts = [
            f"{key}={value}"
            for key, value in event.items()
            if key not in _SHOWN_BESIDE_THE_TEXT | hidden
        ]
        line = " ".join([str(event["event"]), *facts])
        parts = (line, event.get("stack"), event.get("exception"))
        return "\n".join(part for part in parts if part)

    return ProcessorFormatter(
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            render,
        ]
    )
