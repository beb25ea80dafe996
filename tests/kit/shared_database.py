"""One database for many tests: emptied between them, since a clone for each costs 15 times more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import URL

from models.postgres.engine import libpq

MANY_ROWS: Final = 500
"""A database in which a test wrote more rows than that is made anew: what is deleted still takes
space, and the statistics of large tables change plans."""

USERS_TABLES = """
SELECT relname::text FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
_SEQUENCES = """
SELECT setval(oid::regclass, 1, false) FROM pg_class
WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""
_CATALOGS: Final = (
    "pg_class",
    "pg_attribute",
    "pg_attrdef",
    "pg_constraint",
    "pg_index",
    "pg_proc",
    "pg_trigger",
    "pg_rewrite",
    "pg_type",
    "pg_namespace",
    "pg_policy",
    "pg_extension",
    "pg_event_trigger",
    "pg_db_role_setting",
    "pg_description",
)
"""A change of the schema, of a comment or a grant writes a row of one of these."""
_SCHEMA: Final = " UNION ALL ".join(
    f"SELECT '{catalog}', count(*), coalesce(sum(xmin::text::bigint), 0) FROM {catalog}"
    for catalog in _CATALOGS
)


class SharedDatabase:
    """A clone of the migrated template, empty before each test that is given it.

    It is cloned anew after a test that changed its schema or settings, or wrote many rows.
    """

    def __init__(self, admin: psycopg.Connection, template: URL, name: str) -> None:
        self.url = template.set(database=name)
        self._admin = admin
        self._template = str(template.database)
        self._schema: object = None
        self._seeds: dict[str, object] = {}

    def prepare(self) -> URL:
        """The database, holding what the template holds, with nobody connected to it."""
        if not self._emptied():
            self._clone()
            with self._connected() as own:
                self._schema = own.execute(_SCHEMA).fetchall()
                self._seeds = {table: self._content(own, table) for table in self._filled(own)}
        return self.url

    def drop(self) -> None:
        """Remove the database, whoever is connected to it."""
        self._admin.execute(self._statement("DROP DATABASE IF EXISTS {} WITH (FORCE)"))

    def _clone(self) -> None:
        self.drop()
        self._admin.execute(self._statement("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"))

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        # Closed before the test begins: restore and forget-board refuse a database in use.
        with psycopg.connect(libpq(self.url), autocommit=True) as own:
            # Rows are deleted in any order, without the triggers that guard them.
            own.execute("SET session_replication_role = replica")
            yield own

    def _statement(self, text: str) -> sql.Composed:
        names = (str(self.url.database), self._template)
        return sql.SQL(text).format(*map(sql.Identifier, names[: text.count("{}")]))

    def _emptied(self) -> bool:
        """Empty every table; False when the database has to be made anew."""
        if self._schema is None:
            return False
        try:
            with self._connected() as own:
                self._disconnect_others(own)
                if own.execute(_SCHEMA).fetchall() != self._schema:
                    return False
                return self._delete_rows(own)
        except psycopg.Error:
            # A test may have dropped the database, or forbidden to write.
            return False

    def _disconnect_others(self, own: psycopg.Connection) -> None:
        own.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def _delete_rows(self, own: psycopg.Connection) -> bool:
        if any(self._content(own, table) != rows for table, rows in self._seeds.items()):
            return False
        deleted = 0
        with own.transaction():
            for table in self._filled(own):
                if table not in self._seeds:
                    deletion = sql.SQL("DELETE FROM {}").format(sql.Identifier(table))
                    deleted += own.execute(deletion).rowcount
            own.execute(_SEQUENCES)
        return deleted < MANY_ROWS

    def _content(self, own: psycopg.Connection, table: str) -> object:
        asked = sql.SQL("SELECT md5(string_agg(row::text, ' ' ORDER BY row::text)) FROM {} AS row")
        return own.execute(asked.format(sql.Identifier(table))).fetchone()

    def _filled(self, own: psycopg.Connection) -> list[str]:
        tables = [name for (name,) in own.execute(USERS_TABLES)]
        some = sql.SQL("EXISTS (SELECT FROM {})")
        asked = [some.format(sql.Identifier(name)) for name in tables]
        answers = own.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(asked))).fetchone()
        return [name for name, there in zip(tables, answers or (), strict=True) if there]


@contextmanager
def shared_database(template: URL, name: str) -> Iterator[SharedDatabase]:
    """Open one on the template's server; it is dropped at the end."""
    with psycopg.connect(libpq(template.set(database="postgres")), autocommit=True) as admin:
        database = SharedDatabase(admin, template, name)
        try:
            yield database
        finally:
            database.drop()
