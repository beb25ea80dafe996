"""Faults on demand: which requests they strike, how often, and what is answered.

Requests are counted and nothing is random, so the test that sets a fault determines the request
that it strikes. Faults are not saved: they end with the process.
 Codes and wording: Notion's "Status codes" page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from notion_sandbox.errors import NotionError
from notion_sandbox.store.journal import MAX_HISTORY
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
        times: How many requests it strikes; None for all until it is cleared.
        skip: How many requests pass first.
        method: Only this method.
        path: Only paths that begin with this.
        who: Whose requests.
        retry_after: Seconds in Retry-After; None leaves the header out.
        saved: The write takes effect first; a delay then comes after it.
        html: The body is HTML.
        delay_ms: Wait before the answer, in milliseconds.
        drop: Close the connection without an answer, before or after the write took effect.
        stale_seconds: Queries answer from the state of that many seconds ago.
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
        for is_broken, rule in (*self._effect_rules(), *self._amount_rules()):
            if is_broken:
                raise ValueError(rule)

    def _effect_rules(self) -> tuple[tuple[bool, str], ...]:
        """Which effects a fault may have together: whether each rule is broken, and its text."""
        effects = [self.status, self.drop, self.stale_seconds]
        count = len(effects) - effects.count(None)
        delayed, stale = self.delay_ms != 0, self.stale_seconds is not None
        return (
            (
                self.status not in (None, *_ANSWERS),
                f"status must be one of {', '.join(map(str, _ANSWERS))}.",
            ),
            (
                count == 0 and not delayed,
                "A fault needs status, drop, delay_ms or stale_seconds.",
            ),
            (count > 1, "A fault has one of status, drop and stale_seconds."),
            (
                self.status is None and (self.html or self.retry_after is not None),
                "html and retry_after need a status.",
            ),
            (
                self.saved and self.drop is not None,
                'Use "drop": "after" for a write that is saved and not answered.',
            ),
            (
                stale and (delayed or self.saved),
                "stale_seconds goes with no delay_ms and no saved.",
            ),
        )

    def _amount_rules(self) -> tuple[tuple[bool, str], ...]:
        """Which amounts a fault may have: whether each rule is broken, and its text."""
        amounts = (self.skip, self.delay_ms, self.retry_after or 0, self.stale_seconds or 0)
        longest = MAX_HISTORY.total_seconds()
        return (
            (
                self.times is not None and self.times < 1,
                "times must be at least 1, or null for all until it is cleared.",
            ),
            (
                min(amounts) < 0,
                "skip, delay_ms, retry_after and stale_seconds must not be negative.",
            ),
            ((self.stale_seconds or 0) > longest, f"stale_seconds must be at most {longest:.0f}."),
        )

    @property
    def is_stale_read(self) -> bool:
        """Whether it makes queries answer from an earlier state, and changes nothing else."""
        return self.stale_seconds is not None

    def applies_to(self, user: User, method: str, path: str) -> bool:
        """Whether a request is of the kind that the fault is set for."""
        is_user = self.who in ("everyone", user.kind)
        is_method = self.method in (None, method)
        return is_user and is_method and path.startswith(self.path)

    def answer(self, committed_id: str | None = None) -> NotionError | None:
        """The error it answers with, if any.

        Args:
            committed_id: The page or database that was saved in spite of the error.
        """
        if self.status is None:
            return None
        code, message = _ANSWERS[self.status]
        facts: dict[str, str] = {}
        headers: dict[str, str] = {}
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            facts["rate_limit_reason"] = "public_api_request_rate_limit"
        if self.retry_after is not None:
            headers["Retry-After"] = facts["retry_after"] = str(self.retry_after)
        if committed_id is not None and self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            facts |= {"retry_guidance": _SAVED_GUIDANCE, "committed_resource_id": committed_id}
        kind = HtmlError if self.html else NotionError
        return kind(self.status, code, message, additional_data=facts or None, headers=headers)


@dataclass
class Fault:
    """A fault that was set.

    Attributes:
        number: Identifies it.
        settings: What it does to which requests.
        met: How many requests of that kind came.
        struck: How many of them it struck.
    """

    number: int
    settings: FaultSettings
    met: int = 0
    struck: int = 0

    @property
    def spent(self) -> bool:
        """Whether it has struck as many requests as it should."""
        return self.struck == self.settings.times

    def count(self) -> bool:
        """Count a request of its kind; returns whether it strikes this one."""
        self.met += 1
        strikes = self.met > self.settings.skip and not self.spent
        self.struck += strikes
        return strikes


class Faults:
    """The faults of a sandbox, in the order they were set.

    Only the first that strikes a request applies to it.

    `watch` is called when one was set, struck or cleared.
    """

    def __init__(self) -> None:
        self.watch: Callable[[], None] = lambda: None
        self._faults: list[Fault] = []
        self._last = 0

    def add(self, status: int | None = None, **settings: Any) -> Fault:
        """Set one by the names of `FaultSettings`: `faults.add(429, times=3, retry_after=7)`.

        Without `times`, these last until they are cleared: 401, 403, 404 and stale queries. All
        others strike once.

        Raises:
            ValueError: With one sentence, when it cannot work.
        """
        lasting = status in _UNTIL_CLEARED or settings.get("stale_seconds") is not None
        times = None if lasting else 1
        chosen = FaultSettings(**{"times": times, "status": status, **settings})
        self._last += 1
        self._faults.append(Fault(self._last, chosen))
        self.watch()
        return self._faults[-1]

    def all(self) -> list[Fault]:
        """Every fault that was set and not cleared, spent ones too."""
        return list(self._faults)

    def clear(self, number: int | None = None) -> int:
        """Remove one, or all of them; returns how many."""
        removed = [fault for fault in self._faults if number in (None, fault.number)]
        self._faults = [fault for fault in self._faults if fault not in removed]
        self.watch()
        return len(removed)

    def strike(self, user: User, method: str, path: str) -> FaultSettings | None:
        """The fault that strikes a request, which is counted; None for a request without one."""
        return self._first(user, method, path, stale=False)

    def staleness(self, user: User, method: str, path: str) -> float:
        """The age in seconds of the state that a query reads; 0 for the present one."""
        found = self._first(user, method, path, stale=True)
        return (found and found.stale_seconds) or 0

    def _first(self, user: User, method: str, path: str, *, stale: bool) -> FaultSettings | None:
        for fault in self._faults:
            settings = fault.settings
            concerned = settings.is_stale_read is stale and settings.applies_to(user, method, path)
            if concerned and fault.count():
                self.watch()
                return settings
        return None
