"""The keys of Notion's signature, cached in memory so that verifying a request needs no query.

Valid keys are `NOTION_WEBHOOK_SECRET` and the token of a handshake. Where there was a key already,
the operator must accept the token first (`models.operations.webhook_tokens` says why).

Stored tokens are read at the start, and again when a signature does not verify or no key is known,
at most every `REREAD`. So a receiver notices a token that another one stored or the operator
accepted, and many forged requests do not cause many queries. A removed token stays valid in a
running receiver until a signature fails; restart it to be sure.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import Enum, auto

from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from models.errors import DatabaseUnavailable
from models.operations.webhook_tokens import (
    Token,
    Tokens,
    hold_tokens,
    mark_of,
    read_tokens,
    store_tokens,
)
from models.postgres.engine import Sessions
from models.settings import Settings
from webhook.signature import same_secret, verify

REREAD = timedelta(seconds=3)
"""Shortest time between two reads of the stored tokens."""
DATABASE_SECONDS = 2.0
"""Time limit for the database; after it a request is answered 503."""


class Enrolment(Enum):
    """The result of enrolling a handshake's token."""

    KNOWN = auto()
    """It was stored already."""
    SECRET = auto()
    """It is the valid secret from now on."""
    CANDIDATE = auto()
    """It must be accepted by the operator first."""


class Secrets:
    """The valid secrets, and the enrolment of new ones.

    Args:
        settings: holds the configured secrets and whether enrolment is open.
        sessions: where the enrolled tokens are.
        clock: the current time; decides when the enrolled tokens may be read again.
        seconds: time limit for the database.

    Attributes:
        enrolment_open: whether a handshake is accepted.
    """

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        clock: Callable[[], datetime],
        *,
        seconds: float = DATABASE_SECONDS,
    ) -> None:
        self._configured = _usable(settings.notion_webhook_secret)
        self._previous = _usable(settings.notion_webhook_secret_previous)
        self.enrolment_open = settings.notion_webhook_enrolment
        self._sessions = sessions
        self._clock = clock
        self._seconds = seconds
        self._tokens = Tokens()
        self._read_at: datetime | None = None
        self._readable = True
        self._reading = asyncio.Lock()

    async def verify(self, body: bytes, header: str) -> bool:
        """Whether a valid secret signed these bytes.

        Raises:
            DatabaseUnavailable: when the database is needed to decide.
        """
        proven = verify(body, header, self._accepted())
        if not proven:
            await self._refresh_for_request()
            proven = verify(body, header, self._accepted())
        if proven and self._tokens.former is not None:
            await self._end_former(body, header)
        return proven

    def waits(self, body: bytes, header: str) -> bool:
        """Whether a token that the operator has not accepted yet signed these bytes."""
        return verify(body, header, [one.token for one in self._tokens.candidates])

    def is_current(self, token: str) -> bool:
        """Whether the token is a valid secret now, in constant time."""
        current = (self._configured, *self._enrolled()[:1])
        return any(same_secret(token, secret) for secret in current)

    async def enrol(self, token: str) -> Enrolment:
        """Store a handshake's token: as the secret where there is none, else as a candidate.

        Raises:
            DatabaseUnavailable: when it cannot be stored.
        """
        async with self._transaction() as session:
            before = await hold_tokens(session)
            new = Token(token=token, received_at=self._clock(), beside=mark_of(self._configured))
            after = before.with_handshake(new)
            await store_tokens(session, after)
        self._cache(after)
        if self.is_current(token):
            if before == after:
                return Enrolment.KNOWN
            return Enrolment.SECRET
        if any(one.token == token for one in before.candidates):
            return Enrolment.KNOWN
        return Enrolment.CANDIDATE

    async def refresh(self) -> None:
        """Read the enrolled tokens if the last read is older than `REREAD`. Callers share one read.

        Raises:
            DatabaseUnavailable: when the last read failed, this one or one within `REREAD`.
        """
        async with self._reading:
            now = self._clock()
            # abs: a clock that was set back must not prevent reads until it has caught up.
            if self._read_at is None or abs(now - self._read_at) >= REREAD:
                self._read_at, self._readable = now, False
                async with self._transaction() as session:
                    tokens = await read_tokens(session)
                self._cache(tokens)
            elif not self._readable:
                raise DatabaseUnavailable("The enrolled tokens could not be read just now.")

    async def _refresh_for_request(self) -> None:
        try:
            await self.refresh()
        except DatabaseUnavailable:
            # The configured secret is enough to decide. Notion repeats what an enrolled one signed
            # meanwhile.
            if self._configured is None:
                raise

    async def _end_former(self, body: bytes, header: str) -> None:
        """End the former token's validity once Notion signs with the accepted one."""
        secret = self._tokens.secret
        if secret is None or not verify(body, header, [secret.token]):
            return
        async with self._transaction() as session:
            tokens = await hold_tokens(session)
            if tokens.secret == secret:
                tokens = Tokens(secret=secret, candidates=tokens.candidates)
            await store_tokens(session, tokens)
        self._cache(tokens)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncSession]:
        try:
            async with asyncio.timeout(self._seconds), self._sessions.begin() as session:
                yield session
        except (SQLAlchemyError, OSError) as error:  # OSError: TimeoutError among others
            raise DatabaseUnavailable("The enrolled tokens cannot be reached.") from error

    def _cache(self, tokens: Tokens) -> None:
        self._tokens, self._read_at, self._readable = tokens, self._clock(), True

    def _enrolled(self) -> list[str]:
        return self._tokens.counting(self._configured)

    def _accepted(self) -> list[str]:
        secrets = (self._configured, *self._enrolled(), self._previous)
        return [secret for secret in secrets if secret is not None]


def _usable(secret: SecretStr | None) -> str | None:
    """The secret's text; None for a blank one."""
    if secret is None or not secret.get_secret_value().strip():
        return None
    return secret.get_secret_value()
