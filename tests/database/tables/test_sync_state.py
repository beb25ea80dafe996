"""Small facts by key."""

from __future__ import annotations

import asyncio

from kit.rows import NOW
from sqlalchemy import text

from models.postgres.engine import Sessions
from models.tables.sync_state import forget, get_moment, get_value, remember, remember_once


async def test_a_fact_is_known_until_it_is_forgotten(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        assert (await get_value(session, "board"), await get_moment(session, "board")) == (
            None,
            None,
        )
        await remember(session, "board", value={"a": [1, None]}, moment=NOW)
        assert (await get_value(session, "board"), await get_moment(session, "board")) == (
            {"a": [1, None]},
            NOW,
        )
        assert await forget(session, "board") is True
        assert await forget(session, "board") is False
        assert await get_value(session, "board") is None


async def test_a_fact_remembered_anew_replaces_the_whole_old_one(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await remember(session, "k", value={"a": 1}, moment=NOW)
        assert await get_value(session, "k") == {"a": 1}
        await remember(session, "k", value={"b": 2})
        assert (await get_value(session, "k"), await get_moment(session, "k")) == ({"b": 2}, None)


async def test_a_session_sees_what_another_remembered_meanwhile(sessions: Sessions) -> None:
    async with sessions() as one, sessions() as other:
        await remember(one, "k", value={"a": 1})
        await one.commit()
        assert await get_value(one, "k") == {"a": 1}
        await remember(other, "k", value={"a": 2})
        await other.commit()
        assert await get_value(one, "k") == {"a": 2}


async def test_no_value_is_null_for_plain_sql_too(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await remember(session, "k", moment=NOW)
        query = text("SELECT value IS NULL FROM sync_state WHERE key = 'k'")
        assert (await session.execute(query)).scalar_one() is True


async def test_what_is_remembered_once_is_never_replaced(sessions: Sessions) -> None:
    async def enrol(token: str) -> bool:
        async with sessions() as session, session.begin():
            return await remember_once(session, "token", value={"token": token})

    assert sorted(await asyncio.gather(*(enrol(f"t{n}") for n in range(5)))) == [False] * 4 + [True]
    async with sessions() as session:
        kept = await get_value(session, "token")
    assert await enrol("late") is False
    async with sessions() as session:
        assert await get_value(session, "token") == kept
