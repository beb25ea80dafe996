"""JSON bodies over HTTP, in and out."""

import json
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from notion_sandbox.errors import NotionError, body_error, validation_error

MAX_BODY = 500_000
"""Bytes of a request's body (Notion: "Request limits")."""


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes | None:
    """The body; None when it is over the limit. The rest of such a body is read and discarded."""
    received = bytearray()
    async for chunk in request.stream():
        if len(received) <= limit:
            received += chunk
    if len(received) > limit:
        return None
    return bytes(received)


def json_object(raw: bytes | None) -> dict[str, Any]:
    """The object of a request's body; {} for an empty one.

    Raises:
        NotionError: invalid_json, or validation_error for what is too large or no object.
    """
    if raw is None:
        raise validation_error(
            f"The request body is too large: at most {MAX_BODY} bytes are allowed."
        )
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw, parse_constant=_no_constant)
        if b"\\ud" in raw.lower():
            body = _repaired(body)
    except (ValueError, RecursionError):
        raise NotionError(400, "invalid_json", "Error parsing JSON body.") from None
    if not isinstance(body, dict):
        raise body_error(f"body should be an object, instead was `{json.dumps(body)[:100]}`.")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _repaired(value: Any) -> Any:
    """The value with lone surrogates replaced, which UTF-8 cannot carry."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_repaired(item) for item in value]
        case dict():
            return {_repaired(key): _repaired(item) for key, item in value.items()}
    return value


def json_response(
    body: Any, status: int, at: datetime, headers: dict[str, str] | None = None
) -> Response:
    """A JSON answer with the Date of the sandbox's own clock."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    date = {
        "Date": format_datetime(at, usegmt=True),
        "Content-Type": "application/json; charset=utf-8",
    }
    return Response(content, status, headers={**date, **(headers or {})})
