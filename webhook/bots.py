"""The Notion users whose events are echoes of our own writes, reloaded in the background.

The token may change while the receiver runs. An event of a bot that the receiver does not have yet
is not lost: it costs one ingest run, which recognises it.
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
from tasks.notion.shared_rate_limit import SharedBudget
from tasks.runtime.clock import Clock
from tasks.runtime.context import Context, open_notion
from webhook.enrolment import DATABASE_SECONDS

EVERY: Final = 30.0
"""Seconds between two reads: another process may have been started with another token."""

log = structlog.get_logger("showrunner.webhook")


class Bots:
    """The Notion users that wrote with a token of ours.

    Args:
        sessions: where they are stored.
        ask: stores the bot of the present token, with a request to Notion if needed; None when the
            receiver has no token.
        seconds: time limit for the database.

    Attributes:
        ids: their user ids, as of the last read.
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
            DatabaseUnavailable: when it cannot be read; `ids` stays as it was.
        """
        try:
            async with asyncio.timeout(self._seconds), self._sessions() as session:
                self.ids = await our_bots(session)
        except (SQLAlchemyError, OSError) as error:  # OSError: TimeoutError among others
            raise DatabaseUnavailable("Who we are cannot be read.") from error

    async def refresh(self) -> None:
        """Ask Notion if needed, and read the ids. Never fails; the next call tries again."""
        try:
            if self._ask is not None:
                await self._ask()
                self._ask = None
        except GiveUp as error:
            # The token is wrong: cycles alert it, and a new one comes with a restart.
            self._ask = None
            log.warning("bot_unknown", error=str(error))
        except (ShowrunnerError, SQLAlchemyError, OSError) as error:
            log.debug("bot_unknown", error=type(error).__name__)
        with suppress(DatabaseUnavailable):
            await self.read()

    async def run(self) -> None:
        """Reload again and again, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(EVERY)


@asynccontextmanager
async def refreshed_bots(
    settings: Settings, sessions: Sessions, clock: Clock
) -> AsyncIterator[Bots]:
    """Bots that are reloaded every `EVERY` seconds while the context lasts."""
    if settings.notion_api_token is None:
        async with _reloading(Bots(sessions)) as bots:
            yield bots
        return
    notion = open_notion(settings, SharedBudget(sessions, settings.notion_requests_per_second))
    ctx = Context(settings, sessions, notion, clock=clock)
    try:
        async with _reloading(Bots(sessions, lambda: bot_id(ctx))) as bots:
            yield bots
    finally:
        await notion.aclose()


@asynccontextmanager
async def _reloading(bots: Bots) -> AsyncIterator[Bots]:
    reloading = asyncio.create_task(bots.run(), name="bots")
    try:
        yield bots
    finally:
        reloading.cancel()
        with suppress(asyncio.CancelledError):
            await reloading
