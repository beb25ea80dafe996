"""`showrunner backup | restore`: the database in a file, and back again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg import Connection
from psycopg.rows import TupleRow
from sqlalchemy import URL

from cli.output.text import say
from cli.running import run
from cli.stack.database_here import database_here
from cli.stack.running_stack import only_one, refuse_while_busy, refuse_while_up
from models.board.forget import followed
from models.errors import DatabaseUnavailable, GiveUp
from models.postgres.dumps import Dump, fill, read_dump, write_dump
from models.postgres.engine import driver_message, libpq, migrate, open_engine, open_sessions
from models.postgres.server_programs import Programs, programs_for
from models.settings import Settings, load_settings
from models.sync.safety_stop import forget_last_good_cycle

_MEGABYTE = 1_000_000
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
_TABLES = (
    "SELECT count(*), min(relname), count(*) FILTER (WHERE relname IN ('tasks', 'cards', "
    "'alembic_version')) = 3 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
    "relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname <> 'information_schema' AND nspname NOT "
    "LIKE 'pg\\_%' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = "
    "'e')"
)
_OTHERS = (
    "SELECT DISTINCT coalesce(nullif(application_name, ''), usename, 'somebody') FROM "
    "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename "
    "IS NOT NULL ORDER BY 1"
)

File = Annotated[Path, typer.Argument(help="The file, in pg_dump's custom format.")]


def backup(
    file: File,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite an earlier backup of that name.")
    ] = False,
) -> None:
    """Write the database into a file, also while everything runs.

    It holds secrets: only you may read it.
    """
    run(_backup(file, replace=replace), stopped="Stopped; nothing was backed up.")


async def _backup(file: Path, *, replace: bool) -> None:
    settings = load_settings()
    nothing = (
        f"There is nothing to back up: no database in {settings.state_dir}, and DATABASE_URL is "
        "not set."
    )
    if settings.database_url is None:
        refuse_while_busy(settings.state_dir)
    with database_here(settings, if_none=nothing) as url:
        with _asking(url) as connection:
            _, _, ours = _tables(connection)
            if not ours:
                raise GiveUp(
                    f"There is nothing to back up: the database {url.database} has no tables of "
                    "Showrunner."
                )
            programs = _programs(settings, url, connection)
        own = settings.database_url is None
        size = await write_dump(url, file, programs[0], own=own, replace=replace)
    say(f"Wrote {file} ({size / _MEGABYTE:,.1f} MB). `showrunner restore {file}` puts it back.")


def restore(
    file: File,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete what the database holds now.")
    ] = False,
) -> None:
    """Fill the database from a backup, while nothing runs: in one step, or not at all."""
    run(
        _restore(file, replace=replace),
        stopped="Stopped; the database is as it was, unless it said “Restored”.",
    )


async def _restore(file: Path, *, replace: bool) -> None:
    settings = load_settings()
    refuse_while_up(settings.state_dir)
    alone = only_one(settings.state_dir, "`showrunner restore` is under way")
    with alone, database_here(settings, if_none=None) as url:
        dump = await _checked(settings, url, file, replace=replace)
        await fill(url, dump, own=settings.database_url is None)
        say(f"Restored {file}{f', made on {dump.made_at}' if dump.made_at else ''}.")
        migrate(url)
        await _finish(url)
    if dump.rights:
        say("Rights that others had on its tables were not taken over: give them again (GRANT).")
    say(
        "Next, start Showrunner: what people did on the board since that backup is taken over, "
        "and moves that would be put back wait for `showrunner push --confirm` where they are "
        "many."
    )


async def _checked(settings: Settings, url: URL, file: Path, *, replace: bool) -> Dump:
    """The dump, when it can be put into this database and may be."""
    with _asking(url) as connection:
        count, name, _ = _tables(connection)
        if count and not replace:
            raise GiveUp(
                f"The database {url.database} is not empty: it has {count} tables, {name} among "
                "them. Nothing was restored: --replace deletes what it holds."
            )
        others = [row[0] for row in connection.execute(_OTHERS)]
        if others:
            raise GiveUp(
                f"Something is connected to the database {url.database}: {', '.join(others)}. Stop "
                "every worker, webhook receiver and other program of it first."
            )
        programs = _programs(settings, url, connection)
    return await read_dump(file, programs)


async def _finish(url: URL) -> None:
    engine = open_engine(url, pool_size=1)
    try:
        async with open_sessions(engine).begin() as session:
            await forget_last_good_cycle(session)
            found = await followed(session)
    finally:
        await engine.dispose()
    say(f"It holds {found.cards} cards, {found.tasks} tasks of theirs and {found.events} events.")


@contextmanager
def _asking(url: URL) -> Iterator[Connection[TupleRow]]:
    try:
        with psycopg.connect(libpq(url), connect_timeout=10) as connection:
            yield connection
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            f"PostgreSQL: {driver_message(error, url)}. Is it running, and is DATABASE_URL right?"
        ) from None


def _tables(connection: Connection[TupleRow]) -> tuple[int, str, bool]:
    """How many tables and views it has, the name of one, and whether ours are among them."""
    count, name, ours = connection.execute(_TABLES).fetchone() or (0, "", False)
    return int(count), str(name), bool(ours)


def _programs(settings: Settings, url: URL, connection: Connection[TupleRow]) -> list[Programs]:
    """Those that fit the server."""
    own = settings.database_url is None
    encrypted = not own and (url.query.get("sslmode") or os.environ.get("PGSSLMODE")) in _ENCRYPTED
    major = connection.info.server_version // 10_000
    return programs_for(major, own=own, encrypted=encrypted)
