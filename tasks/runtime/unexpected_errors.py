"""Errors that nobody foresaw.

Each costs the one card or event it came from; what concerns everything ends the run.

Every place that works through many cards or events has such a boundary: it notes the error with
that one and goes on.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, Final

import httpx
import structlog
from prefect.exceptions import PrefectException
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from models.errors import ShowrunnerError

_EVERYTHING: Final = (
    ShowrunnerError,
    OSError,
    MemoryError,
    NoConnectionFree,
    httpx.HTTPError,
    PrefectException,
)
"""What was foreseen and left to the caller, the network, Prefect's server, and a database that
lends no connection."""
_OF_THE_VALUES: Final = frozenset({"22", "23", "P0"})
"""Classes of SQLSTATE that speak of the values in one statement: data, integrity, and what a
trigger refused."""
_FRAMES: Final = 12

log = structlog.get_logger("showrunner.unforeseen")


def concerns_one(error: Exception) -> bool:
    """Whether an error that nobody caught before has to do with the one card or event it came from alone."""
    if isinstance(error, DBAPIError):
        sqlstate = getattr(error.orig, "sqlstate", None) or ""
        return sqlstate[:2] in _OF_THE_VALUES
    return not isinstance(error, _EVERYTHING)


def cost_of_one(error: Exception, **about: Any) -> str:
    """Log an error that costs one card or event, and say in a sentence what it was, to be stored with that one.

    Neither holds the error's own text: it may repeat what somebody wrote on a card.

    Args:
        about: ids of what it came from.

    Raises:
        The error itself, where it concerns everything.
    """
    if not concerns_one(error):
        raise error
    inner = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame
        for frame in frames
        if ".venv" not in frame.filename and "site-packages" not in frame.filename
    ]
    place = (
        f"{Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else "an unknown place"
    )
    name = type(inner).__name__
    log.error("unforeseen_error", error=name, place=place, frames=_listed(frames), **about)
    return f"An error that nobody foresaw ({name} in {place}); the log has more under unforeseen_error."


def _listed(frames: traceback.StackSummary) -> list[str]:
    """The innermost frames, as places in the code."""
    return [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-_FRAMES:]
    ]
