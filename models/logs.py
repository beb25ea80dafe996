"""Logs: structlog over the standard library, one line per fact, joined by what is bound in context.

Loggers are named `showrunner.<room>` and made with `structlog.get_logger("showrunner.push")`. Event
names are snake_case facts (`card_pushed`); every line carries the bound `correlation_id`, the
level, the logger and an ISO time in UTC. Lines are JSON unless a person watches a terminal.
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
"""The logger above all of ours: levels and handlers are set here."""

_STAMP: Final = structlog.processors.TimeStamper(fmt="iso", utc=True)
_SHOWN_BESIDE_THE_TEXT: Final = frozenset(
    {"event", "timestamp", "level", "logger", "exception", "stack"}
)


def configure_logging(
    level: str = "INFO", style: str = "auto", *, extra: Sequence[Processor] = ()
) -> None:
    """Set up logging of a process that is not run by Prefect (door, command, sandbox).

    Calling it again replaces it.

    Args:
        level: least level of our own lines; other libraries print from WARNING on.
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
    """Route structlog through the standard library, leaving its handlers and levels as they are."""
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
        # Loggers are made at import, before a process has configured itself, and tests swap the
        # configuration.
        cache_logger_on_first_use=False,
    )


def lines(style: str = "auto") -> logging.Formatter:
    """What a process prints: JSON or console lines, of our records and of other libraries' alike.

    Raises:
        ValueError: the style is none of `auto`, `json`, `console`.
    """
    if style not in {"auto", "json", "console"}:
        raise ValueError(f"Log style {style!r} is unknown; use auto, json or console.")
    people_watch = style == "console" or (style == "auto" and sys.stderr.isatty())
    render: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if people_watch
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
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
    """One readable line, `card_pushed page_id=… correlation_id=…`, for a place that shows time and level itself.

    Args:
        hidden: further keys that the place shows beside the text.
    """

    def render(_: WrappedLogger, __: str, event: EventDict) -> str:
        facts = [
            f"{key}={value}"
            for key, value in event.items()
            if key not in _SHOWN_BESIDE_THE_TEXT | hidden
        ]
        line = " ".join([str(event["event"]), *facts])
        return "\n".join(
            part for part in (line, event.get("stack"), event.get("exception")) if part
        )

    return ProcessorFormatter(
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            render,
        ]
    )
