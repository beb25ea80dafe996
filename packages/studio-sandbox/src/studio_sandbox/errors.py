"""What ends a request without its usual answer."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ServiceError(Exception):
    """A service refuses a request: the status, the body and the headers of its answer."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


class ConnectionDropped(Exception):
    """Drops a request without an answer where its connection cannot be closed."""


class DataError(Exception):
    """The journal cannot be used. The text is one sentence for the operator."""
