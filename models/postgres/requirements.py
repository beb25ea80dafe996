"""Check whether a database can hold our tables, before anything is made in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow, scalar_row

from models.errors import DatabaseUnavailable, SettingsError

OLDEST: Final = 13
"""The newest feature that the tables use came with PostgreSQL 13."""
FIRST_TABLES: Final = ("cards", "sync_state", "task_history", "tasks", "webhook_events")
"""The tables of our first migration, which no later one drops."""
_OWN: Final = (
    "Give Showrunner a database of its own: "
    "CREATE DATABASE showrunner ENCODING 'UTF8' TEMPLATE template0."
)


def refuse_unfit(connection: Connection[TupleRow], known: Sequence[str]) -> None:
    """Refuse a database that cannot or must not be migrated.

    Args:
        connection: to the database.
        known: our migrations, the oldest first.

    Raises:
        SettingsError: when it has another encoding, is too old, belongs to another program, is
            damaged, or when our role may not create tables in it.
        DatabaseUnavailable: when it is read-only at present.
    """
    name = connection.info.dbname
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":  # first: SQL_ASCII returns bytes
        raise SettingsError(
            f"The database {name} has the encoding {encoding}; Showrunner needs UTF8. {_OWN}"
        )
    if connection.info.server_version < OLDEST * 10_000:
        version = connection.info.parameter_status("server_version")
        raise SettingsError(
            f"The database {name} is of PostgreSQL {version}; Showrunner needs {OLDEST} or newer."
        )
    if _asked(connection, "SELECT current_setting('transaction_read_only') = 'on'"):
        raise DatabaseUnavailable(
            f"The database {name} takes no writes (a standby?): "
            "DATABASE_URL must name one that does."
        )
    _refuse_strangers(connection, known)


def _refuse_strangers(connection: Connection[TupleRow], known: Sequence[str]) -> None:
    name = connection.info.dbname
    at = _revisions(connection)
    there = [table for table in FIRST_TABLES if _exists(connection, table)]
    if not at and not there:
        _refuse_without_rights(connection)
        return
    if not at:
        raise SettingsError(
            f"The database {name} has a table {there[0]} that Showrunner did not make. {_OWN}"
        )
    if not there:
        raise SettingsError(
            f"The database {name} is another program's: its alembic_version is {at[0]}. {_OWN}"
        )
    if len(there) < len(FIRST_TABLES):
        missing = next(table for table in FIRST_TABLES if table not in there)
        raise SettingsError(
            f"The database {name} is at {at[0]}, but has no table {missing}: restore it from a "
            "backup, or, if it is another program's, name one of Showrunner's own in DATABASE_URL."
        )
    if any(revision not in known for revision in at):
        raise SettingsError(
            f"The database {name} is at {at[0]}, which this version of Showrunner does not know: a "
            "newer one has migrated it; update Showrunner here."
        )
    if at != [known[-1]]:
        _refuse_without_rights(connection)


def _refuse_without_rights(connection: Connection[TupleRow]) -> None:
    allowed = (
        "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AND coalesce("
        "has_schema_privilege(to_regnamespace('showrunner')::oid, 'CREATE'), "
        "has_database_privilege(current_database(), 'CREATE'))"
    )
    if not _asked(connection, allowed):
        schema = _asked(connection, "SELECT coalesce(current_schema(), 'public')")
        user, name = connection.info.user, connection.info.dbname
        raise SettingsError(
            f"{user} may not make tables in the database {name}: make {user} its owner, or "
            f'GRANT CREATE, USAGE ON SCHEMA "{schema}" TO "{user}" and '
            f'GRANT CREATE ON DATABASE "{name}" TO "{user}".'
        )


def _revisions(connection: Connection[TupleRow]) -> list[str]:
    if not _exists(connection, "alembic_version"):
        return []
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute("SELECT version_num::text FROM alembic_version ORDER BY 1").fetchall()


def _exists(connection: Connection[TupleRow], table: str) -> bool:
    return connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone() == (True,)


def _asked(connection: Connection[TupleRow], query: str) -> object:
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(query).fetchone()
