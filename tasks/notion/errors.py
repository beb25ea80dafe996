"""Translate the errors of Notion's SDK and of HTTP into Showrunner's own."""

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
"""Statuses that mean the request had no effect (Notion: errors; request limits)."""


_CURSOR: Final = "start_cursor"
"""Part of Notion's message for an expired cursor: "The start_cursor provided is invalid"."""
BEGINNINGS: Final = 3
"""How often a list is read from its beginning before that counts as an outage."""


def translate(error: Exception, *, writes: bool) -> NotionIntegrationError:
    """Showrunner's error for one of the SDK's."""
    if isinstance(error, RequestTimeoutError):
        return uncertain("Notion did not answer in time", writes=writes)
    if not isinstance(error, HTTPResponseError):
        return NotionRejected(str(error))
    status, known = error.status, _read(error)
    if known is None:
        return _not_notions(error, writes=writes)
    code, message = known
    text = f"Notion answered {status} ({code}): {message}"
    if status == httpx.codes.UNAUTHORIZED:
        return NotionAuthError(f"{text} - is NOTION_API_TOKEN right?", status=status, code=code)
    if status == httpx.codes.FORBIDDEN:
        cure = "does the connection have the capabilities it needs?"
        return NotionForbidden(f"{text} - {cure}", status=status, code=code)
    if status == httpx.codes.NOT_FOUND:
        return NotionPageNotFound(text, status=status, code=code)
    if status in _NOT_SAVED:
        return NotionUnavailable(text, status=status, code=code, retry_after=_retry_after(error))
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return uncertain(text, writes=writes, status=status, code=code)
    kind = NotionCursorExpired if _CURSOR in message else NotionRejected
    return kind(text, status=status, code=code)


def _not_notions(error: HTTPResponseError, *, writes: bool) -> NotionIntegrationError:
    """The error for an answer whose body is none of Notion's error objects."""
    status, text = error.status, f"{error.status} is {NOT_NOTIONS}"
    if status in _NOT_SAVED:
        return NotionUnavailable(text, status=status, retry_after=_retry_after(error))
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return uncertain(text, writes=writes, status=status)
    return uncertain(text, writes=writes)


def cursor_refused(error: NotionCursorExpired) -> NotionUnavailable:
    """The error for cursors that Notion returned a moment ago and then refused repeatedly."""
    return NotionUnavailable(
        "Notion refuses each place in a list that it named itself, "
        f"{BEGINNINGS} times over: {error}",
        status=error.status,
        code=error.code,
    )


def uncertain(
    message: str, *, writes: bool, status: int | None = None, code: str | None = None
) -> NotionIntegrationError:
    """The error for an answer after which a write may or may not have been saved."""
    kind = NotionWriteUncertain if writes else NotionUnavailable
    return kind(message, status=status, code=code)


def unanswered(error: httpx.RequestError, *, writes: bool) -> NotionIntegrationError:
    """The error for a request without an answer."""
    # Without a connection nothing was sent, so even a write may be repeated.
    sent = not isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError
    )
    return uncertain(f"Notion cannot be reached ({type(error).__name__})", writes=writes and sent)


def of_notion(answer: object, *, writes: bool) -> dict[str, Any]:
    """Return the body of a 200 if it is one of Notion's objects.

    Raises:
        NotionUnavailable, NotionWriteUncertain: something else answered in Notion's place.
    """
    if isinstance(answer, dict) and isinstance(answer.get("object"), str):
        return answer
    raise uncertain(f"This is {NOT_NOTIONS}", writes=writes)


def _read(error: HTTPResponseError) -> tuple[str, str] | None:
    """Code and message of Notion's error object; None when the body is none of Notion's."""
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
    """Seconds of the Retry-After header; None without one."""
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
