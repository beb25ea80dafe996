"""The watchdog: alerts when no cycle succeeds, or the database does not work, which no run can do.

The worker and the webhook receiver each run one. It needs only the database and a clock, so it
notices a worker that died as well as a Prefect server that starts no runs. Any number of watchdogs
alert an incident once, because the database stores it.
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
from models.operations.health.facts import SyncFacts, read_sync_facts
from models.postgres.engine import Sessions
from models.rules.formatting import utc_time
from models.settings import Settings
from models.tables.incidents import Incident, IncidentKind
from models.tables.sync_state import (
    FAILED_CYCLE,
    GOOD_WITHIN,
    IMPORT,
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
from tasks.operations.production_watch import watch_production
from tasks.runtime.clock import Clock, utc_now
from tasks.runtime.locks import Lock, is_held, one_at_a_time

EVERY: Final = 30.0
"""Seconds between two checks."""
LOST_AFTER: Final = timedelta(minutes=1)
"""PostgreSQL may not answer for this long: a restart is no incident."""
STORES_NOTHING_AFTER: Final = timedelta(seconds=EVERY)
"""PostgreSQL may refuse writes for this long: servers that switch roles do for a moment."""
_PREFECT_SECONDS: Final = 5.0

log = structlog.get_logger("showrunner.watch")


@dataclass(frozen=True, kw_only=True)
class WatchdogFacts(SyncFacts):
    """What one check reads from the database.

    Attributes:
        watched_since: start of the current period in which a watchdog ran without a break.
        imported: progress of a first import; None when none is under way.
        failed: error and time of the last failed cycle; None when none failed.
        running: whether a cycle is under way.
    """

    watched_since: datetime
    imported: dict[str, Any] | None
    failed: tuple[str, datetime] | None
    running: bool


def stalled_since(
    facts: WatchdogFacts, progressed: datetime | None, now: datetime
) -> datetime | None:
    """Since when no cycle succeeded, if that is `GOOD_WITHIN` or longer ago; else None.

    Time without a running watchdog does not count: a Showrunner that was stopped overnight is not
    late in the morning. Neither does an import that makes progress, however long it takes.

    Args:
        progressed: when an import last made progress.
    """
    known = (facts.last_good_cycle, facts.watched_since, progressed)
    since = max(each for each in known if each is not None)
    return since if now - since >= GOOD_WITHIN else None


class Watchdog:
    """Checks every 30 s whether cycles succeed and the database works, and delivers due alerts.

    Args:
        of_database: whether this watchdog alerts a lost database. Watchdogs cannot coordinate then,
            so only one process of a machine does it: the worker. A database that answers and
            refuses writes is alerted by the watchdog that finds it first.
        sleep: waits that many seconds; tests pass their own.
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
        self._lock = AsyncExitStack()
        self._has_lock = False
        self._before: WatchdogFacts | None = None
        self._progressed: datetime | None = None

    async def run(self) -> None:
        """Check again and again, until cancelled."""
        while True:
            try:
                await self.check()
            except Exception:
                # A boundary: an unexpected error must not end the watchdog.
                log.exception("watch_failed")
            await self._sleep(EVERY)

    async def close(self) -> None:
        """Leave it to other watchdogs to alert that the database refuses writes."""
        self._has_lock = False
        await self._lock.aclose()

    async def check(self) -> None:
        """Check once, and deliver the alerts that are due."""
        now = self.clock()
        try:
            async with database(self) as session:
                facts = await _read_facts(session, now)
        except DatabaseStoresNothing as error:
            await self._refuses_writes(now, error)
        except AWAY as error:
            await self._does_not_answer(now, reason(error))
        else:
            await self._judge(facts, now)
            await watch_production(self, facts.incidents)
            await end_recovered(self)
        finally:
            await deliver_alerts(self)

    async def _does_not_answer(self, now: datetime, error: str) -> None:
        self._away_since = self._away_since or now
        if not self._of_database or now - self._away_since < LOST_AFTER:
            return
        context = {"last_answer_before": utc_time(self._away_since), "error": error}
        title = "PostgreSQL does not answer."
        await send_alert(self, Level.CRITICAL, IncidentKind.DATABASE_LOST, title, context)

    async def _refuses_writes(self, now: datetime, error: DatabaseStoresNothing) -> None:
        if self._away_since is not None:  # it answers again
            self._away_since = None
            await resolve_alert(self, IncidentKind.DATABASE_LOST)
        since = self._storing_nothing_since = self._storing_nothing_since or now
        if now - since < STORES_NOTHING_AFTER or not await self._take_lock():
            return
        context = {"last_stored_before": utc_time(since), "SQLSTATE": error.sqlstate}
        title = f"PostgreSQL stores nothing: {error}."
        await send_alert(self, Level.CRITICAL, IncidentKind.DATABASE_STORES_NOTHING, title, context)

    async def _take_lock(self) -> bool:
        """Whether this watchdog is the one that alerts: a server that is read-only still locks."""
        if not self._has_lock:
            async with AsyncExitStack() as trying:
                self._has_lock = await trying.enter_async_context(one_at_a_time(self, Lock.WATCH))
                if self._has_lock:
                    self._lock = trying.pop_all()
        return self._has_lock

    async def _judge(self, facts: WatchdogFacts, now: datetime) -> None:
        if self._before is not None and facts.imported != self._before.imported:
            self._progressed = now
        self._before = facts
        await resolve_alert(self, *self._resolved(facts))
        self._away_since = self._storing_nothing_since = None
        await self.close()
        since = stalled_since(facts, self._progressed, now)
        alerted = any(incident.name == IncidentKind.NO_GOOD_CYCLE for incident in facts.incidents)
        if since is not None and not alerted:
            title = f"No cycle was good since {utc_time(since)}."
            context = await self._context(facts)
            await send_alert(self, Level.CRITICAL, IncidentKind.NO_GOOD_CYCLE, title, context)

    def _resolved(self, facts: WatchdogFacts) -> list[str]:
        """Incidents that are over, as the database answers and accepts writes."""
        opened = {incident.name: incident.since for incident in facts.incidents}
        stalled, good = opened.get(IncidentKind.NO_GOOD_CYCLE), facts.last_good_cycle
        known = {
            IncidentKind.DATABASE_LOST: self._away_since,
            IncidentKind.DATABASE_STORES_NOTHING: self._storing_nothing_since,
        }
        resolved: list[str] = [
            kind for kind, since in known.items() if since is not None or kind in opened
        ]
        if stalled is not None and good is not None and good > stalled:
            resolved.append(IncidentKind.NO_GOOD_CYCLE)
        return resolved

    async def _context(self, facts: WatchdogFacts) -> dict[str, str]:
        """The facts that help to find out why no cycle succeeds."""
        last = facts.last_good_cycle
        return {
            "last_good_cycle": "never" if last is None else utc_time(last),
            "last_failure": _last_failure(facts),
            "under_way": "a cycle is" if facts.running else "no cycle is",
            "prefect_server": await self._prefect(),
            "other_incidents": "; ".join(map(str, facts.incidents)) or "none",
        }

    async def _prefect(self) -> str:
        if self.settings.prefect_api_url is None:
            return "not known here: PREFECT_API_URL is not set"
        api = self.settings.prefect_api_url.rstrip("/")
        try:
            async with httpx.AsyncClient(
                timeout=_PREFECT_SECONDS, trust_env=is_remote(api)
            ) as client:
                answer = await client.get(f"{api}/health")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return f"does not answer ({type(error).__name__}): nothing starts cycles"
        return f"answers {answer.status_code}" if answer.is_server_error else "answers"


@asynccontextmanager
async def run_watchdog(watchdog: Watchdog) -> AsyncIterator[None]:
    """Run a watchdog while the context lasts."""
    task = asyncio.create_task(watchdog.run(), name="watch")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await watchdog.close()


def _last_failure(facts: WatchdogFacts) -> str:
    """Time and error of the last failed cycle, unless one succeeded since."""
    if facts.failed is None:
        return "none since then"
    error, when = facts.failed
    if facts.last_good_cycle is not None and when <= facts.last_good_cycle:
        return "none since then"
    return f"{utc_time(when)}, {error}"


async def _read_facts(session: AsyncSession, now: datetime) -> WatchdogFacts:
    sync = await read_sync_facts(session)
    why, when = await get_value(session, FAILED_CYCLE), await get_moment(session, FAILED_CYCLE)
    failed = None
    if why is not None and when is not None:
        failed = (str(why["error"]), when)
    return WatchdogFacts(
        last_good_cycle=sync.last_good_cycle,
        incidents=sync.incidents,
        watched_since=await watched_since(session, now),
        imported=await get_value(session, IMPORT),
        failed=failed,
        running=await is_held(session, Lock.PUSH),
    )
