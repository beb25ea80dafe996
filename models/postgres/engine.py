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

from models.errors import DatabaseUnavailable, SettingsError
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
"""How long the other end of a connection may be silent before it counts as gone: a pulled cable, a
host without power. Then a cut-off process stops waiting, and PostgreSQL frees the locks and claims
that it held (at 25 s the latest)."""
_IDLE_SECONDS, _PROBE_SECONDS = SILENCE_SECONDS // 2, SILENCE_SECONDS // 4
_PROBES = SILENCE_SECONDS // _PROBE_SECONDS - SILENCE_SECONDS // _IDLE_SECONDS
CONNECTIONS_LEAST = 10
"""Context that a process may have at least. Some are held for a whole run, for its locks: up to
three by a push, two by an ingest, one by an import. Could those be all there are, each run would
wait for the others and give up."""
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
"""PostgreSQL's own defaults, which an administrator may have changed for a server, a database or a
role. In a time zone with a repeated hour, Python takes two equal moments of it for different ones.
"""
_SET_ALL: Final = (
    "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS wanted (name, value) "
    "WHERE current_setting(name, true) IS NOT NULL"
)
_SESSION = {**_THEIR_END, **_DEFAULTS}
SESSION: Final = (_SET_ALL, (list(_SESSION), list(_SESSION.values())))
"""The statement, with its values, by which a connection's server learns when to take its client for
gone, and that nothing else it was told of sessions counts in this one."""
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
"""A URL without user and password, in two parts: in the second an @ is one. SQLAlchemy takes any
for a login's end."""

Sessions = async_sessionmaker[AsyncSession]


def timestamptz() -> DateTime:
    """The one type of every moment in the database: aware, stored as UTC."""
    return DateTime(timezone=True)


def database_url(raw: str) -> URL:
    """The SQLAlchemy URL (psycopg 3) for any of the spellings people have in DATABASE_URL.

    Raises:
        SettingsError: when it is no PostgreSQL URL. The message does not repeat the URL: it holds a
            password.
    """
    try:
        url = make_url(
            _WITHOUT_LOGIN.sub(lambda found: found[1] + found[2].replace("@", "%40"), raw)
        )
    except (ArgumentError, ValueError):  # the text of the second can hold a piece of the password
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
    if "ssl" in url.query:  # asyncpg's word for it
        url = url.difference_update_query(["ssl"]).update_query_dict({"sslmode": url.query["ssl"]})
    return url.set(drivername="postgresql+psycopg", database=unquote(url.database or ""))


def open_engine(url: URL, *, pool_size: int = 8, ping: bool = True) -> AsyncEngine:
    """An engine whose dead connections are noticed and replaced, on both ends.

    Nothing is connected yet.

    What the URL itself says of a connection's options counts before ours.

    Args:
        pool_size: connections that are kept; up to `CONNECTIONS_LEAST` are opened, however few are
            kept.
        ping: ask each connection whether it lives before it is used. Without, a round trip is
            saved, and the first use after the server was restarted fails
            (`connection_invalidated`); what is tried again gets a new connection.
    """
    given = connection_options(url)
    overflow = max(_OVERFLOW, CONNECTIONS_LEAST - pool_size)
    pool = {"pool_size": pool_size, "max_overflow": overflow, "pool_pre_ping": ping}
    # The values of a statement are what people wrote, tokens among them: no error repeats them.
    engine = create_async_engine(url, connect_args=given, hide_parameters=True, **pool)
    # First, because SQLAlchemy asks its first connection for the isolation level that it sets back
    # to from then on.
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


def ensure_database(admin: URL, name: str) -> None:
    """Make the database unless it exists already."""
    with psycopg.connect(libpq(admin), autocommit=True) as connection:
        found = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
        if found is None:
            connection.execute(
                psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name))
            )


def libpq(url: URL) -> str:
    """The URL as psycopg, psql and pg_dump take it: what is no letter of a URL as %XX, a blank too."""
    who = ":".join(quote(part, safe="") for part in (url.username, str(url.password or "")) if part)
    host = f"[{url.host}]" if ":" in (url.host or "") else quote(url.host or "", safe=",")
    port = "" if url.port is None else f":{url.port}"
    options = [
        (name, value)
        for name, given in url.query.items()
        for value in ([given] if isinstance(given, str) else given)
    ]
    query = "&".join(f"{name}={quote(value, safe='/,:')}" for name, value in options)
    start = f"postgresql://{who}@" if who else "postgresql://"
    return f"{start}{host}{port}/{quote(url.database or '', safe='')}" + (
        f"?{query}" if query else ""
    )


def shown(url: URL) -> str:
    """The URL as psql and pg_dump take it, without what is secret in it: those ask for a password that they need."""
    return libpq(url.difference_update_query(_SECRET_OPTIONS)._replace(password=None))


def driver_message(error: Exception, url: URL) -> str:
    """The first line of the driver's message, without the passwords of the URL that it may repeat."""
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
    """Bring the schema to a revision, up or down; blocking.

    Several processes at once wait for each other.

    Raises:
        DatabaseUnavailable: when PostgreSQL does not answer, takes no writes, or somebody holds a
            table for long.
        SettingsError: when the URL has an option that PostgreSQL does not know, or the database
            cannot be ours.
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
            f"PostgreSQL at {url.host or 'its socket'} does not answer ({driver_message(error, url)}). "
            "Start it, or unset DATABASE_URL to use the embedded one.",
        ) from None
    try:
        move(config, revision)
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        later = error.connection_invalidated or isinstance(
            error.orig, psycopg.errors.LockNotAvailable
        )
        kind = DatabaseUnavailable if later else SettingsError
        cure = "try again." if later else "mend it and try again."
        raise kind(
            f"The tables could not be brought up to date ({reason}); what was there is as it was: {cure}"
        ) from error
