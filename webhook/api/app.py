"""The worker API as an ASGI application."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI

from models.postgres.engine import Sessions
from webhook.api import errors, review_routes, task_routes, worker_routes
from webhook.api.access import Gatekeeper
from webhook.api.database import SECONDS, Database
from webhook.api.token_rate_limit import RateLimiter
from webhook.body import BODY_SECONDS

_DESCRIPTION: Final = """
Take tasks, report how far they are, and decide about them. The functions of the schema `showrunner`
in PostgreSQL do the same; docs/workers.md has workers in several languages.

Every request brings a token: `Authorization: Bearer …`. Every error has the same body, with a code
for programs and a sentence for people.
"""

_ERRORS: Final = {
    401: "No token that counts.",
    403: "The token has another scope.",
    404: "There is no such task.",
    409: "The lease is not yours, a gate is not approved, or the task has moved on.",
    413: "The body is larger than 256 KiB.",
    422: "Something in the request cannot be used.",
    429: "Too many requests with this token; `Retry-After` says how many seconds to wait.",
    503: "The database does not answer; `Retry-After` says when to try again.",
}


def create_api(
    sessions: Sessions,
    *,
    clock: Callable[[], datetime],
    limiter: RateLimiter | None = None,
    body_seconds: float = BODY_SECONDS,
    database_seconds: float = SECONDS,
) -> FastAPI:
    """The worker API: `/v1/…` for tokens, `/docs` and `/openapi.json` for everybody.

    Args:
        sessions: a database whose schema is migrated. Without one the answer is 503.
        clock: the current time, aware.
        limiter: how many requests a token may make.
        body_seconds: time limit for receiving a whole body.
        database_seconds: time limit for the database; after it the answer is 503.
    """
    database = Database(sessions, clock, seconds=database_seconds)
    app = FastAPI(
        title="Showrunner's worker API",
        version="1",
        description=_DESCRIPTION,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.database = database
    described: dict[int | str, dict[str, Any]] = {
        status: {"model": errors.ErrorBody, "description": words}
        for status, words in _ERRORS.items()
    }
    for routes in (worker_routes, task_routes, review_routes):
        app.include_router(routes.router, responses=described)
    errors.install(app)
    app.add_middleware(
        Gatekeeper,
        database=database,
        limiter=limiter or RateLimiter(),
        body_seconds=body_seconds,
    )
    return app
