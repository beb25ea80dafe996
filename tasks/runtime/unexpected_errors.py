"""Unexpected errors: one costs only the card or event that it came from, unless it concerns all.

Every loop over cards or events has such a boundary: it stores the error with that one and goes on.
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
from models.operations.outages import innermost, sqlstate_of

_CONCERNS_ALL: Final = (
    ShowrunnerError,
    OSError,
    MemoryError,
    NoConnectionFree,
    httpx.HTTPError,
    PrefectException,
)
"""Expected errors that the caller handles, and failures of the network, Prefect or the database."""
_OF_THE_VALUES: Final = frozenset({"22", "23", "P0"})
"""Classes of SQLSTATE about a statement's values: data, integrity, raised by a trigger."""
_FRAMES: Final = 12

log = structlog.get_logger("showrunner.unforeseen")


def concerns_one(error: Exception) -> bool:
    """Whether an unexpected error concerns only the card or event that it came from."""
    if isinstance(error, DBAPIError):
        return (sqlstate_of(error) or "")[:2] in _OF_THE_VALUES
    return not isinstance(error, _CONCERNS_ALL)


def cost_of_one(error: Exception, **about: Any) -> str:
    """Log an error that concerns one card or event, and describe it in a sentence to store with it.

    Neither contains the error's own text: it may repeat what a user wrote on a card.

    Args:
        about: ids of the card or event.

    Raises:
        The error itself, when it concerns all.
    """
    if not concerns_one(error):
        raise error
    frames = traceback.extract_tb(error.__traceback__)
    name, place = type(innermost(error)).__name__, _innermost_place(frames)
    log.error("unforeseen_error", error=name, place=place, frames=_listed(frames), **about)
    return (
        f"An error that nobody foresaw ({name} in {place}); "
        "the log has more under unforeseen_error."
    )


def _innermost_place(frames: traceback.StackSummary) -> str:
    """File and line of the innermost frame in our own code."""
    for frame in reversed(frames):
        if ".venv" not in frame.filename and "site-packages" not in frame.filename:
            return f"{Path(frame.filename).name}, line {frame.lineno}"
    return "an unknown place"


def _listed(frames: traceback.StackSummary) -> list[str]:
    """The innermost frames, as places in the code."""
    return [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-_FRAMES:]
    ]
