"""What Notion's answers mean for a caller: the SDK's and HTTP's errors as Showrunner's own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
from notion_client.errors import HTTPResponseError, RequestTimeoutError

from models.errors import (
    NotionAuthError,
    NotionCursorExpired,
    NotionForbidden,
    NotionIntegrationError,
    NotionPageNotFound,
    NotionRejected,
    NotionUnavailable,
    NotionWriteUncertain,
)

NOT_NOTIONS: Final = "not Notion's answer: does a proxy, a firewall or a log-in page stand between?"

_NOT_SAVED: Final = frozenset({409, 429, 529})
"""Answers that say the request had no effect, whatever its method (Notion: errors; request limits).
"""


_CURSOR: Final = "start_cursor"
"""What Notion's refusal of a cursor names: "The start_cursor provided is invalid"."""
BEGINNINGS: Final = 3
"""How often a list is read from where it begins before that counts as Notion failing."""


def verdict(error: Exception, *, writes: bool) -> NotionIntegrationError:
    """Showrunner's error for one of the SDK's."""
    if isinstance(error, RequestTimeoutError):
        return uncertain("Notion did not answer in time", writes=writes)
    if not isinstance(error, HTTPResponseError):
        return NotionRejected(str(error))
    status, known = error.status, _read(error)
    if known is None and status < 500 and status not in _NOT_SAVED:  # noqa: PLR2004
        return uncertain(f"{status} is {NOT_NOTIONS}", writes=writes)
    code, message = known or (None, NOT_NOTIONS)
    told = (
        f"Notion answered {status} ({code}): {message}" if known else f"{status} is {NOT_NOTIONS}"
    )
    if status == 401:  # noqa: PLR2004
        return NotionAuthError(f"{told} - is NOTION_API_TOKEN right?", status=status, code=code)
    if status == 403:  # noqa: PLR2004
        cure = "does the connection have the capabilities it needs?"
        return NotionForbidden(f"{told} - {cure}", status=status, code=code)
    if status == 404:  # noqa: PLR2004 - HTTP's own number
        return NotionPageNotFound(told, status=status, code=code)
    if status in _NOT_SAVED:
        return NotionUnavailable(told, status=status, code=code, retry_after=_retry_after(error))
    if status >= 500:  # noqa: PLR2004
        return uncertain(told, writes=writes, status=status, code=code)
    kind = NotionCursorExpired if _CURSOR in message else NotionRejected
    return kind(told, status=status, code=code)


def cursor_refused(error: NotionCursorExpired) -> NotionUnavailable:
    """What it means when Notion refuses the cursors that it gave a moment ago, again and again."""
    return NotionUnavailable(
        f"Notion refuses each place in a list that it named itself, {BEGINNINGS} times over: {error}",
        status=error.status,
        code=error.code,
    )


def uncertain(
    message: str, *, writes: bool, status: int | None = None, code: str | None = None
) -> NotionIntegrationError:
    """An answer that leaves open what became of the request: of a write it may have been saved."""
    kind = NotionWriteUncertain if writes else NotionUnavailable
    return kind(message, status=status, code=code)


def unanswered(error: httpx.RequestError, *, writes: bool) -> NotionIntegrationError:
    """Showrunner's error for a connection that brought no answer."""
    # A connection that was never made carried nothing, so even a write may be repeated.
    sent = not isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
    )
    return uncertain(f"Notion cannot be reached ({type(error).__name__})", writes=writes and sent)


def of_notion(answer: object, *, writes: bool) -> dict[str, Any]:
    """An answer of status 200 as it is, when it is one of Notion's objects.

    Raises:
        NotionUnavailable, NotionWriteUncertain: it is something else's that answers for Notion.
    """
    if isinstance(answer, dict) and isinstance(answer.get("object"), str):
        return answer
    raise uncertain(f"This is {NOT_NOTIONS}", writes=writes)


def _read(error: HTTPResponseError) -> tuple[str, str] | None:
    """Code and message of Notion's error object; None where the body is none: then who answered was not Notion."""
    try:
        body = json.loads(error.body)
        if body["object"] != "error":
            return None
        reason = (body.get("additional_data") or {}).get("rate_limit_reason")
        code = reason if reason == "public_api_request_blocked" else str(body["code"])
        return code, str(body["message"])[:500]
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _retry_after(error: HTTPResponseError) -> float | None:
    """Seconds that the Retry-After header asks for; None without one."""
    raw = error.headers.get("retry-after")
    if raw is None:
        return None
    try:
        return max(0.0, float(raw))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(raw) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
