"""An unfit database is refused in one sentence, before anything is made in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import URL

from models.errors import DatabaseUnavailable, SettingsError
from models.postgres.engine import libpq, migrate

RELATIONS = (
    "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND "
    "relkind = 'r' ORDER BY 1"
)


@contextmanager
def made(postgres: URL, name: str, options: str = "") -> Iterator[URL]:
    with psycopg.connect(libpq(postgres.set(database="postgres")), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
        try:
            yield postgres.set(database=name)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def tables(url: URL) -> list[str]:
    with psycopg.connect(libpq(url), client_encoding="utf8") as connection:
        return [row[0] for row in connection.execute(RELATIONS)]


def run(url: URL, *statements: str) -> None:
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def refused(url: URL, words: str, kind: type[Exception] = SettingsError) -> None:
    before = tables(url)
    with pytest.raises(kind) as caught:
        migrate(url)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tables(url) == before


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_of_another_encoding_is_refused(postgres: URL, encoding: str) -> None:
    options = f"ENCODING '{encoding}' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
    with made(postgres, f"unfit_{encoding.lower()}", options) as url:
        refused(url, f"has the encoding {encoding}; Showrunner needs UTF8.")


@pytest.mark.parametrize("revision", ["1975ea83b712", "0001", "0004"])
def test_a_database_whose_migrations_are_another_programs_is_refused(
    postgres: URL, revision: str
) -> None:
    with made(postgres, "unfit_foreign") as url:
        version = "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"
        run(
            url,
            version,
            f"INSERT INTO alembic_version VALUES ('{revision}')",
            "CREATE TABLE invoices (id int)",
        )
        refused(url, f"is another program's: its alembic_version is {revision}.")
        run(url, "CREATE TABLE tasks (id int)")
        refused(url, "has no table cards")


def test_a_table_of_the_same_name_that_is_another_programs_is_refused(postgres: URL) -> None:
    with made(postgres, "unfit_tasks") as url:
        run(url, "CREATE TABLE tasks (id int)")
        refused(url, "has a table tasks that Showrunner did not make.")


def test_a_database_that_lost_a_table_is_refused(postgres: URL) -> None:
    with made(postgres, "unfit_lost") as url:
        migrate(url)
        run(url, "DROP TABLE webhook_events CASCADE")
        refused(url, "but has no table webhook_events: restore it from a backup")


def test_a_database_of_a_newer_showrunner_is_refused(postgres: URL) -> None:
    with made(postgres, "unfit_newer") as url:
        migrate(url)
        run(url, "UPDATE alembic_version SET version_num = '9999'")
        refused(url, "is at 9999, which this version of Showrunner does not know")


def test_a_role_that_may_not_make_tables_is_told_how_it_may(postgres: URL) -> None:
    with made(postgres, "unfit_rights") as url:
        run(url, "DROP ROLE IF EXISTS unfit_guest", "CREATE ROLE unfit_guest LOGIN")
        try:
            guest = url.set(username="unfit_guest")
            refused(
                guest,
                "unfit_guest may not make tables in the database unfit_rights: make unfit_guest "
                "its owner",
            )
            run(url, "GRANT CREATE ON SCHEMA public TO unfit_guest")
            refused(guest, 'GRANT CREATE ON DATABASE "unfit_rights" TO "unfit_guest"')
            run(url, "GRANT CREATE ON DATABASE unfit_rights TO unfit_guest")
            migrate(guest)
            run(url, "REVOKE CREATE ON SCHEMA public FROM unfit_guest")
            migrate(guest)  # nothing is to be made any more
        finally:
            run(url, "DROP OWNED BY unfit_guest", "DROP ROLE unfit_guest")


def test_a_database_that_takes_no_writes_is_refused(postgres: URL) -> None:
    with made(postgres, "unfit_standby") as url:
        run(url, "ALTER DATABASE unfit_standby SET default_transaction_read_only = on")
        refused(url, "takes no writes", DatabaseUnavailable)


def test_a_migration_that_the_database_refuses_is_said_in_a_sentence(postgres: URL) -> None:
    with made(postgres, "unfit_trigger") as url:
        migrate(url, "0001")
        run(url, "ALTER TABLE tasks DROP COLUMN board_status CASCADE")
        with pytest.raises(
            SettingsError, match=r"could not be brought up to date \(.*board_status.*\)"
        ):
            migrate(url)
