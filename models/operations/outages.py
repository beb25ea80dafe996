"""What PostgreSQL's SQLSTATE says about a database that cannot be used: it is away, or answers and stores nothing.

Codes: PostgreSQL, appendix "PostgreSQL Error Codes".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_STORES_NOTHING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "25006": "it is read-only (a standby, or default_transaction_read_only is on)",
        "42501": "our user may not write to it",
        "53100": "its disk is full",
    }
)
_DISK_FAILS: Final = "58"
"""Class of errors of the system below PostgreSQL, of input and output among others."""


def stores_nothing(sqlstate: str | None) -> str | None:
    """Why a database that answers stores nothing, as a clause; None where the code does not say that it does so."""
    if sqlstate is None:
        return None
    if sqlstate.startswith(_DISK_FAILS):
        return f"its server's disk or system fails ({sqlstate})"
    return _STORES_NOTHING.get(sqlstate)
