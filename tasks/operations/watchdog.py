"""The watch: notices that nothing happens, which no run can. The worker and the door each run one.

It needs only the database and a clock, so it sees a dead worker as well as a Prefect server that
starts no runs. Any number of watches tell an incident once, because the database remembers it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from models.errors import DatabaseStoresNothing
from models.operations.alert_texts import moment
from models.postgres.engine import Sessions
from models.settings import Settings
from models.tables.incidents import Incident, open_incidents
from models.tables.sync_state import (
    FAILED_CYCLE,
    IMPORT,
    LAST_GOOD_CYCLE,
    get_moment,
    get_value,
    watched_since,
)
from tasks.alerts import (
    AWAY,
    Level,
    database,
    deliver_alerts,
    end_recovered,
    reason,
    resolve_alert,
    send_alert,
)
from tasks.notion.proxies import is_remote
from tasks.runtime.clock import Clock, utc_now
from tasks.runtime.locks import Lock, is_held, one_at_a_time

EVERY: Final = 30.0
"""Seconds between two looks."""
GOOD_WITHIN: Final = timedelta(minutes=5)
"""How long no cycle may be good (design: section 10): five cycles."""
LOST_AFTER: Final = timedelta(minutes=1)
"""How long PostgreSQL may not answer: a restart is no incident."""
_PREFECT_SECONDS: Final = 5.0
STORES_NOTHING_AFTER: Final = timedelta(seconds=EVERY)
"""How long it may answer and store nothing: servers that change places do so for a moment."""
NO_GOOD_CYCLE, DATABASE_LOST, STORES_NOTHING = (
    "no_good_cycle",
    "database_lost",
    "database_stores_nothing",
)

log = structlog.get_logger("showrunner.watch")


@dataclass(frozen=True, kw_only=True)
class WatchdogFacts:
    """What one look at the database shows.

    Attributes:
        last_good: when a cycle was good last; None before the first.
        watched_since: since when somebody has watched without a break.
        imported: how far a first import is; None when none is under way.
        failed: why the last cycle that failed did, and when.
        running: whether a cycle is under way.
    """

    last_good: datetime | None
    watched_since: datetime
    imported: dict[str, Any] | None
    incidents: tuple[Incident, ...]
    failed: tuple[str, datetime] | None
    running: bool


def stalled_since(
    facts: WatchdogFacts, progressed: datetime | None, now: datetime
) -> datetime | None:
    """Since when no cycle was good, if that is too long ago; None when it is not.

    What happened while nobody watched is nobody's incident: a Showrunner that was stopped overnight
    is not late in the morning. An import that goes on is not late either, however long it takes.

    Args:
        progressed: when an import was last seen to have come further.
    """
    known = (facts.last_good, facts.watched_since, progressed)
    since = max(each for each in known if each is not None)
    return since if now - since >= GOOD_WITHIN else None


class Watchdog:
    """Looks every half minute whether cycles are good and the database answers, and tells what waits to be told.

    Args:
        of_database: whether this watch alerts a lost database. Nobody can be asked then whether another watch did, so
            one process of a machine does it: the worker. (One that answers and stores nothing is told by whichever
            watch sees it first.)
        sleep: waits that many seconds; tests bring their own.
    """

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        *,
        of_database: bool,
        clock: Clock = utc_now,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self.sessions = sessions
        self.engine: AsyncEngine = sessions.kw["bind"]
        self.clock = clock
        self.unstored: dict[str, Incident] = {}
        self._of_database = of_database
        self._sleep = sleep
        self._away_since: datetime | None = None
        self._storing_nothing_since: datetime | None = None
        self._mine = AsyncExitStack()
        self._is_mine = False
        self._before: WatchdogFacts | None = None
        self._progressed: datetime | None = None

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                # A border: a watch that died of what it saw would see nothing more.
                log.exception("watch_failed")
            await self._sleep(EVERY)

    async def close(self) -> None:
        """Leave to the other watches what this one tells."""
        self._is_mine = False
        await self._mine.aclose()

    async def look(self) -> None:
        """Look once, and tell what is to be told."""
        now = self.clock()
        try:
            async with database(self) as session:
                facts = await _look_around(session, now)
        except DatabaseStoresNothing as error:
            await self._find_nothing_stored(now, error)
        except AWAY as error:
            await self._find_no_database(now, reason(error))
        else:
            await self._judge(facts, now)
            await end_recovered(self)
        finally:
            await deliver_alerts(self)

    async def _find_no_database(self, now: datetime, error: str) -> None:
        self._away_since = self._away_since or now
        if self._of_database and now - self._away_since >= LOST_AFTER:
            context = {"last_answer_before": moment(self._away_since), "error": error}
            await send_alert(
                self, Level.CRITICAL, DATABASE_LOST, "PostgreSQL does not answer.", context
            )

    async def _find_nothing_stored(self, now: datetime, error: DatabaseStoresNothing) -> None:
        if self._away_since is not None:  # it answers again
            self._away_since = None
            await resolve_alert(self, DATABASE_LOST)
        self._storing_nothing_since = self._storing_nothing_since or now
        if (
            now - self._storing_nothing_since < STORES_NOTHING_AFTER
            or not await self._is_mine_to_tell()
        ):
            return
        context = {
            "last_stored_before": moment(self._storing_nothing_since),
            "SQLSTATE": error.sqlstate,
        }
        await send_alert(
            self, Level.CRITICAL, STORES_NOTHING, f"PostgreSQL stores nothing: {error}.", context
        )

    async def _is_mine_to_tell(self) -> bool:
        """Whether no other watch tells it: what cannot be stored can still be locked."""
        if not self._is_mine:
            async with AsyncExitStack() as trying:
                self._is_mine = await trying.enter_async_context(one_at_a_time(self, Lock.WATCH))
                if self._is_mine:
                    self._mine = trying.pop_all()
        return self._is_mine

    async def _judge(self, facts: WatchdogFacts, now: datetime) -> None:
        if self._before is not None and facts.imported != self._before.imported:
            self._progressed = now
        self._before = facts
        await resolve_alert(self, *self._over(facts))
        self._away_since = self._storing_nothing_since = None
        await self.close()
        since = stalled_since(facts, self._progressed, now)
        if since is not None and all(
            incident.name != NO_GOOD_CYCLE for incident in facts.incidents
        ):
            title = f"No cycle was good since {moment(since)}."
            await send_alert(
                self, Level.CRITICAL, NO_GOOD_CYCLE, title, await self._what_is_known(facts)
            )

    def _over(self, facts: WatchdogFacts) -> list[str]:
        opened = {incident.name: incident.since for incident in facts.incidents}
        over = []
        if self._away_since is not None or DATABASE_LOST in opened:
            over.append(DATABASE_LOST)
        if self._storing_nothing_since is not None or STORES_NOTHING in opened:
            over.append(STORES_NOTHING)
        if (
            NO_GOOD_CYCLE in opened
            and facts.last_good is not None
            and facts.last_good > opened[NO_GOOD_CYCLE]
        ):
            over.append(NO_GOOD_CYCLE)
        return over

    async def _what_is_known(self, facts: WatchdogFacts) -> dict[str, str]:
        others = [
            f"{incident.name} since {moment(incident.since)}: {incident.title}"
            for incident in facts.incidents
        ]
        return {
            "last_good_cycle": moment(facts.last_good) if facts.last_good is not None else "never",
            "last_failure": _failure_since(facts),
            "under_way": "a cycle is" if facts.running else "no cycle is",
            "prefect_server": await self._prefect(),
            "other_incidents": "; ".join(others) or "none",
        }

    async def _prefect(self) -> str:
        if self.settings.prefect_api_url is None:
            return "not known here: PREFECT_API_URL is not set"
        try:
            api = self.settings.prefect_api_url.rstrip("/")
            async with httpx.AsyncClient(
                timeout=_PREFECT_SECONDS, trust_env=is_remote(api)
            ) as client:
                answer = await client.get(f"{api}/health")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return f"does not answer ({type(error).__name__}): nothing starts cycles"
        return "answers" if not answer.is_server_error else f"answers {answer.status_code}"


@asynccontextmanager
async def run_watchdog(watch: Watchdog) -> AsyncIterator[None]:
    """Watch while the context lasts."""
    task = asyncio.create_task(watch.run(), name="watch")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await watch.close()


def _failure_since(facts: WatchdogFacts) -> str:
    if facts.failed is None or (facts.last_good is not None and facts.failed[1] <= facts.last_good):
        return "none since then"
    return f"{moment(facts.failed[1])}, {facts.failed[0]}"


async def _look_around(session: AsyncSession, now: datetime) -> WatchdogFacts:
    why, when = await get_value(session, FAILED_CYCLE), await get_moment(session, FAILED_CYCLE)
    return WatchdogFacts(
        last_good=await get_moment(session, LAST_GOOD_CYCLE),
        watched_since=await watched_since(session, now),
        imported=await get_value(session, IMPORT),
        incidents=tuple(await open_incidents(session)),
        failed=(str(why["error"]), when) if why is not None and when is not None else None,
        running=await is_held(session, Lock.PUSH),
    )
