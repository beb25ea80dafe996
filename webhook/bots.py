"""Whose writes are our own, kept up to date beside the requests: the token may change while the door stays open.

A bot that the door does not know yet costs a run of the ingest, which knows it, and no event: only what is surely ours
is done at the door.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from models.errors import DatabaseUnavailable, GiveUp, ShowrunnerError
from models.postgres.engine import Sessions
from models.settings import Settings
from models.tables.notion_users import our_bots
from tasks.board.followed import bot_id
from tasks.notion.shared_limit import SharedBudget
from tasks.runtime.clock import Clock
from tasks.runtime.context import Context, open_notion
from webhook.enrolment import DATABASE_SECONDS

EVERY: Final = 30.0
"""Seconds between two readings: another process may have been started with another token."""

log = structlog.get_logger("showrunner.webhook")


class Bots:
    """The Notion users under which our own writes come back.

    Args:
        sessions: where they are remembered.
        ask: asks Notion whose token ours is unless that is remembered; None where the door has no
            token.
        seconds: after which the database counts as away.

    Attributes:
        ids: as of the last reading.
    """

    def __init__(
        self,
        sessions: Sessions,
        ask: Callable[[], Awaitable[object]] | None = None,
        *,
        seconds: float = DATABASE_SECONDS,
    ) -> None:
        self.ids: frozenset[str] = frozenset()
        self._sessions = sessions
        self._ask = ask
        self._seconds = seconds

    async def read(self) -> None:
        """Read them from the database.

        Raises:
            DatabaseUnavailable: when it cannot be read; what was known stays.
        """
        try:
            async with asyncio.timeout(self._seconds), self._sessions() as session:
                self.ids = await our_bots(session)
        except (SQLAlchemyError, OSError) as error:  # OSError: TimeoutError among others
            raise DatabaseUnavailable("Who we are cannot be read.") from error

    async def look(self) -> None:
        """Ask Notion if that is needed, and read. Never fails; what cannot be had now is had later."""
        try:
            if self._ask is not None:
                await self._ask()
                self._ask = None
        except (
            GiveUp
        ) as error:  # the token is wrong: the cycles tell, and another one comes with a restart
            self._ask = None
            log.warning("bot_unknown", error=str(error))
        except (ShowrunnerError, SQLAlchemyError, OSError) as error:
            log.debug("bot_unknown", error=type(error).__name__)
        with suppress(DatabaseUnavailable):
            await self.read()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY)


@asynccontextmanager
async def refreshed_bots(
    settings: Settings, sessions: Sessions, clock: Clock
) -> AsyncIterator[Bots]:
    """Bots that are kept up to date while the context lasts."""
    if settings.notion_api_token is None:
        async with _kept(Bots(sessions)) as bots:
            yield bots
        return
    notion = open_notion(settings, SharedBudget(sessions, settings.notion_requests_per_second))
    ctx = Context(settings, sessions, notion, clock=clock)
    try:
        async with _kept(Bots(sessions, lambda: bot_id(ctx))) as bots:
            yield bots
    finally:
        await notion.aclose()


@asynccontextmanager
async def _kept(bots: Bots) -> AsyncIterator[Bots]:
    keeping = asyncio.create_task(bots.run(), name="bots")
    try:
        yield bots
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
