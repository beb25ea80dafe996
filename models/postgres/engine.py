"""The PostgreSQL connection: URL, engine, migrations, naming convention.

Tables are made by Alembic only (`migrate`). Functions in `models` take a session and neither open
nor commit one: the transaction belongs to the caller.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, DateTime, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlmodel import SQLModel

from models.errors import DatabaseUnavailable, SettingsError, ShowrunnerError
from models.postgres.requirements import refuse_unfit

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"

SILENCE_SECONDS = 20
"""How long the other end of a connection may be silent, e.g. after a pulled cable or a power cut,
before the connection is closed. PostgreSQL then releases its locks, after 25 s at most."""
_IDLE_SECONDS, _PROBE_SECONDS = SILENCE_SECONDS // 2, SILENCE_SECONDS // 4
_PROBES = SILENCE_SECONDS // _PROBE_SECONDS - SILENCE_SECONDS // _IDLE_SECONDS
CONNECTIONS_LEAST = 10
"""Connections that a process may open at least. Some are held for a whole run, for its locks: up to
three by a push, two by an ingest, one by an import. If these could use up the pool, every run would
wait for the others."""
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
"""PostgreSQL's own defaults, which may have been changed for a server, a database or a role. In
a time zone with a repeated hour, Python would compare moments of that hour wrongly."""
_SET_ALL: Final = (
    "SELECT set_config(name, value, false) "
    "FROM unnest(%s::text[], %s::text[]) AS wanted (name, value) "
    "WHERE current_setting(name, true) IS NOT NULL"
)
_SESSION = {**_THEIR_END, **_DEFAULTS}
SESSION: Final = (_SET_ALL, (list(_SESSION), list(_SESSION.values())))
"""The statement, with its values, that sets the server's timeouts for a silent client and overrides
changed defaults of the session."""
_SECRET_OPTIONS = ("password", "sslpassword")
_DRIVERS = {
    "postgres",
    "postgresql",
    "postgresql+asyncpg",
    "postgresql+psycopg",
    "postgresql+psycopg2",
}

_WITHOUT_LOGIN = re.compile(
    r"(^[\w+]+://(?:\[[^\]]*\]|[^:/?#@\[\]]*)(?::\d+)?)([/?].*)$", re.DOTALL
)
"""A URL without user and password, in two parts. An @ in the second part is a plain character, but
SQLAlchemy would take it for the end of a login."""

Sessions = async_sessionmaker[AsyncSession]


def timestamptz() -> DateTime:
    """The type of every timestamp in the database: with a time zone, stored as UTC."""
    return DateTime(timezone=True)


def database_url(raw: str) -> URL:
    """The SQLAlchemy URL (psycopg 3) for any usual spelling of DATABASE_URL.

    Raises:
        SettingsError: when it is no PostgreSQL URL. The message does not repeat the URL, which may
            contain a password.
    """
    try:
        url = make_url(
            _WITHOUT_LOGIN.sub(lambda found: found[1] + found[2].replace("@", "%40"), raw)
        )
    except (ArgumentError, ValueError):  # the message may contain a part of the password
        url = None
    if url is None or "@" in (
        url.host or ""
    ):  # then what stands before it is the end of a password
        raise SettingsError(
            "DATABASE_URL is no URL; it looks like postgresql://user:password@host:5432/name "
            "(a password's own /, @, : and % are written as %2F, %40, %3A and %25).",
        )
    if url.drivername not in _DRIVERS:
        raise SettingsError(
            f"DATABASE_URL starts with {url.drivername}://; Showrunner needs postgresql://."
        )
    if not url.database:
        raise SettingsError("DATABASE_URL names no database: add /name at its end.")
    if "ssl" in url.query:  # asyncpg's name of sslmode
        url = url.difference_update_query(["ssl"]).update_query_dict({"sslmode": url.query["ssl"]})
    return url.set(drivername="postgresql+psycopg", database=unquote(url.database or ""))


def open_engine(url: URL, *, pool_size: int = 8, ping: bool = True) -> AsyncEngine:
    """An engine that detects and replaces dead connections; it does not connect yet.

    Connection options in the URL override ours.

    Args:
        url: the database.
        pool_size: connections that are kept open; at least `CONNECTIONS_LEAST` may be opened.
        ping: test each connection before it is used. Without it a round trip is saved, and the
            first use after a restart of the server fails (`connection_invalidated`); a retry gets
            a new connection.
    """
    given = connection_options(url)
    overflow = max(_OVERFLOW, CONNECTIONS_LEAST - pool_size)
    pool = {"pool_size": pool_size, "max_overflow": overflow, "pool_pre_ping": ping}
    # No error repeats the values of a statement: they contain texts of users, and tokens.
    engine = create_async_engine(url, connect_args=given, hide_parameters=True, **pool)
    # First, because SQLAlchemy reads from its first connection the isolation level that it restores
    # later.
    event.listen(engine.sync_engine, "connect", begin_session, insert=True)
    return engine


def connection_options(url: URL) -> dict[str, Any]:
    """Options by which psycopg detects a silent server, except those that the URL sets."""
    ours = {"connect_timeout": 10, "application_name": "showrunner", **_OUR_END}
    return {name: value for name, value in ours.items() if name not in url.query}


def begin_session(connection: DBAPIConnection, _record: object) -> None:
    """Set up the session of a new connection, whatever the server, database or role configures.

    The server then detects a silent client in seconds and releases its locks; by default that takes
    two hours. This is a statement and not start-up options, because a pooler refuses those, as does
    a server that is too old for one of them.
    """
    cursor = connection.cursor()
    cursor.execute(*SESSION)
    cursor.close()
    connection.commit()


def open_sessions(engine: AsyncEngine) -> Sessions:
    """A factory of sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


def committing_at_once(sessions: Sessions) -> AsyncEngine:
    """The engine of these sessions in autocommit mode, which saves BEGIN and COMMIT."""
    engine: AsyncEngine = sessions.kw["bind"]
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def ensure_database(admin: URL, name: str) -> None:
    """Create the database unless it exists."""
    with psycopg.connect(libpq(admin), autocommit=True) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
        if found is None:
            connection.execute(
                psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name))
            )


def libpq(url: URL) -> str:
    """The URL as psycopg, psql and pg_dump take it, percent-encoded, blanks as %20."""
    who = ":".join(quote(part, safe="") for part in (url.username, str(url.password or "")) if part)
    host = f"[{url.host}]" if ":" in (url.host or "") else quote(url.host or "", safe=",")
    if url.port is not None:
        host = f"{host}:{url.port}"
    options = [
        (name, value)
        for name, given in url.query.items()
        for value in ([given] if isinstance(given, str) else given)
    ]
    query = "&".join(f"{name}={quote(value, safe='/,:')}" for name, value in options)
    if who:
        host = f"{who}@{host}"
    address = f"postgresql://{host}/{quote(url.database or '', safe='')}"
    if query:
        return f"{address}?{query}"
    return address


def shown(url: URL) -> str:
    """The URL as psql and pg_dump take it, without secrets."""
    return libpq(url.difference_update_query(_SECRET_OPTIONS)._replace(password=None))


def driver_message(error: Exception, url: URL) -> str:
    """The first line of the driver's message, without passwords of the URL."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    named = {url.username, url.host, url.database}
    secrets = {
        str(secret) for secret in (url.password, *map(url.query.get, _SECRET_OPTIONS)) if secret
    }
    for secret in secrets - named:
        for written in (secret, quote(secret, safe="")):
            line = line.replace(written, "…")
    return line


def known_revisions() -> list[str]:
    """Our migrations, the oldest first."""
    return [
        script.revision for script in ScriptDirectory.from_config(_migrations()).walk_revisions()
    ][::-1]


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def migrate(url: URL, revision: str = "head") -> None:
    """Upgrade or downgrade the schema to a revision; blocking.

    Processes that migrate at the same time wait for each other.

    Raises:
        DatabaseUnavailable: when PostgreSQL does not answer, is read-only, or a table stays locked.
        SettingsError: when the URL has an unknown option, or the database cannot be used.
    """
    config = _migrations()
    config.attributes["url"] = url
    known = known_revisions()
    move = command.downgrade if revision == "base" or revision.startswith("-") else command.upgrade
    try:
        with psycopg.connect(libpq(url), connect_timeout=10) as connection:
            refuse_unfit(connection, known)
    except psycopg.ProgrammingError as error:
        raise SettingsError(f"DATABASE_URL cannot be used: {driver_message(error, url)}.") from None
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(
            f"PostgreSQL at {url.host or 'its socket'} does not answer "
            f"({driver_message(error, url)}). "
            "Start it, or unset DATABASE_URL to use the embedded one.",
        ) from None
    try:
        move(config, revision)
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        later = error.connection_invalidated or isinstance(
            error.orig, psycopg.errors.LockNotAvailable
        )
        kind: type[ShowrunnerError] = SettingsError
        cure = "mend it and try again."
        if later:
            kind, cure = DatabaseUnavailable, "try again."
        raise kind(
            f"The tables could not be brought up to date ({reason}); "
            f"what was there is as it was: {cure}"
        ) from error
