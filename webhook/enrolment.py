"""The secrets behind Notion's signature, kept in memory so that a request needs no query to be judged.

`NOTION_WEBHOOK_SECRET` counts first; without it the token that a handshake brought, stored once in `sync_state`. The
stored one is read at the start, and again only when a signature does not verify or none is known, at most every
`REREAD`: so a second door learns what the first was told, and a flood of forgeries costs no flood of queries.
(A running door believes a token that was removed until a signature fails; restart it to be sure.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from models.database import Sessions
from models.errors import DatabaseUnavailable
from models.settings import Settings
from models.sync_state import ENROLLED, get_value, remember_once
from webhook.signature import same_secret, verify

REREAD = timedelta(seconds=3)
"""How long a read of the stored token counts."""
DATABASE_SECONDS = 2.0
"""Seconds the database may take before a request is told to come again."""


class Secrets:
    """The current and the previous secret, and the enrolment of one.

    Args:
        settings: holds the configured secrets and whether enrolment is open.
        sessions: where the enrolled token is.
        clock: the current time; decides when the enrolled token may be read again.
    """

    def __init__(self, settings: Settings, sessions: Sessions, clock: Callable[[], datetime]) -> None:
        self._configured = _usable(settings.notion_webhook_secret)
        self._previous = _usable(settings.notion_webhook_secret_previous)
        self._enrolment_open = settings.notion_webhook_enrolment
        self._sessions = sessions
        self._clock = clock
        self._enrolled: str | None = None
        self._read_at: datetime | None = None
        self._readable = True
        self._reading = asyncio.Lock()

    async def verify(self, body: bytes, header: str) -> bool:
        """Whether the current or the previous secret signed these bytes.

        Raises:
            DatabaseUnavailable: when only the database could tell.
        """
        if verify(body, header, self._accepted()):
            return True
        await self.refresh()
        return verify(body, header, self._accepted())

    async def may_enrol(self) -> bool:
        """Whether a verification token would be accepted now: enrolment is open, and there is no current secret.

        Raises:
            DatabaseUnavailable: when only the database could tell.
        """
        if not self._enrolment_open:
            return False
        await self.refresh()
        return self._current() is None

    def is_current(self, token: str) -> bool:
        """Whether the token is the current secret, in constant time."""
        return same_secret(token, self._current())

    async def enrol(self, token: str) -> bool:
        """Store the token unless one is stored; False when one was, which is then the current secret.

        Raises:
            DatabaseUnavailable: when it cannot be stored.
        """
        try:
            async with asyncio.timeout(DATABASE_SECONDS), self._sessions() as session, session.begin():
                new = await remember_once(session, ENROLLED, value={"token": token})
                stored = await get_value(session, ENROLLED)
        except (SQLAlchemyError, OSError) as error:  # OSError: TimeoutError among others
            raise DatabaseUnavailable("The verification token cannot be stored.") from error
        self._enrolled, self._read_at, self._readable = _token(stored), self._clock(), True
        return new

    async def refresh(self) -> None:
        """Read the enrolled token if it counts and the last read is older than `REREAD`. Callers share one read.

        Raises:
            DatabaseUnavailable: when the last read failed, this one or one within `REREAD`.
        """
        if self._configured is not None:
            return
        async with self._reading:
            now = self._clock()
            # abs: a clock set back must not stop the reading until it has caught up.
            if self._read_at is None or abs(now - self._read_at) >= REREAD:
                self._read_at, self._readable = now, False
                self._enrolled = await self._read()
                self._readable = True
            elif not self._readable:
                raise DatabaseUnavailable("The enrolled secret could not be read just now.")

    async def _read(self) -> str | None:
        try:
            async with asyncio.timeout(DATABASE_SECONDS), self._sessions() as session:
                return _token(await get_value(session, ENROLLED))
        except (SQLAlchemyError, OSError) as error:
            raise DatabaseUnavailable("The enrolled secret cannot be read.") from error

    def _current(self) -> str | None:
        return self._configured or self._enrolled

    def _accepted(self) -> list[str]:
        return [secret for secret in (self._current(), self._previous) if secret is not None]


def _usable(secret: SecretStr | None) -> str | None:
    """The secret's text; a blank one is none."""
    text = "" if secret is None else secret.get_secret_value()
    return text if text.strip() else None


def _token(value: dict[str, object] | None) -> str | None:
    token = (value or {}).get("token")
    return token if isinstance(token, str) else None
