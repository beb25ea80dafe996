"""The webhook receiver: one route that Notion calls, one that a monitor calls.

A delivery is processed in this order: cap the body, authenticate its sender over the raw bytes,
classify, parse, store, commit, answer 200, request an ingest run. The first step that fails refuses
it with nothing stored. A request makes no call to Notion, none to Prefect, and no other query.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.datastructures import Headers

from models.errors import DatabaseUnavailable
from models.operations.outages import innermost
from models.postgres.engine import Sessions, committing_at_once
from models.settings import Settings
from models.tables import webhook_event_queries as inbox_queries
from models.tables import webhook_events as inbox
from models.tables.webhook_events import Delivery
from webhook.auth import Authenticator, accepts, is_json
from webhook.body import BODY_SECONDS, CloseAfterResponse, read_body
from webhook.bots import Bots
from webhook.enrolment import DATABASE_SECONDS, Enrolment, Secrets
from webhook.events import Shape, handshake_token, parse, read_delivery, shape_of
from webhook.refusals import Refusal

log = structlog.get_logger("showrunner.webhook")


class Answer(StrEnum):
    """`status` of a 200."""

    RECEIVED = "received"
    ALREADY_RECEIVED = "already_received"


def create_app(
    settings: Settings,
    sessions: Sessions,
    *,
    clock: Callable[[], datetime],
    trigger: Callable[[], None],
    body_seconds: float = BODY_SECONDS,
    database_seconds: float = DATABASE_SECONDS,
    bots: Bots | None = None,
) -> FastAPI:
    """The webhook receiver as an ASGI application.

    Args:
        settings: only the secrets and whether enrolment is open are read.
        sessions: where the inbox is. The schema must be migrated. The receiver starts without a
            database, and then answers 503 until there is one.
        clock: the current time, aware; becomes `received_at`.
        trigger: called after each commit of a new event, unless that is an echo of our own write.
            Must return at once and never raise.
        body_seconds: time limit for receiving a whole body.
        database_seconds: time limit for the database; after it the answer is 503.
        bots: the Notion users whose events are echoes of our own writes. None: those that the
            database holds when the receiver starts.

    Returns:
        `POST /webhook/notion`: 200 `{"status": "received" | "already_received"}`; 400, 401, 408,
        413 `{"detail": "refused"}`; 503 `{"detail": "unavailable"}` when the database cannot store
        it, so that Notion sends it again.
        `GET /health`: 200 `{"status": "ok", "waiting": events}` or 503 `{"status": "unavailable"}`.
    """
    bots = bots or Bots(sessions, seconds=database_seconds)
    receiver = Receiver(
        settings,
        sessions,
        clock=clock,
        trigger=trigger,
        bots=bots,
        database_seconds=database_seconds,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await receiver.prepare()
        yield

    app = FastAPI(
        title="Showrunner's webhook receiver",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @app.post("/webhook/notion")
    async def receive(request: Request) -> JSONResponse:
        return await receiver.receive(request, body_seconds)

    @app.get("/health")
    async def health() -> JSONResponse:
        return await receiver.health()

    return app


class Receiver:
    """The receiver: authenticates deliveries and stores them in the inbox.

    Arguments as of `create_app`.
    """

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        *,
        clock: Callable[[], datetime],
        trigger: Callable[[], None],
        bots: Bots,
        database_seconds: float,
    ) -> None:
        self._secrets = Secrets(settings, sessions, clock, seconds=database_seconds)
        self._auth = Authenticator(settings, self._secrets)
        self._sessions = sessions
        self._storing = committing_at_once(sessions)
        self._clock = clock
        self._trigger = trigger
        self._bots = bots
        self._database_seconds = database_seconds
        self._failures = 0

    async def prepare(self) -> None:
        """Load the enrolled secret and our bots' ids before the first request.

        A database that does not answer is only logged.
        """
        try:
            await self._secrets.refresh()
            await self._bots.read()
        except (DatabaseUnavailable, SQLAlchemyError, OSError) as error:
            self._database_failed(error)

    async def health(self) -> JSONResponse:
        """Whether the inbox can be reached, and how many events wait in it."""
        try:
            async with asyncio.timeout(self._database_seconds), self._sessions() as session:
                waiting = await inbox_queries.waiting(session)
        except (SQLAlchemyError, OSError) as error:
            self._database_failed(error)
            return JSONResponse({"status": "unavailable"}, 503)
        self._database_works()
        return JSONResponse({"status": "ok", "waiting": waiting})

    async def receive(self, request: Request, body_seconds: float) -> JSONResponse:
        """Process one delivery. The response says whether it was accepted, never why not."""
        correlation_id = uuid4().hex
        body = b""
        try:
            body = await read_body(request, seconds=body_seconds)
            answer = await self._process(request.headers, body, correlation_id)
        except Refusal as refusal:
            return _refused(refusal, body, correlation_id)
        except DatabaseUnavailable as error:
            self._database_failed(error, correlation_id=correlation_id)
            return JSONResponse({"detail": "unavailable"}, 503)
        return JSONResponse({"status": answer})

    async def _process(self, headers: Headers, body: bytes, correlation_id: str) -> Answer:
        method = await self._auth.authenticate(headers, body)
        if method is None:
            return await self._enrol(headers, body, correlation_id)
        if not is_json(headers):
            raise Refusal(400, "not_json_content_type")
        payload = parse(body)
        shape = shape_of(payload)
        if not accepts(shape, method):
            raise Refusal(401, "proof_of_another_shape")
        if shape is Shape.HANDSHAKE:
            # Notion repeats a handshake whose answer was lost, and on "Resend token".
            if self._secrets.is_current(handshake_token(payload) or ""):
                return Answer.ALREADY_RECEIVED
            raise Refusal(401, "handshake_closed")
        return await self._store(read_delivery(payload, body), correlation_id)

    async def _enrol(self, headers: Headers, body: bytes, correlation_id: str) -> Answer:
        """Store the token of an unauthenticated handshake, while enrolment is open."""
        token = self._auth.token_to_enrol(headers, body)
        enrolment = await self._secrets.enrol(token)
        if enrolment is Enrolment.KNOWN:
            return Answer.ALREADY_RECEIVED
        if enrolment is Enrolment.SECRET:
            log.info("webhook_enrolled", correlation_id=correlation_id)
        else:
            log.warning(
                "webhook_token_waits",
                action="showrunner webhook token",
                correlation_id=correlation_id,
            )
        return Answer.RECEIVED

    async def _store(self, delivery: Delivery, correlation_id: str) -> Answer:
        # An echo of our own write holds nothing new: it is stored as processed, without a run.
        own = inbox.is_own_echo(delivery.event_type, delivery.payload, self._bots.ids)
        try:
            async with asyncio.timeout(self._database_seconds):
                new = await self._insert(delivery, correlation_id, own=own)
        except (SQLAlchemyError, OSError) as error:  # OSError: TimeoutError among others
            raise DatabaseUnavailable("The inbox cannot store events.") from error
        self._database_works()
        log.info(
            "webhook_received",
            event_id=delivery.event_id,
            event_type=delivery.event_type,
            page_id=delivery.page_id,
            duplicate=not new,
            correlation_id=correlation_id,
        )
        if not new:
            return Answer.ALREADY_RECEIVED
        if not own:
            self._trigger()
        return Answer.RECEIVED

    async def _insert(self, delivery: Delivery, correlation_id: str, *, own: bool) -> bool:
        """Commit a delivery to the inbox; False when it was there already."""
        try:
            return await self._insert_once(delivery, correlation_id, own=own)
        except DBAPIError as error:
            # A pooled connection that was cut, as all are when PostgreSQL restarts, is noticed only
            # in use: a test of each before use would cost a round trip per event. The insert is
            # idempotent.
            if not error.connection_invalidated:
                raise
        await self._insert_once(delivery, correlation_id, own=own)
        return True  # if it was there, then most likely from the failed attempt

    async def _insert_once(self, delivery: Delivery, correlation_id: str, *, own: bool) -> bool:
        async with self._storing.connect() as connection:
            return await inbox.put(
                connection, delivery, now=self._clock(), correlation_id=correlation_id, own=own
            )

    def _database_failed(self, error: BaseException, **context: str) -> None:
        """Log an outage once: deliveries come by the hundred, and Notion sends each again."""
        self._failures += 1
        if self._failures == 1:
            log.error(
                "inbox_unavailable",
                error=_class_of(error),
                action="notion_sends_events_again",
                **context,
            )

    def _database_works(self) -> None:
        if self._failures:
            log.info("inbox_back", failures=self._failures)
            self._failures = 0


def _refused(refusal: Refusal, body: bytes, correlation_id: str) -> JSONResponse:
    """Log the reason, and answer without it."""
    size = refusal.size
    if size is None:
        size = len(body)
    log.warning("webhook_refused", reason=refusal.reason, bytes=size, correlation_id=correlation_id)
    if refusal.unread:
        return CloseAfterResponse({"detail": "refused"}, refusal.status)
    return JSONResponse({"detail": "refused"}, refusal.status)


def _class_of(error: BaseException) -> str:
    """The class of the error underneath; its text and traceback hold the statement's values."""
    cause = error
    if isinstance(error, DatabaseUnavailable):
        cause = error.__cause__ or error
    return type(innermost(cause)).__name__
