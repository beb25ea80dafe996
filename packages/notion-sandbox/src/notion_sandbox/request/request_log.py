"""The log of the requests of the API: exact counts, and the last requests in full."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from notion_sandbox.store.objects import User
from notion_sandbox.values.dates import zulu


@dataclass
class RequestLog:
    """Every request of the API: exact counts, and the last ones in full.

    Attributes:
        keep: How many entries are kept.
        total: How many requests came since the start.
        by_status: Counts by HTTP status.
        by_endpoint: Counts by method and route.
        by_user: Counts by user id; requests without a valid token count under "".
        watch: Called with each entry.
    """

    keep: int
    total: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    by_endpoint: Counter[str] = field(default_factory=Counter)
    by_user: Counter[str] = field(default_factory=Counter)
    watch: Callable[[dict[str, Any]], None] = lambda _entry: None

    def __post_init__(self) -> None:
        """Make room for the entries."""
        self._entries: deque[dict[str, Any]] = deque(maxlen=self.keep)

    def add(
        self,
        *,
        at: datetime,
        user: User | None,
        address: str | None,
        method: str,
        path: str,
        route: str,
        status: int,
        ms: float,
    ) -> None:
        """Log a request after its answer.

        Status 0 is one whose connection was closed without an answer.
        """
        self.total += 1
        self.by_status[status] += 1
        self.by_endpoint[f"{method} {route}"] += 1
        self.by_user[user.id if user else ""] += 1
        entry = {
            "number": self.total,
            "time": zulu(at),
            "user": user and user.name,
            "from": address,
        }
        whole = {**entry, "method": method, "path": path, "status": status, "ms": round(ms, 3)}
        self._entries.append(whole)
        self.watch(whole)

    def since(self, number: int) -> list[dict[str, Any]]:
        """The remembered entries after a number, oldest first."""
        forgotten = self.total - len(self._entries)
        return list(islice(self._entries, max(0, number - forgotten), None))
