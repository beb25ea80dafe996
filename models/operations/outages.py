"""Errors of PostgreSQL's driver: which one lies underneath, and whether the server refuses writes.

Codes: PostgreSQL, appendix "PostgreSQL Error Codes".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy.exc import DBAPIError

READ_ONLY: Final = "25006"
_REFUSES_WRITES: Final[Mapping[str, str]] = MappingProxyType(
    {
        READ_ONLY: "it is read-only (a standby, or default_transaction_read_only is on)",
        "42501": "our user may not write to it",
        "53100": "its disk is full",
    }
)
_SYSTEM_ERROR: Final = "58"
"""Class of errors of the operating system below PostgreSQL, such as input and output."""


def innermost(error: BaseException) -> BaseException:
    """The driver's error under SQLAlchemy's, else the error itself.

    Log its class only: its text may repeat the statement's values or a part of the URL.
    """
    return getattr(error, "orig", None) or error


def sqlstate_of(error: DBAPIError) -> str | None:
    """The SQLSTATE of a driver's error; None when it has none, as when no server answered."""
    return getattr(error.orig, "sqlstate", None)


def stores_nothing(sqlstate: str | None) -> str | None:
    """Why a server that answers refuses every write, as a clause; None for any other code."""
    if sqlstate is None:
        return None
    if sqlstate.startswith(_SYSTEM_ERROR):
        return f"its server's disk or system fails ({sqlstate})"
    return _REFUSES_WRITES.get(sqlstate)
