"""What a task works with: database, Notion, channels, clock. Opened once per process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from models.errors import DatabaseUnavailable, SettingsError
from models.postgres.engine import Sessions, database_url, open_engine, open_sessions
from models.rules.board_schema import Board
from models.rules.channels import Channel, ChannelFolder
from models.settings import Settings, load_settings
from models.sync.safety_stop import connection_of
from models.tables.incidents import Incident
from tasks.notion.client import NotionClient
from tasks.notion.shared_rate_limit import Budget, SharedBudget, Sleep
from tasks.runtime.channels import channels_in_force
from tasks.runtime.clock import Clock, DatabaseClock, utc_now


class Context:
    """Settings, connections and clock of one process.

    Not a dataclass on purpose: Prefect traverses dataclasses that are task arguments.

    Attributes:
        settings: as read when the connections were opened.
        engine, sessions: PostgreSQL; a transaction is `async with ctx.sessions.begin() as session`.
        notion: the rate-limited client.
        clock: the only clock of the tasks.
        sleep: how tasks wait, in seconds.
        unstored: the incidents that `tasks.alerts` keeps while the database is away.
        board_reading: lock held while the board is read again after a refused write.
    """

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        notion: NotionClient,
        *,
        clock: Clock = utc_now,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self.engine: AsyncEngine = sessions.kw["bind"]
        self.sessions = sessions
        self.notion = notion
        self.clock = clock
        self.sleep = sleep
        self.unstored: dict[str, Incident] = {}
        self.board_reading = asyncio.Lock()

    async def channels(self) -> Mapping[str, Channel]:
        """The configured channels, read again, so that a new file is used from the next cycle on.

        Raises:
            ChannelConfigError: with every fault of the folder, when no channel is usable.
        """
        return (await self.channel_folder()).channels

    async def channel_folder(self) -> ChannelFolder:
        """The configured channels, and the faults of wrong files.

        A wrong file is replaced by its last good text, which the database stores.

        Raises:
            ChannelConfigError: when no channel is usable.
        """
        return await channels_in_force(self.settings.channel_configs, self.sessions)

    @property
    def token(self) -> str:
        """Our token for Notion; empty when none is set."""
        if self.settings.notion_api_token is None:
            return ""
        return self.settings.notion_api_token.get_secret_value()

    def connection(self, board: Board) -> str:
        """A key for the combination of our token and that board."""
        return connection_of(self.token, board.data_source_id)


_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Settings, Context]] = WeakKeyDictionary()


def connections(settings: Settings | None = None) -> Context:
    """The context of this event loop for those settings, opened on first use.

    Args:
        settings: None: those of the environment.

    Raises:
        SettingsError: when DATABASE_URL or NOTION_API_TOKEN is missing.
    """
    settings = settings or load_settings()
    opened = _open.setdefault(asyncio.get_running_loop(), {})
    if settings not in opened:
        opened[settings] = _connect(settings)
    return opened[settings]


async def close_connections() -> None:
    """Close what `connections()` opened in this event loop."""
    for opened in _open.pop(asyncio.get_running_loop(), {}).values():
        await opened.notion.aclose()
        await opened.engine.dispose()


@asynccontextmanager
async def connected(settings: Settings | None = None) -> AsyncIterator[Context]:
    """A context for one command, closed at its end.

    Raises:
        DatabaseUnavailable: when PostgreSQL does not answer.
    """
    try:
        yield connections(settings)
    except (OSError, SQLAlchemyError) as error:
        if isinstance(error, SQLAlchemyError) and not getattr(
            error, "connection_invalidated", True
        ):
            raise
        raise DatabaseUnavailable(
            "PostgreSQL does not answer: is it running, and is DATABASE_URL right?"
        ) from error
    finally:
        await close_connections()


def _connect(settings: Settings) -> Context:
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL is not set: `showrunner up` prints the one it uses.")
    engine = open_engine(
        database_url(settings.database_url.get_secret_value()),
        pool_size=settings.database_pool_size,
    )
    sessions = open_sessions(engine)
    notion = open_notion(settings, SharedBudget(sessions, settings.notion_requests_per_second))
    return Context(settings, sessions, notion, clock=DatabaseClock(engine))


def open_notion(settings: Settings, budget: Budget | None = None) -> NotionClient:
    """Open a client for the workspace that the settings name.

    Args:
        settings: token, address and limits.
        budget: the limit shared with other processes; None without a database.

    Raises:
        SettingsError: when NOTION_API_TOKEN is missing.
    """
    if settings.notion_api_token is None:
        raise SettingsError(
            "NOTION_API_TOKEN is not set: `showrunner up` runs a sandbox without one."
        )
    return NotionClient(
        settings.notion_api_token.get_secret_value(),
        per_second=settings.notion_requests_per_second,
        budget=budget,
        base_url=settings.notion_base_url,
        timeout=settings.notion_timeout_seconds,
    )
