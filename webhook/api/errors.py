"""Errors of the worker API: one body for all of them, with a code and a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError, ProgrammingError, SQLAlchemyError
from starlette.exceptions import HTTPException

from models.operations.outages import innermost
from models.production.reviews import UnknownPiece, UnknownTask
from models.production.steps import Step
from models.rules.statuses import BoardStatus
from webhook.body import CloseAfterResponse
from webhook.refusals import Refusal

log = structlog.get_logger("showrunner.worker_api")

_FAULTS_MAX: Final = 5
_NAME_MAX: Final = 60


class ErrorCode(StrEnum):
    """What went wrong, for programs."""

    INVALID_REQUEST = "invalid_request"
    NO_TOKEN = "no_token"  # noqa: S105 - the code's name
    WRONG_SCOPE = "wrong_scope"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_SLOW = "too_slow"
    LEASE_LOST = "lease_lost"
    GATE_NOT_APPROVED = "gate_not_approved"
    COLUMN_NOT_ALLOWED = "column_not_allowed"
    OUTDATED = "outdated"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    TOO_MANY_REQUESTS = "too_many_requests"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class Standing(BaseModel):
    """Where a task is by now."""

    board_status: BoardStatus
    gate: Step | None = Field(description="The step whose result waits for a person.")
    round: int | None = Field(description="The round of that step.")


class ErrorBody(BaseModel):
    """The body of every error."""

    error: ErrorCode = Field(examples=[ErrorCode.LEASE_LOST])
    message: str = Field(
        description="One or two sentences for people: what is wrong, and what to do.",
        examples=[
            'Worker "render/node-1" does not hold the lease of this task. Claim another one.'
        ],
    )
    task: Standing | None = Field(
        default=None, description="With `outdated`: where the task is by now."
    )


class ApiError(Exception):
    """A request that is refused with that status and body.

    Args:
        unread: the sender may still be sending, so that the connection must be closed afterwards.
    """

    def __init__(
        self,
        status: int,
        code: ErrorCode,
        message: str,
        *,
        task: Standing | None = None,
        headers: Mapping[str, str] | None = None,
        unread: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = ErrorBody(error=code, message=message, task=task)
        self.headers = headers
        self.unread = unread

    def response(self) -> JSONResponse:
        """The response that says it."""
        kind = CloseAfterResponse if self.unread else JSONResponse
        content = self.body.model_dump(mode="json", exclude_none=True)
        return kind(
            content, self.status, headers=None if self.headers is None else {**self.headers}
        )


UNAVAILABLE: Final = "The database does not answer. Send the request again in a few seconds."
_RETRY: Final = {"Retry-After": "5"}

_OF_SQLSTATE: Final = {
    "SR001": (409, ErrorCode.LEASE_LOST),
    "SR002": (422, ErrorCode.COLUMN_NOT_ALLOWED),
    "SR003": (409, ErrorCode.GATE_NOT_APPROVED),
}
_OF_REFUSAL: Final = {
    400: (ErrorCode.INVALID_REQUEST, "The body ended too early. Send it again."),
    408: (ErrorCode.TOO_SLOW, "The body took too long. Send it within 5 seconds."),
    413: (ErrorCode.TOO_LARGE, "The body is too large: it has at most 256 KiB."),
}
_OF_STATUS: Final = {
    404: (ErrorCode.NOT_FOUND, "There is no such address. /docs lists them."),
    405: (ErrorCode.METHOD_NOT_ALLOWED, "This address takes another method. /docs says which."),
    400: (ErrorCode.INVALID_REQUEST, "The body is no JSON that can be read."),
}


def install(app: FastAPI) -> None:
    """Answer every exception of the application with an `ErrorBody`."""
    app.add_exception_handler(ApiError, _of_api_error)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(UnknownTask, _of_missing)
    app.add_exception_handler(UnknownPiece, _of_piece)
    app.add_exception_handler(SQLAlchemyError, of_database)
    app.add_exception_handler(OSError, of_database)
    app.add_exception_handler(HTTPException, _of_status)
    app.add_exception_handler(Exception, _of_bug)


def of_refusal(refusal: Refusal) -> JSONResponse:
    """The response to a body that was not read."""
    code, message = _OF_REFUSAL[refusal.status]
    return ApiError(refusal.status, code, message, unread=refusal.unread).response()


def of_database(_request: Request | None, error: Exception) -> JSONResponse:
    """The response to an error of PostgreSQL: a refusal by a function, or an outage."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, psycopg.Error) and cause.sqlstate is not None:
        known = _OF_SQLSTATE.get(cause.sqlstate)
        if known is None and cause.sqlstate.startswith("22"):
            known = (422, ErrorCode.INVALID_REQUEST)
        if known is not None:
            status, code = known
            return ApiError(status, code, cause.diag.message_primary or str(code)).response()
    name = type(innermost(error)).__name__
    log.error("worker_api_database_failed", error=name)
    if isinstance(error, ProgrammingError):
        return _internal("The database refuses this: run `showrunner migrate`, and see the log.")
    return ApiError(503, ErrorCode.UNAVAILABLE, UNAVAILABLE, headers=_RETRY).response()


def _of_api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)  # noqa: S101 - as registered
    return error.response()


def _of_missing(_request: Request, error: Exception) -> JSONResponse:
    return ApiError(404, ErrorCode.NOT_FOUND, str(error)).response()


def _of_piece(_request: Request, error: Exception) -> JSONResponse:
    return ApiError(422, ErrorCode.INVALID_REQUEST, str(error)).response()


def _of_status(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    code, message = _OF_STATUS.get(
        error.status_code, (ErrorCode.INVALID_REQUEST, str(error.detail))
    )
    return ApiError(error.status_code, code, message, headers=error.headers).response()


def _of_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered
    faults = [_fault(one) for one in error.errors()]
    told = "; ".join(faults[:_FAULTS_MAX])
    message = f"The request cannot be used: {told}. /docs shows what it takes."
    return ApiError(422, ErrorCode.INVALID_REQUEST, message).response()


def _fault(error: Mapping[str, Any]) -> str:
    """One fault in words. What was sent is not repeated."""
    if error["type"] == "json_invalid":
        return "the body is no JSON"
    place: Sequence[Any] = error["loc"][1:] or error["loc"]
    name = ".".join(map(str, place))[:_NAME_MAX]
    if error["type"] == "extra_forbidden":
        return f"there is no key “{name}”"
    words = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {words[:1].lower()}{words[1:]}"


def _of_bug(_request: Request, error: Exception) -> JSONResponse:
    log.error("worker_api_failed", error=type(error).__name__, exc_info=error)
    return _internal("Showrunner failed at this. Its log says why.")


def _internal(message: str) -> JSONResponse:
    return ApiError(500, ErrorCode.INTERNAL, message).response()
