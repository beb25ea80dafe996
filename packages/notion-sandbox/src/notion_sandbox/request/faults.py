"""Faults on demand: which requests they strike, how often, and what is answered.

Requests are counted and nothing is random, so a test that sets a fault knows which request it
strikes. Faults live as long as the process. Codes and wording: Notion's "Status codes" page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from notion_sandbox.errors import NotionError
from notion_sandbox.store.journal import LONGEST_LOOK_BACK
from notion_sandbox.store.objects import User

Who = Literal["bot", "person", "everyone"]
Drop = Literal["before", "after"]

_ANSWERS = {
    400: ("validation_error", "The request could not be validated."),
    401: ("unauthorized", "API token is invalid."),
    403: ("restricted_resource", "Insufficient permissions for this endpoint."),
    404: (
        "object_not_found",
        "Could not find the object. Make sure it is shared with your integration.",
    ),
    409: ("conflict_error", "Conflict occurred while saving. Please try again."),
    429: ("rate_limited", "You have been rate limited. Please try again in a few minutes."),
    500: ("internal_server_error", "Unexpected error occurred."),
    502: ("bad_gateway", "Bad gateway."),
    503: ("service_unavailable", "Notion is unavailable, please try again later."),
    504: ("gateway_timeout", "Gateway timeout."),
    529: ("service_overload", "Notion is overloaded, please try again later."),
}
_UNTIL_CLEARED = (401, 403, 404)
_SAVED_GUIDANCE = "Do not repeat the write: it was saved. Read the object before you decide."


class ConnectionDropped(Exception):
    """The connection is closed without an answer."""


class HtmlError(NotionError):
    """An answer that a proxy before Notion gives: HTML instead of JSON."""

    def page(self) -> str:
        """The body."""
        title = f"{self.status} {self.code.replace('_', ' ').title()}"
        head = f"<html>\r\n<head><title>{title}</title></head>\r\n"
        return f"{head}<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"


@dataclass(frozen=True, kw_only=True)
class FaultSettings:
    """What a fault does to the requests it strikes.

    Attributes:
        status: The answer; None answers as usual, or not at all.
        times: How many requests it strikes; None: all until it is cleared.
        skip: How many it lets through first.
        method: Only this method.
        path: Only paths that begin so.
        who: Whose requests.
        retry_after: Seconds in Retry-After; None leaves the header out.
        saved: The write takes effect first; a delay then comes after it.
        html: The body is HTML.
        delay_ms: Wait that long.
        drop: Close the connection without an answer, before or after the write took effect.
        stale_seconds: Queries answer from the state of so many seconds ago.
    """

    status: int | None = None
    times: int | None = 1
    skip: int = 0
    method: str | None = None
    path: str = "/v1/"
    who: Who = "bot"
    retry_after: int | None = None
    saved: bool = False
    html: bool = False
    delay_ms: float = 0
    drop: Drop | None = None
    stale_seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: With one sentence.
        """
        if self.status is not None and self.status not in _ANSWERS:
            raise ValueError(f"status must be one of {', '.join(map(str, _ANSWERS))}.")
        if (
            self.status is None
            and self.drop is None
            and self.stale_seconds is None
            and not self.delay_ms
        ):
            raise ValueError("A fault needs status, drop, delay_ms or stale_seconds.")
        if sum(item is not None for item in (self.status, self.drop, self.stale_seconds)) > 1:
            raise ValueError("A fault has one of status, drop and stale_seconds.")
        if self.status is None and (self.html or self.retry_after is not None):
            raise ValueError("html and retry_after need a status.")
        if self.saved and self.drop is not None:
            raise ValueError('Use "drop": "after" for a write that is saved and not answered.')
        if self.stale_seconds is not None and (self.delay_ms or self.saved):
            raise ValueError("stale_seconds goes with no delay_ms and no saved.")
        self._check_amounts()

    def _check_amounts(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1, or null for all until it is cleared.")
        if min(self.skip, self.delay_ms, self.retry_after or 0, self.stale_seconds or 0) < 0:
            raise ValueError("skip, delay_ms, retry_after and stale_seconds must not be negative.")
        longest = LONGEST_LOOK_BACK.total_seconds()
        if self.stale_seconds is not None and self.stale_seconds > longest:
            raise ValueError(f"stale_seconds must be at most {longest:.0f}.")

    def strikes(self, user: User, method: str, path: str) -> bool:
        """Whether a request is one of those it is meant for."""
        theirs = self.who in ("everyone", user.kind)
        return theirs and self.method in (None, method) and path.startswith(self.path)

    def answer(self, committed_id: str | None = None) -> NotionError | None:
        """The error it answers with, if any.

        Args:
            committed_id: The page or database that was saved all the same.
        """
        if self.status is None:
            return None
        code, message = _ANSWERS[self.status]
        facts: dict[str, str] = {}
        headers: dict[str, str] = {}
        if self.status == 429:  # noqa: PLR2004
            facts["rate_limit_reason"] = "public_api_request_rate_limit"
        if self.retry_after is not None:
            headers["Retry-After"] = facts["retry_after"] = str(self.retry_after)
        if committed_id is not None and self.status == 503:  # noqa: PLR2004
            facts |= {"retry_guidance": _SAVED_GUIDANCE, "committed_resource_id": committed_id}
        kind = HtmlError if self.html else NotionError
        return kind(self.status, code, message, additional_data=facts or None, headers=headers)


@dataclass
class Fault:
    """A trouble that was set.

    `met` counts the requests it was meant for, `struck` those it struck.
    """

    number: int
    trouble: FaultSettings
    met: int = 0
    struck: int = 0

    @property
    def spent(self) -> bool:
        """Whether it strikes no more."""
        return self.trouble.times is not None and self.struck >= self.trouble.times

    def take(self) -> bool:
        """Count a request it is meant for; says whether it strikes this one."""
        self.met += 1
        strikes = self.met > self.trouble.skip and not self.spent
        self.struck += strikes
        return strikes


class Faults:
    """The faults of a sandbox, in the order they were set.

    The first that strikes a request has it alone.

    `watch` is called when one was set, struck or cleared.
    """

    def __init__(self) -> None:
        self.watch: Callable[[], None] = lambda: None
        self._faults: list[Fault] = []
        self._last = 0

    def add(self, status: int | None = None, **settings: Any) -> Fault:
        """Set one by the names of `FaultSettings`: `faults.add(429, times=3, retry_after=7)`.

        Without `times` a revoked token, a missing permission or object, and stale queries last
        until they are cleared; everything else strikes once.

        Raises:
            ValueError: With one sentence, when it cannot work.
        """
        lasting = status in _UNTIL_CLEARED or settings.get("stale_seconds") is not None
        trouble = FaultSettings(**{"times": None if lasting else 1, "status": status, **settings})
        self._last += 1
        self._faults.append(Fault(self._last, trouble))
        self.watch()
        return self._faults[-1]

    def all(self) -> list[Fault]:
        """Every fault that was set and not cleared, spent ones too."""
        return list(self._faults)

    def clear(self, number: int | None = None) -> int:
        """Remove one, or all of them; gives how many."""
        kept = [fault for fault in self._faults if number is not None and fault.number != number]
        removed = len(self._faults) - len(kept)
        self._faults = kept
        self.watch()
        return removed

    def strike(self, user: User, method: str, path: str) -> FaultSettings | None:
        """The trouble that a request meets, counted; None for a request that goes through."""
        return self._first(user, method, path, stale=False)

    def staleness(self, user: User, method: str, path: str) -> float:
        """How many seconds a query looks back; 0 for one that sees the present."""
        found = self._first(user, method, path, stale=True)
        return 0 if found is None else found.stale_seconds or 0

    def _first(self, user: User, method: str, path: str, *, stale: bool) -> FaultSettings | None:
        for fault in self._faults:
            trouble = fault.trouble
            meant = (trouble.stale_seconds is not None) is stale and trouble.strikes(
                user, method, path
            )
            if meant and fault.take():
                self.watch()
                return trouble
        return None
