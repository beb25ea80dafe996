"""The secrets behind Notion's signature, kept in memory so that a request needs no query to be judged.

`NOTION_WEBHOOK_SECRET` counts, and beside it or without it the token that a handshake brought and, where there was a
secret already, the operator accepted (`models.operations.webhook_tokens` says why). What is stored is read at the start, and again
only when a signature does not verify or none is known, at most every `REREAD`: so a door learns what another was told
or the operator accepted, and a flood of forgeries costs no flood of queries. (A running door believes a token that was
removed until a signature fails; restart it to be sure.)
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
"""How long a read of the stored tokens counts."""
DATABASE_SECONDS = 2.0
"""Seconds the database may take before a request is told to come again."""


class Enrolment(Enum):
    """What became of a handshake's token."""

    KNOWN = auto()
    """It was there already."""
    SECRET = auto()
    """It is the secret from now on."""
    CANDIDATE = auto()
    """It waits to be accepted."""


class Secrets:
    """The secrets that count, and the enrolment of others.

    Args:
        settings: holds the configured secrets and whether enrolment is open.
        sessions: where the enrolled tokens are.
        clock: the current time; decides when the enrolled tokens may be read again.
        seconds: after which the database counts as away.

    Attributes:
        enrolment_open: whether a handshake is taken.
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
        """Whether a secret that counts signed these bytes.

        Raises:
            DatabaseUnavailable: when only the database could tell.
        """
        proven = verify(body, header, self._accepted())
        if not proven:
            await self._refresh_for_a_request()
            proven = verify(body, header, self._accepted())
        if proven and self._tokens.former is not None:
            await self._end_former(body, header)
        return proven

    def waits(self, body: bytes, header: str) -> bool:
        """Whether a token signed these bytes that the operator has not accepted yet."""
        return verify(body, header, [one.token for one in self._tokens.candidates])

    def is_current(self, token: str) -> bool:
        """Whether the token is a secret that counts now, in constant time."""
        return any(
            same_secret(token, secret) for secret in (self._configured, *self._enrolled()[:1])
        )

    async def enrol(self, token: str) -> Enrolment:
        """Store a handshake's token: the secret where there is none, else a candidate beside it.

        Raises:
            DatabaseUnavailable: when it cannot be stored.
        """
        async with self._changing() as session:
            before = await hold_tokens(session)
            new = Token(token=token, received_at=self._clock(), beside=mark_of(self._configured))
            after = before.with_handshake(new)
            await store_tokens(session, after)
        self._know(after)
        if self.is_current(token):
            return Enrolment.KNOWN if before == after else Enrolment.SECRET
        known = any(one.token == token for one in before.candidates)
        return Enrolment.KNOWN if known else Enrolment.CANDIDATE

    async def refresh(self) -> None:
        """Read the enrolled tokens if the last read is older than `REREAD`. Callers share one read.

        Raises:
            DatabaseUnavailable: when the last read failed, this one or one within `REREAD`.
        """
        async with self._reading:
            now = self._clock()
            # abs: a clock set back must not stop the reading until it has caught up.
            if self._read_at is None or abs(now - self._read_at) >= REREAD:
                self._read_at, self._readable = now, False
                async with self._changing() as session:
                    tokens = await read_tokens(session)
                self._know(tokens)
            elif not self._readable:
                raise DatabaseUnavailable("The enrolled tokens could not be read just now.")

    async def _refresh_for_a_request(self) -> None:
        try:
            await self.refresh()
        except DatabaseUnavailable:
            # The configured secret decides by itself; Notion sends again what an enrolled one
            # signed meanwhile.
            if self._configured is None:
                raise

    async def _end_former(self, body: bytes, header: str) -> None:
        """What the accepted token signed shows that it is in use: the one before counts no longer."""
        secret = self._tokens.secret
        if secret is None or not verify(body, header, [secret.token]):
            return
        async with self._changing() as session:
            tokens = await hold_tokens(session)
            if tokens.secret == secret:
                tokens = Tokens(secret=secret, candidates=tokens.candidates)
            await store_tokens(session, tokens)
        self._know(tokens)

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[AsyncSession]:
        try:
            async with asyncio.timeout(self._seconds), self._sessions.begin() as session:
                yield session
        except (SQLAlchemyError, OSError) as error:  # OSError: TimeoutError among others
            raise DatabaseUnavailable("The enrolled tokens cannot be reached.") from error

    def _know(self, tokens: Tokens) -> None:
        self._tokens, self._read_at, self._readable = tokens, self._clock(), True

    def _enrolled(self) -> list[str]:
        return self._tokens.counting(self._configured)

    def _accepted(self) -> list[str]:
        return [
            secret
            for secret in (self._configured, *self._enrolled(), self._previous)
            if secret is not None
        ]


def _usable(secret: SecretStr | None) -> str | None:
    """The secret's text; a blank one is none."""
    text = "" if secret is None else secret.get_secret_value()
    return text if text.strip() else None
