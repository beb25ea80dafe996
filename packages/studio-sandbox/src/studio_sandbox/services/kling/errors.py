"""Kling's errors: HTTP status and message by service code."""

import secrets
from typing import Any, Final

from studio_sandbox.errors import ServiceError

_ERRORS: Final = {
    1000: (401, "Authentication failed"),
    1001: (401, "Authorization is empty"),
    1002: (401, "Authorization is invalid"),
    1003: (401, "Authorization is not yet valid"),
    1004: (401, "Authorization has expired"),
    1100: (429, "Account exception"),
    1101: (429, "Account in arrears"),
    1102: (429, "Account balance not enough"),
    1103: (403, "Unauthorized access to requested resource"),
    1200: (400, "Invalid request parameters"),
    1201: (400, "Invalid parameters"),
    1203: (404, "The requested resource does not exist"),
    1300: (400, "Trigger strategy of the platform"),
    1301: (400, "Trigger the content security policy of the platform"),
    1302: (429, "The API request is too fast"),
    1303: (429, "Parallel task over resource pack limit"),
    5000: (500, "Server internal error"),
    5001: (503, "Server temporarily unavailable"),
    5002: (504, "Server internal timeout"),
}


def kling_error(code: str | int, message: str | None = None) -> ServiceError:
    """An error in Kling's form."""
    number = int(code)
    status, usual = _ERRORS[number]
    body = {"code": number, "message": message or usual, "request_id": request_id()}
    return ServiceError(status, body)


def kling_answer(data: Any) -> dict[str, Any]:
    """An answer in Kling's form."""
    return {"code": 0, "message": "SUCCEED", "request_id": request_id(), "data": data}


def request_id() -> str:
    """A new one."""
    return secrets.token_hex(16)
