"""When a request to Notion is repeated, and after how many seconds."""

from __future__ import annotations

from typing import Final

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from models.errors import NotionUnavailable, NotionWriteUncertain
from tasks.notion.shared_rate_limit import Sleep

ATTEMPTS: Final = 3
RETRY_AFTER_MAX: Final = 60.0
"""Seconds. A request whose Retry-After is longer fails with `retry_after` set (spec 3.2)."""

_BLOCKED: Final = "public_api_request_blocked"


def retrying(sleep: Sleep) -> AsyncRetrying:
    """At most three attempts, with the waits of spec 4.2; the last error is raised."""
    return AsyncRetrying(
        sleep=sleep,
        stop=stop_after_attempt(ATTEMPTS),
        retry=retry_if_exception(_is_retryable),
        wait=_wait,
        reraise=True,
    )


def _is_retryable(error: BaseException) -> bool:
    """Whether it is a failed read, or a write that surely was not saved, and the wait is short."""
    if not isinstance(error, NotionUnavailable) or isinstance(error, NotionWriteUncertain):
        return False
    return (error.retry_after or 0) <= RETRY_AFTER_MAX and error.code != _BLOCKED


_backoff = wait_exponential_jitter(initial=1, max=RETRY_AFTER_MAX, jitter=0.5)


def _wait(state: RetryCallState) -> float:
    """Seconds: Notion's Retry-After, else 1, 2, 4 with jitter (spec 4.2)."""
    error = None
    if state.outcome is not None:
        error = state.outcome.exception()
    if isinstance(error, NotionUnavailable) and error.retry_after is not None:
        return error.retry_after
    return _backoff(state)
