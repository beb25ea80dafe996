"""`showrunner migrate | deploy | prefect-server`: for running the parts on several machines."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.interrupts import loading
from cli.output.text import say, warn
from cli.running import run
from cli.stack.processes import check_port
from cli.stack.running_stack import not_up, running
from models.errors import GiveUp
from models.postgres.engine import database_url, migrate
from models.settings import load_settings


def bring_up_to_date() -> None:
    """Make or bring up to date the tables in DATABASE_URL.

    It is safe to run twice. Several at once wait for each other.
    """
    run(
        _migrate(),
        stopped="Stopped; each step was made whole or not at all: run it again to go on.",
    )


async def _migrate() -> None:
    settings = load_settings()
    given = (running(settings.state_dir) or {}).get("DATABASE_URL")
    if settings.database_url is not None:
        given = settings.database_url.get_secret_value()
    if given is None:
        raise not_up(
            settings.state_dir,
            "DATABASE_URL is not set, and no `showrunner up` runs in this folder: it names the "
            "database whose tables are to be made.",
        )
    await asyncio.to_thread(migrate, database_url(given))
    say("The tables are up to date.")


def deploy() -> None:
    """Make on Prefect's server what the flows need: work pool, deployments, automations.

    It is safe to run twice.
    """
    run(_deploy(), stopped="Stopped; run it again to go on.")


async def _deploy() -> None:
    settings = load_settings()
    # Where nothing is set, the server of a running `up` is used. Prefect reads both variables when
    # it is imported.
    known = (running(settings.state_dir) or {}) | os.environ
    if settings.prefect_api_url is None and "PREFECT_API_URL" not in known:
        raise not_up(
            settings.state_dir,
            "PREFECT_API_URL is not set: say where Prefect's server is, e.g. "
            "http://prefect:4200/api.",
        )
    os.environ["PREFECT_API_URL"] = settings.prefect_api_url or known["PREFECT_API_URL"]
    if settings.prefect_login is not None:
        os.environ["PREFECT_API_AUTH_STRING"] = ":".join(settings.prefect_login)
    elif "PREFECT_API_AUTH_STRING" in known:
        os.environ["PREFECT_API_AUTH_STRING"] = known["PREFECT_API_AUTH_STRING"]
    with loading():
        from flows.runtime.bootstrap import bootstrap  # noqa: PLC0415 - loads Prefect: seconds

    made = await bootstrap(step_pools=settings.step_pools)
    for kind, names in vars(made).items():
        say(f"{kind}: {', '.join(names) or 'as they should be'}")


def _check_usable(folder: Path, host: str, port: int) -> None:
    """Make the folder and check that the port is free; end with one sentence if not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_port(host, port, "Prefect server", "PREFECT_PORT")
    except OSError as error:
        warn(f"The folder {folder} cannot be made: {error.strerror}.")
        raise typer.Exit(1) from None
    except GiveUp as error:
        warn(str(error))
        raise typer.Exit(1) from None


def prefect_server(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    home: Annotated[
        Path | None, typer.Option(help="Folder for what it keeps; its leases must survive it.")
    ] = None,
) -> None:
    """Run Prefect's server with the settings that Showrunner needs, on PREFECT_PORT.

    What the environment says counts.

    PREFECT_SERVER_DATABASE_CONNECTION_URL (postgresql+asyncpg://…) names its PostgreSQL; without
    it, it keeps SQLite. Beyond this machine it asks for a login: PREFECT_API_AUTH_STRING, or one
    that is made and shown once.
    """
    from flows.server.prefect_settings import server_environment  # noqa: PLC0415 - as above
    from flows.server.same_origin import login_for  # noqa: PLC0415 - as above

    settings = load_settings()
    folder = home or settings.state_dir / "prefect"
    _check_usable(folder, host, settings.prefect_port)
    # Without PREFECT_API_URL: it is the address for clients, and the server finds its own.
    given = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    login, new = None, False
    if settings.prefect_login is not None:
        login = ":".join(settings.prefect_login)
    elif (kept := login_for(host, folder)) is not None:
        login, new = kept
        if new:
            say(
                f"Made a login for Prefect's server: {login}\nGive it to worker, receiver and "
                f"commands as PREFECT_API_AUTH_STRING. It is kept in {folder / 'login'}.",
            )
    environment = server_environment(folder, settings.prefect_port, host=host, login=login) | given
    command = [sys.executable, "-m", "flows.server.prefect_server"]
    os.execve(sys.executable, command, environment)  # noqa: S606 - it becomes the server, and gets its signals
