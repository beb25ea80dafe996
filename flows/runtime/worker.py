"""`python -m flows.runtime.worker`: the command line of the warm worker.

Prefect's collections entry point names this module too, and importing it registers the worker's
type. The class is in `flows.runtime.warm_worker`: a module that is run as `__main__` is imported a
second time by that entry point, and would register the class twice.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import httpx
import structlog
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL
from sqlalchemy import URL, func, select
from sqlalchemy.exc import SQLAlchemyError

from flows.runtime.bootstrap import bootstrap, bootstrap_if_missing
from flows.runtime.ready_tasks import dispatch_when_ready, take_over_steps
from flows.runtime.warm_worker import GRACE_SECONDS, WarmWorker
from flows.server.deployment_spec import POOL
from flows.server.prefect_settings import client_environment
from models.errors import GiveUp, ShowrunnerError, TryAgain
from models.postgres.engine import Sessions, database_url, open_engine, open_sessions
from models.settings import LOGIN_CURE, Settings, load_settings
from models.sync.safety_stop import forget_old_cycles
from tasks.notion.proxies import keep_loopback_direct
from tasks.operations.watchdog import Watchdog, run_watchdog
from tasks.runtime.channels import channels_in_force, store_channels
from tasks.runtime.clock import DatabaseClock

__all__ = ["WarmWorker", "main"]

log = structlog.get_logger("showrunner.worker")

_WAIT_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 0.5
_REFUSED: Final = {401, 403}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a warm worker until it is stopped; return the exit code: 0, or 1 with one sentence."""
    options = _parser().parse_args(arguments)
    keep_loopback_direct(os.environ)
    try:
        api_url = _api_url()
        _complete_environment(api_url)
        asyncio.run(_work(options, api_url))
    except (GiveUp, TryAgain) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.runtime.worker", description="Run Showrunner's flows, warm."
    )
    parser.add_argument(
        "--pool", default=POOL, help="work pool to take runs from (default: %(default)s)"
    )
    parser.add_argument(
        "--name", default=None, help="name in the UI (default: this machine's and the process id)"
    )
    parser.add_argument(
        "--limit", type=int, default=None, help="runs at the same time at most (default: no limit)"
    )
    parser.add_argument(
        "--grace",
        type=float,
        default=GRACE_SECONDS,
        help="seconds to let runs finish when stopping (default: %(default)s)",
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=_WAIT_SECONDS,
        help="seconds to wait for Prefect's server (default: %(default)s)",
    )
    parser.add_argument(
        "--bootstrap",
        action="store_true",
        help="make on the server what our flows need, now and when it was lost",
    )
    parser.add_argument(
        "--package",
        action="append",
        default=[],
        help="a Python package whose flows may be run beside Showrunner's own (may be repeated)",
    )
    return parser


def _api_url() -> str:
    url = PREFECT_API_URL.value()
    if not url:
        raise GiveUp(
            "PREFECT_API_URL is not set: say where Prefect's server is, "
            "e.g. http://127.0.0.1:4200/api."
        )
    return str(url)


def _complete_environment(api_url: str) -> None:
    """Restart this process with the variables it lacks: Prefect reads them when it is imported.

    `showrunner up` sets all of them beforehand. A user who types the command need not.
    """
    wanted = client_environment(api_url)
    login = load_settings().prefect_login
    if login is not None:
        wanted["PREFECT_API_AUTH_STRING"] = ":".join(login)
    missing = {name: value for name, value in wanted.items() if name not in os.environ}
    missing.pop("PREFECT_API_URL", None)
    if missing:
        sys.stdout.flush()
        os.execve(  # noqa: S606 - the same program with the same arguments
            sys.executable,
            [sys.executable, "-m", "flows.runtime.worker", *sys.argv[1:]],
            os.environ | missing,
        )


def _default_name() -> str:
    """The name of a worker of this process: host and process id."""
    return f"{socket.gethostname()} {os.getpid()}"


async def _work(options: argparse.Namespace, api_url: str) -> None:
    async with _watchdog() as (database, sessions):
        await _wait_for_server(api_url, options.wait)
        pools = load_settings().step_pools
        if options.bootstrap:
            await bootstrap(pool=options.pool, step_pools=pools)
        worker = WarmWorker(
            work_pool_name=options.pool, name=options.name or _default_name(), limit=options.limit
        )
        worker.grace_seconds = options.grace
        worker.database = database
        if sessions is not None:
            worker.on_crashed = partial(take_over_steps, sessions)
        worker.packages |= frozenset(options.package)
        if options.bootstrap:
            worker.prepare = partial(bootstrap_if_missing, pool=options.pool, step_pools=pools)
        await worker.start(printer=lambda line: log.info("worker_says", line=str(line).strip()))


@asynccontextmanager
async def _watchdog() -> AsyncIterator[tuple[URL | None, Sessions | None]]:
    """Run the watchdog in the main thread, with a connection of its own.

    No run can block that thread (see `flows.runtime.graceful_shutdown`). Yields the database's URL
    and sessions; None when none is configured.
    """
    settings = load_settings()
    if settings.database_url is None:  # every run will report it
        yield None, None
        return
    url = database_url(settings.database_url.get_secret_value())
    engine = open_engine(url, pool_size=1)
    try:
        sessions = open_sessions(engine)
        async with run_watchdog(
            Watchdog(settings, sessions, of_database=True, clock=DatabaseClock(engine))
        ):
            await _store_channels(settings, sessions)
            await _forget_old_cycles(sessions)
            dispatching = asyncio.create_task(dispatch_when_ready(url, sessions))
            try:
                yield url, sessions
            finally:
                dispatching.cancel()
                await asyncio.gather(dispatching, return_exceptions=True)
    finally:
        await engine.dispose()


async def _store_channels(settings: Settings, sessions: Sessions) -> None:
    """Store the configured channels, so that tasks of them are accepted before the first cycle."""
    try:
        folder = await channels_in_force(settings.channel_configs, sessions)
        await store_channels(sessions, folder.channels, settings.production_daily_budget)
    except (ShowrunnerError, SQLAlchemyError, OSError) as error:
        # The first cycle stores them again, and reports what is wrong.
        log.warning("channels_not_stored", error=type(error).__name__)


async def _forget_old_cycles(sessions: Sessions) -> None:
    try:
        async with sessions.begin() as session:
            now = (await session.execute(select(func.now()))).scalar_one()
            await forget_old_cycles(session, now)
    except (SQLAlchemyError, OSError) as error:
        # Nothing is dispatched either while the database does not answer.
        log.warning("old_cycles_not_forgotten", error=type(error).__name__)


async def _wait_for_server(api_url: str, seconds: float) -> None:
    """Wait until the server answers and accepts our login.

    Raises:
        TryAgain: it did not answer in time.
        GiveUp: it answered, and refused the login.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            async with get_client() as client:
                await client.read_work_pools(limit=1)
        except httpx.HTTPStatusError as error:
            if error.response.status_code in _REFUSED:
                raise GiveUp(
                    f"Prefect's server at {api_url} refuses our login: {LOGIN_CURE}."
                ) from error
            reason = f"it answered {error.response.status_code}"
        except (httpx.HTTPError, OSError) as error:
            reason = str(error) or type(error).__name__
        else:
            return
        if time.monotonic() > deadline:
            raise TryAgain(
                f"Prefect's server at {api_url} did not answer within {seconds:.0f} s: {reason}."
            )
        await asyncio.sleep(_RETRY_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
