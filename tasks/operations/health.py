"""Looking at what Showrunner stands on: PostgreSQL and what it holds, the door, Prefect's server.

Writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

import httpx
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from models.errors import ShowrunnerError
from models.operations.health import Check, Finding, State, checked, failed, skipped
from models.operations.health_facts import HealthFacts, Server, read_health_facts, read_server
from models.operations.health_rules import judge_migrations, judge_server
from models.postgres.engine import (
    Sessions,
    database_url,
    known_revisions,
    open_engine,
    open_sessions,
)
from models.postgres.migrate import revision_of
from models.settings import Settings
from models.tables.rate_limit import next_free_slot
from tasks.notion.proxies import is_remote
from tasks.runtime.clock import Clock
from tasks.runtime.locks import Lock, is_held

START = "Start it: `showrunner up`."
DATABASE_SECONDS: Final = 2.5
HTTP_SECONDS: Final = 3.0

log = structlog.get_logger("showrunner.health")


async def run_check(
    names: Sequence[str],
    seconds: float,
    work: Coroutine[Any, Any, list[Check]],
    cure: str = "Try again; if it stays so, what it asks hangs: restart that.",
) -> list[Check]:
    """The checks of some work, whatever becomes of it: the first of its names is red when it cannot be done.

    Args:
        cure: what to do when there is no answer in time.
    """
    wrong = f"no answer within {seconds:g} s"
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        pass
    except ShowrunnerError as error:
        wrong, cure = str(error).rstrip("."), "Mend what it names."
    except Exception as error:
        # A border: what was not foreseen is one red line, and the other checks are made.
        log.debug("check_failed", checks=names, exc_info=True)
        wrong, cure = (
            f"cannot be checked ({type(error).__name__})",
            "Please report this; the other checks stand.",
        )
    return [
        failed(names[0], wrong, cure),
        *(skipped(name, f"{names[0]} failed") for name in names[1:]),
    ]


@dataclass(frozen=True, kw_only=True)
class DatabaseFacts:
    """What was seen of the database.

    Attributes:
        checks: `database` and `migrations`.
        sessions: None when it cannot be asked anything.
        vitals: None when it cannot be read, or `missing` says why it was not.
        running: whether a cycle is under way.
        held_until: until when nobody may ask Notion anything.
        server: with the moments, by our clock, between which it told its own.
    """

    checks: tuple[Check, ...]
    missing: str = ""
    sessions: Sessions | None = None
    vitals: HealthFacts | None = None
    running: bool = False
    held_until: datetime | None = None
    server: tuple[Server, datetime, datetime] | None = None


@asynccontextmanager
async def read_database(settings: Settings, clock: Clock) -> AsyncIterator[DatabaseFacts]:
    """The database, which may be asked more while the context lasts."""
    if settings.database_url is None:
        yield _nothing(skipped("database", "no DATABASE_URL, and no `showrunner up` runs here"))
        return
    try:
        engine = open_engine(database_url(settings.database_url.get_secret_value()), pool_size=2)
    except ShowrunnerError as error:
        yield _nothing(failed("database", str(error).rstrip("."), "Set DATABASE_URL right."))
        return
    try:
        yield await _look(open_sessions(engine), clock)
    finally:
        await engine.dispose()


async def _look(sessions: Sessions, clock: Clock) -> DatabaseFacts:
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            return await _read(sessions, clock)
    except (SQLAlchemyError, OSError) as error:  # OSError: TimeoutError among others
        late = isinstance(error, TimeoutError)
        why = (
            f"no answer within {DATABASE_SECONDS:g} s"
            if late
            else f"it does not answer: {_reason(error)}"
        )
        cure = "Start PostgreSQL, or set DATABASE_URL right; one that `showrunner up` runs starts with it."
        return _nothing(failed("database", why, cure))


async def _read(sessions: Sessions, clock: Clock) -> DatabaseFacts:
    began = clock()
    async with sessions() as session:
        await session.execute(text("SET TRANSACTION READ ONLY"))
        server = await read_server(session)
        ended = clock()
        migrations = judge_migrations(await revision_of(session), known_revisions())
        found = judge_server(server)
        facts = f"PostgreSQL {server.version}, {server.connections} of {server.connections_max} connections"
        database = checked(
            "database", facts, found, version=server.version, connections=server.connections
        )
        known = (database, migrations)
        if migrations.state is State.FAIL:
            return DatabaseFacts(
                checks=known,
                missing="the migrations are pending",
                sessions=sessions,
                server=(server, began, ended),
            )
        return DatabaseFacts(
            checks=known,
            sessions=sessions,
            vitals=await read_health_facts(session, now=clock()),
            running=await is_held(session, Lock.PUSH),
            held_until=await next_free_slot(session),
            server=(server, began, ended),
        )


def _nothing(database: Check) -> DatabaseFacts:
    return DatabaseFacts(
        checks=(database, skipped("migrations", "no database")), missing="no database"
    )


def _reason(error: BaseException) -> str:
    """The driver's first line, which holds no password; else the error's name."""
    inner = error.orig if isinstance(error, DBAPIError) else None
    return (
        str(inner).strip().splitlines()[0]
        if inner is not None and str(inner).strip()
        else type(error).__name__
    )


def door_address(settings: Settings) -> str:
    """Where the door is, as seen from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.door_host, settings.door_host)
    return f"http://{host}:{settings.door_port}"


async def door(settings: Settings) -> Check:
    """Whether the door answers, and reaches the inbox."""
    address = door_address(settings)
    log_file = settings.state_dir / "logs" / "door.log"
    try:
        async with httpx.AsyncClient(timeout=HTTP_SECONDS, trust_env=False) as client:
            answer = await client.get(f"{address}/health")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        cure = f"Start it: `showrunner up`, or `python -m webhook`; its log: {log_file}"
        return failed("door", f"no answer at {address} ({type(error).__name__})", cure)
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return failed(
            "door", f"open at {address}, but it does not reach the database", f"Its log: {log_file}"
        )
    if not answer.is_success:
        cure = "Stop what uses the port, or set DOOR_PORT."
        return failed("door", f"something else answers at {address} ({answer.status_code})", cure)
    return checked("door", f"open at {address}", address=address)


def prefect_api(settings: Settings) -> str:
    """The API of the Prefect server that is configured, or that `showrunner up` starts."""
    return (settings.prefect_api_url or f"http://127.0.0.1:{settings.prefect_port}/api").rstrip("/")


async def prefect_server(settings: Settings) -> Check:
    """Whether Prefect's server answers, lets us in, and is of our version."""
    name, api = "Prefect server", prefect_api(settings)
    try:
        login, remote = settings.prefect_login, is_remote(api)
        async with httpx.AsyncClient(timeout=HTTP_SECONDS, auth=login, trust_env=remote) as client:
            (await client.get(f"{api}/health")).raise_for_status()
            theirs = str((await client.get(f"{api}/admin/version")).raise_for_status().json())
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        refused = status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}
        cure = (
            "Set PREFECT_API_AUTH_STRING."
            if refused
            else "Set PREFECT_API_URL to the API, ending in /api."
        )
        return failed(name, f"answers {status} at {api}", cure)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        cure = "Start that server." if settings.prefect_api_url is not None else START
        return failed(name, f"no answer at {api} ({type(error).__name__})", cure)
    ours = version("prefect")
    found = []
    if theirs != ours:
        cure = f"Bring both to one version; ours is pinned: prefect=={ours}."
        found = [
            Finding(state=State.WARN, wrong=f"it is version {theirs}, ours is {ours}", cure=cure)
        ]
    return checked(name, f"version {theirs} at {api}", found, version=theirs, url=api)
