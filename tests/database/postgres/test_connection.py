"""The connection: every spelling of DATABASE_URL, and what is said when there is nobody there."""

from __future__ import annotations

import socket
import traceback

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError

from models.errors import DatabaseUnavailable, SettingsError, ShowrunnerError
from models.postgres.engine import (
    SILENCE_SECONDS,
    database_url,
    ensure_database,
    libpq,
    migrate,
    open_engine,
    open_sessions,
)

SECRET = "s3cret"


@pytest.mark.parametrize(
    "scheme",
    ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2"],
)
def test_every_spelling_of_a_postgresql_address_is_taken(scheme: str) -> None:
    url = database_url(f"{scheme}://me:{SECRET}@host:5433/name?application_name=x")
    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.password, url.host, url.port, url.database) == (
        "me",
        SECRET,
        "host",
        5433,
        "name",
    )
    assert libpq(url) == f"postgresql://me:{SECRET}@host:5433/name?application_name=x"


def test_asyncpgs_word_for_encryption_is_translated() -> None:
    assert dict(database_url("postgresql+asyncpg://host/name?ssl=require").query) == {
        "sslmode": "require"
    }


def test_a_password_of_any_characters_survives() -> None:
    assert database_url("postgresql://me:p%40ss%2Fw%3Ard%25@host/name").password == "p@ss/w:rd%"


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        pytest.param(f"{SECRET}", "is no URL", id="no-url"),
        pytest.param(
            f"postgresql://me:{SECRET}@host:{SECRET}/name", "is no URL", id="port-no-number"
        ),
        pytest.param(f"postgresql://me:a@b:{SECRET}@host:x/name", "is no URL", id="unquoted-at"),
        pytest.param(f"postgresql://me:p@{SECRET}@host/name", "is no URL", id="at-in-a-password"),
        pytest.param(
            f"postgresql://me:p@{SECRET}@host:5432/name",
            "is no URL",
            id="at-in-a-password-before-a-port",
        ),
        pytest.param("", "is no URL", id="empty"),
        pytest.param(f"mysql://me:{SECRET}@host/name", "needs postgresql://", id="mysql"),
        pytest.param(f"sqlite:///{SECRET}.db", "needs postgresql://", id="sqlite"),
        pytest.param(
            f"postgresql+pg8000://me:{SECRET}@host/name", "needs postgresql://", id="other-driver"
        ),
        pytest.param(f"postgresql://me:{SECRET}@host", "names no database", id="no-database"),
        pytest.param(
            f"postgresql://me:{SECRET}@host/", "names no database", id="no-database-but-a-slash"
        ),
    ],
)
def test_a_wrong_address_is_refused_without_being_repeated(raw: str, fault: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
        database_url(raw)
    assert fault in str(caught.value)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("raw", "options"),
    [
        (
            "postgresql://u:p%20ss@h/db",
            {"user": "u", "password": "p ss", "host": "h", "dbname": "db"},
        ),
        (
            "postgresql://u%40x:p%2Fw%3A%25%3F%23@h:5433/my%20d%2Fb%25",
            {
                "user": "u@x",
                "password": "p/w:%?#",
                "host": "h",
                "port": "5433",
                "dbname": "my d/b%",
            },
        ),
        (
            "postgresql://h:5432/db?user=me@server&password=x%20y",
            {"user": "me@server", "password": "x y", "host": "h", "port": "5432", "dbname": "db"},
        ),
        ("postgresql:///d%C3%A4?host=/a%20b", {"host": "/a b", "dbname": "dä"}),
        ("postgresql://[::1]:5432/db", {"host": "::1", "port": "5432", "dbname": "db"}),
    ],
)
def test_every_legal_address_means_what_libpq_takes_it_for(
    raw: str, options: dict[str, str]
) -> None:
    assert conninfo_to_dict(raw) == options
    assert conninfo_to_dict(libpq(database_url(raw))) == options
    assert database_url(libpq(database_url(raw))) == database_url(raw), (
        "children are given it once more"
    )


def test_names_and_passwords_of_any_characters_reach_the_server(postgres: URL) -> None:
    user, name = "o'dd @:/%?#ü", 'a "base" %20/ä'
    admin = postgres.set(database="postgres")
    with psycopg.connect(libpq(admin), autocommit=True) as connection:
        made = psycopg.sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD 'p ss@:/%?#'")
        connection.execute(made.format(psycopg.sql.Identifier(user)))
    given = libpq(admin.set(username=user, password="p ss@:/%?#", database=name))
    ensure_database(admin, name)
    migrate(database_url(given))
    with psycopg.connect(given) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == (
            user,
            name,
        )


def test_no_message_of_a_migration_repeats_a_password() -> None:
    for raw in (
        f"postgresql://me:{SECRET}@127.0.0.1:1/name?{SECRET}=1",
        f"postgresql://me@127.0.0.1:1/name?password={SECRET}&sslmode={SECRET}",
    ):
        with pytest.raises(ShowrunnerError) as caught:
            migrate(database_url(raw))
        assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_no_error_repeats_the_values_of_a_statement(database: URL) -> None:
    engine = open_engine(database)
    try:
        with pytest.raises(DBAPIError) as caught:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT CAST(:a AS text), 1 / 0"), {"a": SECRET})
        assert SECRET not in str(caught.value)
    finally:
        await engine.dispose()


def test_a_password_is_hidden_wherever_the_address_is_printed() -> None:
    url = database_url(f"postgresql://me:{SECRET}@host/name")
    assert SECRET not in f"{url} {url!r}"


def test_a_server_that_does_not_answer_is_named_with_what_to_do() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = database_url(f"postgresql://me:{SECRET}@127.0.0.1:{free.getsockname()[1]}/name")
        with pytest.raises(
            DatabaseUnavailable, match=r"PostgreSQL at 127\.0\.0\.1 does not answer .* Start it"
        ) as caught:
            migrate(url)
    assert SECRET not in str(caught.value)


def test_an_option_postgresql_does_not_know_is_said_in_a_sentence() -> None:
    with pytest.raises(SettingsError, match='invalid URI query parameter: "nonsense"'):
        migrate(database_url("postgresql://me@127.0.0.1:1/name?nonsense=1"))


def test_a_database_that_does_not_exist_is_said_so(postgres: URL) -> None:
    with pytest.raises(DatabaseUnavailable, match="nowhere"):
        migrate(postgres.set(database="nowhere"))


def test_a_database_is_made_once(postgres: URL) -> None:
    admin = postgres.set(database="postgres")
    for _ in range(2):
        ensure_database(admin, "made_once")


async def test_sessions_keep_their_rows_readable_and_their_moments_aware(database: URL) -> None:
    engine = open_engine(database, pool_size=1)
    async with open_sessions(engine)() as session:
        moment = (await session.execute(text("SELECT now()"))).scalar_one()
        name = (
            await session.execute(text("SELECT current_setting('application_name')"))
        ).scalar_one()
    await engine.dispose()
    assert moment.tzinfo is not None
    assert name == "showrunner"


THEIR_END = [
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_user_timeout",
]


async def test_postgresql_is_told_to_notice_a_host_that_fell_silent(database: URL) -> None:
    engine = open_engine(database, pool_size=1)
    async with open_sessions(engine)() as session:
        # Over a socket of this machine they show 0, whatever they are set to; who set them is shown
        # all the same.
        settings = await session.execute(
            text("SELECT name FROM pg_settings WHERE source = 'session' ORDER BY name")
        )
        names = [name for name in settings.scalars() if name.startswith("tcp_")]
        await session.rollback()
        kept = (
            await session.execute(text("SELECT count(*) FROM pg_settings WHERE source = 'session'"))
        ).scalar_one()
    await engine.dispose()
    assert names == THEIR_END
    assert kept >= len(THEIR_END)


async def test_a_process_that_is_cut_off_stops_waiting_for_postgresql(database: URL) -> None:
    engine = open_engine(database.update_query_dict({"keepalives_idle": "77"}), pool_size=1)
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None
        options = driver.info.get_parameters()
    await engine.dispose()
    assert int(options["tcp_user_timeout"]) == SILENCE_SECONDS * 1000
    assert int(options["keepalives_idle"]) == 77, "what the operator's URL says counts before ours"
