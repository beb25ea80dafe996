"""The connection: every spelling of DATABASE_URL, and what is said when there is nobody there."""

from __future__ import annotations

import socket

import pytest
from sqlalchemy import URL, text

from models.database import SILENCE_SECONDS, database_url, ensure_database, libpq, migrate, open_engine, open_sessions
from models.errors import DatabaseUnavailable, SettingsError

SECRET = "s3cret"


@pytest.mark.parametrize(
    "scheme",
    ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2"],
)
def test_every_spelling_of_a_postgresql_address_is_taken(scheme: str) -> None:
    url = database_url(f"{scheme}://me:{SECRET}@host:5433/name?application_name=x")
    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.password, url.host, url.port, url.database) == ("me", SECRET, "host", 5433, "name")
    assert libpq(url) == f"postgresql://me:{SECRET}@host:5433/name?application_name=x"


def test_asyncpgs_word_for_encryption_is_translated() -> None:
    assert dict(database_url("postgresql+asyncpg://host/name?ssl=require").query) == {"sslmode": "require"}


def test_a_password_of_any_characters_survives() -> None:
    assert database_url("postgresql://me:p%40ss%2Fw%3Ard%25@host/name").password == "p@ss/w:rd%"


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        pytest.param(f"{SECRET}", "is no URL", id="no-url"),
        pytest.param(f"postgresql://me:{SECRET}@host:{SECRET}/name", "is no URL", id="port-no-number"),
        pytest.param(f"postgresql://me:a@b:{SECRET}@host:x/name", "is no URL", id="unquoted-at"),
        pytest.param("", "is no URL", id="empty"),
        pytest.param(f"mysql://me:{SECRET}@host/name", "needs postgresql://", id="mysql"),
        pytest.param(f"sqlite:///{SECRET}.db", "needs postgresql://", id="sqlite"),
        pytest.param(f"postgresql+pg8000://me:{SECRET}@host/name", "needs postgresql://", id="other-driver"),
        pytest.param(f"postgresql://me:{SECRET}@host", "names no database", id="no-database"),
        pytest.param(f"postgresql://me:{SECRET}@host/", "names no database", id="no-database-but-a-slash"),
    ],
)
def test_a_wrong_address_is_refused_without_being_repeated(raw: str, fault: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL") as caught:
        database_url(raw)
    assert fault in str(caught.value)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)


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
        name = (await session.execute(text("SELECT current_setting('application_name')"))).scalar_one()
    await engine.dispose()
    assert moment.tzinfo is not None
    assert name == "showrunner"


THEIR_END = ["tcp_keepalives_count", "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_user_timeout"]


async def test_postgresql_is_told_to_notice_a_host_that_fell_silent(database: URL) -> None:
    engine = open_engine(database, pool_size=1)
    async with open_sessions(engine)() as session:
        # Over a socket of this machine they show 0, whatever they are set to; who set them is shown all the same.
        told = await session.execute(text("SELECT name FROM pg_settings WHERE source = 'session' ORDER BY name"))
        names = [name for name in told.scalars() if name.startswith("tcp_")]
        await session.rollback()
        kept = (await session.execute(text("SELECT count(*) FROM pg_settings WHERE source = 'session'"))).scalar_one()
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
