"""Another token is another bot user; what the former bot wrote still counts as ours."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from kit.clock import Clock
from kit.stage import ACCOUNTS, Stage, properties
from notion_sandbox import Account
from sqlalchemy import text

from models.postgres.engine import Sessions
from models.tables import webhook_event_queries as inbox_queries
from tasks.board.followed import bot_id, bot_ids, followed_board

NEW_TOKEN = "ntn_another_connection"


@pytest.fixture
async def stage(sessions: Sessions) -> AsyncIterator[Stage]:
    """A board, a database and our steps, and a second connection in the workspace."""
    made = Stage(sessions, Clock(), accounts=(*ACCOUNTS, Account("bot", "Showrunner 2", NEW_TOKEN)))
    await made.open()
    yield made
    await made.close()


async def another_token(stage: Stage) -> tuple[str, str]:
    """Restart our process with the other connection's token; ids of the former and the new bot."""
    former = await bot_id(stage.ctx)
    await stage.ctx.notion.aclose()
    stage.ctx = stage.connected(NEW_TOKEN)
    return former, str((await stage.ctx.notion.me())["id"])


async def tell_of_writes(stage: Stage, page: str, *bots: str) -> None:
    """Deliver events that these bots changed the card's Status at its last write."""
    (*_, write) = (await stage.card(page)).recent_activity["writes"]
    board = await followed_board(stage.ctx)
    data = {"updated_properties": [board.properties["Status"].id]}
    authors = [{"id": bot, "type": "bot"} for bot in bots]
    await stage.webhook(page, authors=authors, data=data, timestamp=write["until"])


@pytest.mark.parametrize("who", ["former", "new", "both"])
async def test_a_write_of_ours_with_any_token_is_never_reported_as_a_users(
    stage: Stage, who: str
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    if who == "new":
        former, new = await another_token(stage)
    stage.clock.pass_(60)
    await stage.moves(page, "Processing")
    await stage.cycle()
    if who != "new":
        former, new = await another_token(stage)
    await tell_of_writes(
        stage, page, *{"former": [former], "new": [new], "both": [former, new]}[who]
    )
    await stage.ingest()
    await stage.cycle()
    assert (await stage.shows(page))["Attention"] == ""
    assert [row.action for row in await stage.history(page) if row.lost_value or row.reason] == []


async def test_events_of_the_new_bot_and_of_the_former_one_are_our_own(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    former, new = await another_token(stage)
    for authors in ([former], [new], [former, new]):
        await stage.webhook(page, authors=[{"id": author, "type": "bot"} for author in authors])
    await stage.ingest()
    assert [event.outcome for event in await stage.events()] == ["own_write"] * 3


async def test_neither_bots_events_count_as_a_burst_of_people(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    former, new = await another_token(stage)
    for author in (former, new, "person-1"):
        await stage.webhook(page, authors=[{"id": author, "type": "bot"}])
    await stage.webhook(page)
    async with stage.sessions() as session:
        due = await inbox_queries.count_due(
            session, now=stage.clock(), bot_ids=await bot_ids(stage.ctx)
        )
    assert due == 2


async def test_what_the_former_bot_wrote_last_is_not_recorded_as_a_persons(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    former = stage.ctx.notion
    stage.ctx = stage.connected(NEW_TOKEN)
    await former.update_page(page, properties(priority="High"))
    await former.aclose()
    stage.clock.pass_(60)
    await stage.cycle()
    assert {row.actor for row in await stage.history(page)} == {"import", "board"}


async def test_a_token_is_asked_about_once_and_never_stored(stage: Stage) -> None:
    await stage.cycle()
    former, new = await another_token(stage)
    first = stage.connected("ntn_bot")
    assert await bot_ids(stage.ctx) == {former, new}
    async with stage.requests() as made:
        # Two processes, one of them not yet restarted: neither asks again because of the other.
        assert await bot_id(first) == former
        assert await bot_id(stage.ctx) == new
    assert made() == []
    async with stage.sessions() as session:
        rows = (
            await session.execute(text("SELECT key || coalesce(value::text, '') FROM sync_state"))
        ).scalars()
        assert not [row for row in rows if "ntn_" in row]
    await first.notion.aclose()


async def test_a_database_that_knows_only_a_bot_and_not_its_token_asks_and_keeps_it(
    stage: Stage,
) -> None:
    await stage.cycle()
    me = await bot_id(stage.ctx)
    await stage.sql("DELETE FROM sync_state WHERE key LIKE 'bot\\_user%'")
    await stage.sql(
        "INSERT INTO sync_state (key, value) "
        "VALUES ('bot_user', jsonb_build_object('id', 'former'))"
    )
    assert await bot_ids(stage.ctx) == {"former", me}
