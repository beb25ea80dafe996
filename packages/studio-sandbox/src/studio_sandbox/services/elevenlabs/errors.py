"""The errors of ElevenLabs: HTTP status, type and message by code."""

import secrets
from typing import Final

from studio_sandbox.errors import ServiceError

_ERRORS: Final = {
    "invalid_api_key": (401, "authentication_error", "Invalid API key"),
    "quota_exceeded": (401, "payment_required", "This request exceeds your quota."),
    "too_many_concurrent_requests": (
        *(429, "rate_limit_error"),
        "Too many concurrent requests. Your plan has a limit of requests at the same time.",
    ),
    "system_busy": (
        *(429, "rate_limit_error"),
        "We are experiencing heavy traffic, please try again.",
    ),
    "voice_not_found": (400, "not_found", "A voice with that voice_id was not found."),
    "history_item_not_found": (404, "not_found", "The history item was not found."),
    "max_character_limit_exceeded": (400, "validation_error", "The text is too long."),
    "internal_server_error": (500, "internal_error", "An internal error occurred."),
    "service_unavailable": (503, "service_unavailable", "The service is unavailable."),
}


def elevenlabs_error(code: str, message: str | None = None) -> ServiceError:
    """An error in the form of ElevenLabs."""
    status, kind, usual = _ERRORS[code]
    detail = {"type": kind, "status": code, "message": message or usual}
    return ServiceError(status, {"detail": {**detail, "request_id": new_request_id()}})


def invalid(field: str, message: str, kind: str = "value_error") -> ServiceError:
    """The error 422, which names a field."""
    detail = {"type": kind, "loc": ["body", field], "msg": message}
    return ServiceError(422, {"detail": [detail]})


def new_request_id() -> str:
    """A new one."""
    return secrets.token_urlsafe(15)
