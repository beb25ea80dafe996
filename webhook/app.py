"""The door: one route that Notion calls, one that a monitor calls.

A delivery is taken in this order, and the first step that fails refuses it with nothing stored: cap
the body, prove who sends it over the raw bytes, only then look at what it is, parse it, store it,
commit, answer 200, start the ingest. No call to Notion, no call to Prefect and no other query
happens inside a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.datastructures import Headers

from models.errors import DatabaseUnavailable
from models.postgres.engine import Sessions, committing_at_once
from models.settings import Settings
from models.tables import webhook_event_queries as inbox_queries
from models.tables import webhook_events as inbox
from models.tables.webhook_events import Delivery
from webhook.body import BODY_SECONDS, CloseAfterResponse, read_body
from webhook.bots import Bots
from webhook.enrolment import DATABASE_SECONDS, Enrolment, Secrets
from webhook.events import Shape, handshake_token, parse, read_delivery, shape_of
from webhook.refusals import Refusal
from webhook.signature import SECRET_HEADER, SIGNATURE_HEADER, same_secret, verify, well_formed

HANDSHAKE_MAX: Final = 4 * 1024
"""Bytes. A handshake is parsed before anything proves its sender, so it has to be small; Notion's
is 80."""

log = structlog.get_logger("showrunner.webhook")


class AuthMethod(StrEnum):
    """What showed that a sender may speak."""

    SIGNATURE = "signature"
    HEADER_SECRET = "header_secret"  # noqa: S105 - the proof's name


class Answer(StrEnum):
    """`status` of a 200."""

    RECEIVED = "received"
    ALREADY_RECEIVED = "already_received"


_PROOFS: Final = {
    Shape.NOTION: {AuthMethod.SIGNATURE},
    Shape.HANDSHAKE: {AuthMethod.SIGNATURE},
    Shape.AUTOMATION: {AuthMethod.HEADER_SECRET},
    Shape.FLAT: {AuthMethod.SIGNATURE, AuthMethod.HEADER_SECRET},
}
"""Which proof counts for which shape. Notion signs its webhooks and cannot sign an automation's."""


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
    """The door as an ASGI application.

    Args:
        settings: secrets and whether enrolment is open; nothing else of them is read.
        sessions: where the inbox is. The schema must be migrated; the door starts without a
            database, and then answers 503 until there is one.
        clock: the current time, aware; becomes `received_at`.
        trigger: called after each commit of a new event that is not our own write coming back; must
            return at once and never raise.
        body_seconds: seconds a whole body may take.
        database_seconds: seconds after which the database counts as away.
        bots: whose writes are our own; None: those that the database knows when the door opens.

    Returns:
        `POST /webhook/notion`: 200 `{"status": "received" | "already_received"}`; 400, 401, 408,
        413 `{"detail": "refused"}`; 503 `{"detail": "unavailable"}` when the database cannot store
        it, so that Notion sends it again.
        `GET /health`: 200 `{"status": "ok", "waiting": events}` or 503 `{"status": "unavailable"}`.
    """
    bots = bots or Bots(sessions, seconds=database_seconds)
    door = Door(
        settings,
        sessions,
        clock=clock,
        trigger=trigger,
        bots=bots,
        database_seconds=database_seconds,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await door.prepare()
        yield

    app = FastAPI(
        title="Showrunner's door",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @app.post("/webhook/notion")
    async def receive(request: Request) -> JSONResponse:
        return await door.receive(request, body_seconds)

    @app.get("/health")
    async def health() -> JSONResponse:
        return await door.health()

    return app


class Door:
    """Judges deliveries and puts them into the inbox. Arguments as of `create_app`."""

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
        secret = settings.automation_webhook_secret
        self._header_secret = None if secret is None else secret.get_secret_value()
        self._secrets = Secrets(settings, sessions, clock, seconds=database_seconds)
        self._sessions = sessions
        self._storing = committing_at_once(sessions)
        self._clock = clock
        self._trigger = trigger
        self._bots = bots
        self._database_seconds = database_seconds
        self._failures = 0

    async def prepare(self) -> None:
        """Read the enrolled secret and who we are before the first request; a database that is down is only logged."""
        try:
            await self._secrets.refresh()
            await self._bots.read()
        except (DatabaseUnavailable, SQLAlchemyError, OSError) as error:
            self._is_away(error)

    async def health(self) -> JSONResponse:
        """Whether the inbox can be reached, and how many events wait in it."""
        try:
            async with asyncio.timeout(self._database_seconds), self._sessions() as session:
                waiting = await inbox_queries.waiting(session)
        except (SQLAlchemyError, OSError) as error:
            self._is_away(error)
            return JSONResponse({"status": "unavailable"}, 503)
        self._is_there()
        return JSONResponse({"status": "ok", "waiting": waiting})

    async def receive(self, request: Request, body_seconds: float) -> JSONResponse:
        """Take one delivery; the caller learns whether it was taken and never why not."""
        correlation_id = uuid4().hex
        body = b""
        try:
            body = await read_body(request, seconds=body_seconds)
            answer = await self._take(request.headers, body, correlation_id)
        except Refusal as refusal:
            size = len(body) if refusal.size is None else refusal.size
            log.warning(
                "webhook_refused", reason=refusal.reason, bytes=size, correlation_id=correlation_id
            )
            answer_type = CloseAfterResponse if refusal.unread else JSONResponse
            return answer_type({"detail": "refused"}, refusal.status)
        except DatabaseUnavailable as error:
            self._is_away(error, correlation_id=correlation_id)
            return JSONResponse({"detail": "unavailable"}, 503)
        return JSONResponse({"status": answer})

    async def _take(self, headers: Headers, body: bytes, correlation_id: str) -> Answer:
        proof = await self._prove(headers, body)
        if proof is None:
            return await self._enrol(headers, body, correlation_id)
        if not _is_json(headers.get("content-type", "")):
            raise Refusal(400, "not_json_content_type")
        payload = parse(body)
        shape = shape_of(payload)
        if proof not in _PROOFS[shape]:
            raise Refusal(401, "proof_of_another_shape")
        if shape is Shape.HANDSHAKE:
            # Notion repeats a handshake whose answer got lost, and on "Resend token".
            if self._secrets.is_current(handshake_token(payload) or ""):
                return Answer.ALREADY_RECEIVED
            raise Refusal(401, "handshake_closed")
        return await self._store(read_delivery(payload, body), correlation_id)

    async def _prove(self, headers: Headers, body: bytes) -> AuthMethod | None:
        """How the sender proved itself; None when it did not, which only a handshake may.

        A signature that is there must verify: the header secret never makes up for a bad one.
        """
        signatures = headers.getlist(SIGNATURE_HEADER)
        if signatures:
            proven = len(signatures) == 1 and await self._secrets.verify(body, signatures[0])
            return AuthMethod.SIGNATURE if proven else None
        sent = headers.get(SECRET_HEADER)
        if sent is None:
            return None
        if not same_secret(sent, self._header_secret):
            raise Refusal(401, "header_secret_mismatch")
        return AuthMethod.HEADER_SECRET

    async def _enrol(self, headers: Headers, body: bytes, correlation_id: str) -> Answer:
        """The one way in without a proof: a handshake's token, while the operator holds enrolment open."""
        signatures = headers.getlist(SIGNATURE_HEADER)
        token = _token_of(headers, body) if self._secrets.enrolment_open else None
        if token is None or (
            signatures and not (len(signatures) == 1 and verify(body, signatures[0], [token]))
        ):
            raise Refusal(401, self._why_unproven(signatures, body))
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

    def _why_unproven(self, signatures: list[str], body: bytes) -> str:
        """The reason in the log, with enrolment open or not."""
        if not signatures:
            return "handshake_expected" if self._secrets.enrolment_open else "signature_missing"
        if len(signatures) != 1 or not well_formed(signatures[0]):
            return "signature_malformed"
        return (
            "token_not_accepted_yet"
            if self._secrets.waits(body, signatures[0])
            else "signature_mismatch"
        )

    async def _store(self, delivery: Delivery, correlation_id: str) -> Answer:
        # Our own write coming back says nothing new: it is done as it is stored, and no run is
        # spent on it.
        own = inbox.is_own_echo(delivery.event_type, delivery.payload, self._bots.ids)
        try:
            async with asyncio.timeout(self._database_seconds):
                new = await self._put(delivery, correlation_id, own=own)
        except (SQLAlchemyError, OSError) as error:  # OSError: TimeoutError among others
            raise DatabaseUnavailable("The inbox cannot store events.") from error
        self._is_there()
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

    async def _put(self, delivery: Delivery, correlation_id: str, *, own: bool) -> bool:
        """Commit it to the inbox; False when it was there already."""
        try:
            return await self._put_once(delivery, correlation_id, own=own)
        except DBAPIError as error:
            # A connection that died in the pool, as all do when PostgreSQL is restarted, shows only
            # when it is used: asking each of them before would cost every event a round trip.
            # Storing twice is as once.
            if not error.connection_invalidated:
                raise
        await self._put_once(delivery, correlation_id, own=own)
        return True  # if it was there, then most likely from a moment ago

    async def _put_once(self, delivery: Delivery, correlation_id: str, *, own: bool) -> bool:
        async with self._storing.connect() as connection:
            return await inbox.put(
                connection, delivery, now=self._clock(), correlation_id=correlation_id, own=own
            )

    def _is_away(self, error: BaseException, **context: str) -> None:
        """One line for an outage: deliveries come by the hundred, and Notion sends each of them again."""
        self._failures += 1
        if self._failures == 1:
            log.error(
                "inbox_unavailable",
                error=_name_of(error),
                action="notion_sends_events_again",
                **context,
            )

    def _is_there(self) -> None:
        if self._failures:
            log.info("inbox_back", failures=self._failures)
            self._failures = 0


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def _token_of(headers: Headers, body: bytes) -> str | None:
    """The token of a handshake; None for every other body, whatever is wrong with it."""
    if len(body) > HANDSHAKE_MAX or not _is_json(headers.get("content-type", "")):
        return None
    try:
        payload = parse(body)
    except Refusal:
        return None
    return handshake_token(payload) if shape_of(payload) is Shape.HANDSHAKE else None


def _name_of(error: BaseException) -> str:
    """What went wrong underneath, by its name; its text and traceback would hold the statement's values."""
    cause = error.__cause__ if isinstance(error, DatabaseUnavailable) and error.__cause__ else error
    inner = cause.orig if isinstance(cause, DBAPIError) and cause.orig else cause
    return type(inner).__name__
