"""Check what Showrunner depends on: PostgreSQL, the webhook receiver, Prefect's server.

Writes nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

import httpx
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models.errors import ShowrunnerError
from models.operations.health.check import Check, State, checked, failed, skipped, warning
from models.operations.health.facts import HealthFacts, Server, read_health_facts, read_server
from models.operations.health.rules import judge_migrations, judge_server
from models.operations.known_problems import PROBLEMS
from models.operations.outages import innermost
from models.postgres.engine import (
    Sessions,
    database_url,
    known_revisions,
    open_engine,
    open_sessions,
)
from models.postgres.migrate import revision_of
from models.settings import LOGIN_CURE, Settings
from models.tables.incidents import IncidentKind
from models.tables.rate_limit import next_free_slot
from tasks.notion.proxies import is_remote
from tasks.runtime.clock import Clock
from tasks.runtime.locks import Lock, is_held

_BUSY: Final = "Run this again when the machine is less busy."
START = "Start it: `showrunner up`."
DATABASE_SECONDS: Final = 2.5
HTTP_SECONDS: Final = 3.0

log = structlog.get_logger("showrunner.health")


async def run_check(
    names: Sequence[str],
    seconds: float,
    work: Coroutine[Any, Any, list[Check]],
    cure: str = "It did not answer in time. Retry; if it repeats, restart `showrunner up`.",
) -> list[Check]:
    """Run some checks with a time limit and never raise.

    When they cannot be made, the first of `names` is a failure and the others are skipped.

    Args:
        names: the checks that `work` returns.
        seconds: the time limit.
        cure: what to do when there is no answer in time.
    """
    times_slower = slowness()
    seconds *= times_slower
    wrong = f"no answer within {seconds:.3g} s"
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        if times_slower > 1:
            return _slow(names, wrong)
    except ShowrunnerError as error:
        wrong, cure = str(error).rstrip("."), "Mend what it names."
    except Exception as error:
        # A boundary: an unexpected error is one failed check, and the others are made.
        log.debug("check_failed", checks=names, exc_info=True)
        wrong = f"cannot be checked ({type(error).__name__})"
        cure = "Please report this; the other checks stand."
    first, *others = names
    return [failed(first, wrong, cure), *(skipped(name, f"{first} failed") for name in others)]


def slowness() -> float:
    """How many times longer an answer may take because this machine is busy, from 1 to 4."""
    return min(4.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


def _slow(names: Sequence[str], wrong: str) -> list[Check]:
    """The checks that had no answer in time on a busy machine: yellow, for nothing is known."""
    first, *others = names
    slow = warning(f"{wrong}: this machine is busy", _BUSY)
    return [checked(first, "", [slow]), *(skipped(name, f"{first} was slow") for name in others)]


@dataclass(frozen=True, kw_only=True)
class DatabaseFacts:
    """What was read from the database.

    Attributes:
        checks: `database` and `migrations`.
        missing: why `health` could not be read; empty when they were.
        sessions: None when the database does not answer.
        health: the health facts; None when they could not be read.
        running: whether a cycle is under way.
        held_until: until when no process may send requests to Notion.
        server: the server's facts, with the times by our clock before and after they were read.
    """

    checks: tuple[Check, ...]
    missing: str = ""
    sessions: Sessions | None = None
    health: HealthFacts | None = None
    running: bool = False
    held_until: datetime | None = None
    server: tuple[Server, datetime, datetime] | None = None


@asynccontextmanager
async def read_database(settings: Settings, clock: Clock) -> AsyncIterator[DatabaseFacts]:
    """Read and check the database, which stays connected while the context lasts."""
    if settings.database_url is None:
        yield _no_facts(skipped("database", "no DATABASE_URL, and no `showrunner up` runs here"))
        return
    try:
        engine = open_engine(database_url(settings.database_url.get_secret_value()), pool_size=2)
    except ShowrunnerError as error:
        yield _no_facts(failed("database", str(error).rstrip("."), "Set DATABASE_URL right."))
        return
    try:
        yield await _read_in_time(open_sessions(engine), clock)
    finally:
        await engine.dispose()


async def _read_in_time(sessions: Sessions, clock: Clock) -> DatabaseFacts:
    times_slower = slowness()
    try:
        async with asyncio.timeout(DATABASE_SECONDS * times_slower):
            return await _read(sessions, clock)
    except TimeoutError:
        why = f"no answer within {DATABASE_SECONDS * times_slower:.3g} s"
        if times_slower > 1:
            return _no_facts(*_slow(["database"], why))
    except (SQLAlchemyError, OSError) as error:
        why = f"it does not answer: {_reason(error)}"
    return _no_facts(failed("database", why, PROBLEMS[IncidentKind.DATABASE_LOST].cure))


async def _read(sessions: Sessions, clock: Clock) -> DatabaseFacts:
    began = clock()
    async with sessions() as session:
        await session.execute(text("SET TRANSACTION READ ONLY"))
        server = await read_server(session)
        answered = (server, began, clock())
        migrations = judge_migrations(await revision_of(session), known_revisions())
        checks = (_database_check(server), migrations)
        if migrations.state is State.FAIL:
            return DatabaseFacts(
                checks=checks,
                missing="the migrations are pending",
                sessions=sessions,
                server=answered,
            )
        return DatabaseFacts(
            checks=checks,
            sessions=sessions,
            health=await read_health_facts(session, now=clock()),
            running=await is_held(session, Lock.PUSH),
            held_until=await next_free_slot(session),
            server=answered,
        )


def _database_check(server: Server) -> Check:
    connections = f"{server.connections} of {server.connections_max} connections"
    return checked(
        "database",
        f"PostgreSQL {server.version}, {connections}",
        judge_server(server),
        version=server.version,
        connections=server.connections,
    )


def _no_facts(database: Check) -> DatabaseFacts:
    checks = (database, skipped("migrations", "no database"))
    return DatabaseFacts(checks=checks, missing="no database")


def _reason(error: BaseException) -> str:
    """The driver's first line, which holds no password; else the error's class."""
    driver = innermost(error)
    lines = str(driver).strip().splitlines() if driver is not error else []
    return lines[0] if lines else type(error).__name__


async def webhook_receiver(settings: Settings) -> Check:
    """Whether the webhook receiver answers, and reaches the inbox."""
    return await _listener(
        settings, "webhook receiver", settings.receiver_url, "/health", "RECEIVER_PORT"
    )


async def worker_api(settings: Settings) -> Check:
    """Whether the worker API answers; it runs in the webhook receiver's process."""
    return await _listener(
        settings, "worker API", settings.worker_api_url, "/openapi.json", "WORKER_API_PORT"
    )


async def _listener(settings: Settings, name: str, address: str, path: str, setting: str) -> Check:
    """Whether what listens there answers.

    Args:
        setting: which one says its port.
    """
    log_file = settings.state_dir / "logs" / "receiver.log"
    try:
        async with httpx.AsyncClient(timeout=HTTP_SECONDS * slowness(), trust_env=False) as client:
            answer = await client.get(f"{address}{path}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        cure = f"Start it: `showrunner up`, or `python -m webhook`; its log: {log_file}"
        return failed(name, f"no answer at {address} ({type(error).__name__})", cure)
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        wrong = f"open at {address}, but it does not reach the database"
        return failed(name, wrong, f"Its log: {log_file}")
    if not answer.is_success:
        cure = f"Stop what uses the port, or set {setting}."
        return failed(name, f"something else answers at {address} ({answer.status_code})", cure)
    return checked(name, f"open at {address}", address=address)


def prefect_api(settings: Settings) -> str:
    """The API of the Prefect server that is configured, or that `showrunner up` starts."""
    return (settings.prefect_api_url or f"http://127.0.0.1:{settings.prefect_port}/api").rstrip("/")


async def prefect_server(settings: Settings, *, of_up: bool = False) -> Check:
    """Whether Prefect's server answers, accepts our login, and has our version.

    Args:
        of_up: whether a `showrunner up` that runs here started it, and restarts it.
    """
    name, api = "Prefect server", prefect_api(settings)
    try:
        theirs = await _prefect_version(settings, api)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        cure = "Set PREFECT_API_URL to the API, ending in /api."
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            cure = f"{LOGIN_CURE[0].upper()}{LOGIN_CURE[1:]}."
        return failed(name, f"answers {status} at {api}", cure)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        cure = START if settings.prefect_api_url is None else "Start that server."
        if of_up:
            log_file = settings.state_dir / "logs" / "prefect.log"
            cure = f"`showrunner up` is restarting it: wait 30 s, then see {log_file}."
        return failed(name, f"no answer at {api} ({type(error).__name__})", cure)
    ours = version("prefect")
    findings = []
    if theirs != ours:
        cure = f"Bring both to one version; ours is pinned: prefect=={ours}."
        findings.append(warning(f"it is version {theirs}, ours is {ours}", cure))
    return checked(name, f"version {theirs} at {api}", findings, version=theirs, url=api)


async def _prefect_version(settings: Settings, api: str) -> str:
    async with httpx.AsyncClient(
        timeout=HTTP_SECONDS * slowness(), auth=settings.prefect_login, trust_env=is_remote(api)
    ) as client:
        (await client.get(f"{api}/health")).raise_for_status()
        answer = await client.get(f"{api}/admin/version")
        return str(answer.raise_for_status().json())
