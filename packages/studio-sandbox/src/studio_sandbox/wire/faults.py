"""Faults on demand: which requests they strike, how often, and what happens to these.

Requests are counted and nothing is random, so the test that sets a fault determines the request
that it strikes. Faults are not kept: they end with the process.
"""

from dataclasses import dataclass
from typing import get_args

from studio_sandbox.config import SERVICES, Service

ROUTES: dict[Service, tuple[str, ...]] = {
    "gemini": ("generate", "model"),
    "kling": ("submit", "query", "list", "download"),
    "elevenlabs": ("speech", "sound", "history", "history_audio", "subscription"),
    "youtube": ("token", "insert", "upload", "channels", "playlist", "videos"),
}
ONLY_ON: dict[str, tuple[tuple[Service, str], ...]] = {
    "refusal": (("gemini", "generate"),),
    "stuck": (("kling", "submit"),),
    "failed": (("kling", "submit"),),
    "url_expired": (("kling", "query"),),
    "cut": (("youtube", "upload"),),
    "session_expired": (("youtube", "upload"),),
}
"""Kinds that only one route knows, and the route."""
ANYWHERE = ("lost_before", "lost_after", "delay", "error", "truncated")
KINDS = (*ANYWHERE, *ONLY_ON)
FINISH_REASONS = ("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "NO_IMAGE", "IMAGE_RECITATION")
SESSION_CODES = ("404", "410")
CODES: dict[Service, tuple[str, ...]] = {
    "gemini": ("400", "403", "404", "429", "500", "503"),
    "kling": (
        *("1000", "1001", "1002", "1003", "1004", "1100", "1101", "1102", "1103"),
        *("1200", "1201", "1203", "1300", "1301", "1302", "1303", "5000", "5001", "5002"),
    ),
    "elevenlabs": (
        *("invalid_api_key", "quota_exceeded", "too_many_concurrent_requests", "system_busy"),
        *("voice_not_found", "internal_server_error", "service_unavailable"),
    ),
    "youtube": (
        *("quotaExceeded", "uploadLimitExceeded", "rateLimitExceeded", "authError", "forbidden"),
        *("backendError", "serviceUnavailable", "invalid_grant"),
    ),
}
"""The errors that a fault can answer with, by service."""


@dataclass(frozen=True, kw_only=True)
class FaultSettings:
    """What a fault does to the requests that it strikes.

    Attributes:
        kind: `lost_before` closes the connection, and nothing happened. `lost_after` closes it
            after the work was done and charged. `delay` answers late. `error` refuses with `code`.
            `truncated` closes it after `at` bytes of the answer's body, or half of it. `refusal`
            is Gemini's answer 200 without an image; `code` is the finish reason. `stuck` lets
            Kling's job stay in processing; `failed` lets it fail with `message`. `url_expired`
            gives a URL that is not valid any more. `cut` closes an upload's connection when `at`
            bytes of the whole file have come. `session_expired` forgets the upload session.
        service, route: Only these requests; None for all.
        times: How many requests it strikes; None for all until it is cleared.
        skip: How many requests pass first.
        code: Which error, finish reason or status.
        message: The words of the error.
        delay_ms: Wait before the answer, after the work was done and charged.
        at: A number of bytes. An `error` of an upload comes after so many bytes of the whole file.
    """

    kind: str
    service: Service | None = None
    route: str | None = None
    times: int | None = 1
    skip: int = 0
    code: str | None = None
    message: str | None = None
    delay_ms: float = 0
    at: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: With one sentence.
        """
        for is_broken, rule in (*self._place_rules(), *self._amount_rules()):
            if is_broken:
                raise ValueError(rule)
        allowed = self._codes()
        if self.kind == "error" and self.code is None:
            raise ValueError(f"An error needs a code: one of {', '.join(allowed)}.")
        if self.code is not None and self.code not in allowed:
            raise ValueError(f"code must be one of {', '.join(allowed) or 'none'}.")

    def _place_rules(self) -> tuple[tuple[bool, str], ...]:
        """Where a fault may strike: whether each rule is broken, and its text."""
        routes = () if self.service is None else ROUTES.get(self.service, ())
        only = ONLY_ON.get(self.kind, ())
        return (
            (self.kind not in KINDS, f"kind must be one of {', '.join(KINDS)}."),
            (
                self.service not in (None, *get_args(Service)),
                f"service must be one of {', '.join(SERVICES)}.",
            ),
            (
                self.route is not None and self.route not in routes,
                f"route must be one of {', '.join(routes) or 'those of a service'}.",
            ),
            (
                self.kind == "error" and self.service is None,
                "An error needs a service, since each has errors of its own.",
            ),
            (
                bool(only) and (self.service, self.route) not in only,
                f"{self.kind} strikes only {' '.join(only[0] if only else ())}.",
            ),
        )

    def _amount_rules(self) -> tuple[tuple[bool, str], ...]:
        """Which amounts a fault may have: whether each rule is broken, and its text."""
        return (
            (
                self.times is not None and self.times < 1,
                "times must be at least 1, or null for all until it is cleared.",
            ),
            (min(self.skip, self.delay_ms, self.at or 0) < 0, "Amounts must not be negative."),
            (self.kind == "delay" and not self.delay_ms, "A delay needs delay_ms."),
            (self.kind == "cut" and self.at is None, "A cut needs at, a number of bytes."),
        )

    def _codes(self) -> tuple[str, ...]:
        if self.kind == "refusal":
            return FINISH_REASONS
        if self.kind == "session_expired":
            return SESSION_CODES
        if self.kind == "error" and self.service is not None:
            return CODES[self.service]
        return ()


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

    def strikes(self, service: Service, route: str) -> bool:
        """Count a request, if it is one of its kind; whether it is struck."""
        settings = self.settings
        if settings.service not in (None, service) or settings.route not in (None, route):
            return False
        self.met += 1
        struck = self.met > settings.skip and self.struck != settings.times
        self.struck += struck
        return struck


class Faults:
    """The faults of a sandbox, in the order they were set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._last = 0

    def add(self, settings: FaultSettings) -> Fault:
        """Set one."""
        self._last += 1
        self._faults.append(Fault(self._last, settings))
        return self._faults[-1]

    def all(self) -> list[Fault]:
        """Every fault that was set and not cleared, spent ones too."""
        return list(self._faults)

    def clear(self) -> int:
        """Remove all; returns how many."""
        count = len(self._faults)
        self._faults.clear()
        return count

    def strike(self, service: Service, route: str) -> FaultSettings | None:
        """The first fault that strikes a request; None for a request without one."""
        found = (fault for fault in self._faults if fault.strikes(service, route))
        fault = next(found, None)
        return fault.settings if fault else None
