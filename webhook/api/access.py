"""Who may call what: bearer tokens, their scopes, their rate limit, and limits on bodies."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final

import structlog
from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.operations import api_tokens
from models.tables.production.tokens import Token
from webhook.api.database import Database
from webhook.api.errors import ApiError, ErrorCode, of_database, of_refusal
from webhook.api.token_rate_limit import RateLimiter
from webhook.auth import is_json
from webhook.body import BODY_SECONDS, read_body
from webhook.refusals import Refusal

log = structlog.get_logger("showrunner.worker_api")

_SECRET_MAX: Final = 200
"""Characters. A longer one is no secret of ours."""
_REFUSED: Final = (
    "Send “Authorization: Bearer …” with a token that counts: `showrunner token create` makes one."
)

_bearer: Final = HTTPBearer(
    auto_error=False,
    description="A token from `showrunner token create --scope worker|reviewer|reader NAME`.",
)


class Gatekeeper:
    """Lets requests for `/v1/…` through that bring a token and a body within its limits.

    The token is checked before the body is read. Everything else, such as `/docs`, needs none.
    """

    def __init__(
        self,
        app: ASGIApp,
        database: Database,
        limiter: RateLimiter,
        *,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._database = database
        self._limiter = limiter
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with an error, or hand the request on."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        try:
            token = await self._authenticate(Headers(scope=scope))
            body = await self._read(scope, receive)
        except ApiError as error:
            log.warning("worker_api_refused", reason=error.body.error)
            await error.response()(scope, receive, send)
        except Refusal as refusal:
            log.warning("worker_api_refused", reason=refusal.reason)
            await of_refusal(refusal)(scope, receive, send)
        except (SQLAlchemyError, OSError) as error:  # OSError: TimeoutError among others
            await of_database(None, error)(scope, receive, send)
        else:
            scope.setdefault("state", {})["token"] = token
            await self._app(scope, _replaying(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        body = await read_body(Request(scope, receive), seconds=self._body_seconds)
        if body and not is_json(Headers(scope=scope)):
            message = "Send the body as JSON, with “Content-Type: application/json”."
            raise ApiError(415, ErrorCode.NOT_JSON, message)
        return body

    async def _authenticate(self, headers: Headers) -> Token:
        kind, _, secret = headers.get("authorization", "").partition(" ")
        secret = secret.strip()
        token = None
        if kind.lower() == "bearer" and 0 < len(secret) <= _SECRET_MAX:
            async with self._database.transaction() as session:
                token = await api_tokens.token_of(session, secret, now=self._database.clock())
        if token is None:
            challenge = {"WWW-Authenticate": "Bearer"}
            raise ApiError(401, ErrorCode.NO_TOKEN, _REFUSED, headers=challenge, unread=True)
        wait = self._limiter.wait(token.name)
        if wait > 0:
            seconds = str(math.ceil(wait))
            raise ApiError(
                429,
                ErrorCode.TOO_MANY_REQUESTS,
                f"This token sends too many requests. Wait {seconds} s; `Retry-After` says so too.",
                headers={"Retry-After": seconds},
                unread=True,
            )
        return token


def _replaying(body: bytes, receive: Receive) -> Receive:
    """A channel that gives the body that was read, and afterwards what the client sends."""
    unread = [body]

    async def replay() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return replay


def needs(*scopes: api_tokens.Scope) -> Any:
    """A dependency that refuses a token of another scope; its value is the token."""

    def check(request: Request, _sent: Annotated[Any, Security(_bearer)]) -> Token:
        token: Token = request.state.token
        if token.scope not in scopes:
            named = " or ".join(f"“{scope}”" for scope in scopes)
            raise ApiError(
                403,
                ErrorCode.WRONG_SCOPE,
                f"This needs a token of the scope {named}; “{token.name}” has “{token.scope}”.",
            )
        return token

    return Depends(check)


WorkerToken = Annotated[Token, needs(api_tokens.Scope.WORKER)]
ReviewerToken = Annotated[Token, needs(api_tokens.Scope.REVIEWER)]
AnyToken = Annotated[Token, needs(*api_tokens.Scope)]
