"""The safety stop: many unwatched changes wait for the operator, all others go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from kit.stage import Stage
from pydantic import SecretStr
from sqlalchemy import text

from models.sync.safety_stop import PUT_BACK_MAX, Waiting, waiting
from models.tables.incidents import open_incidents
from models.tables.sync_state import CONFIRMED, get_moment
from tasks.board.followed import followed_board
from tasks.runtime.report import Report
from tasks.sync.import_board import import_cards
from tasks.sync.push.all_cards import dry_run
from tasks.sync.safety_stop import confirm

MANY = PUT_BACK_MAX + 1
PAUSE = 6 * 3600
WORKING = "Assets Generating"


async def board_of(stage: Stage, count: int, **values: Any) -> list[str]:
    pages = [await stage.add_valid(title=f"Card {n}", **values) for n in range(count)]
    await stage.cycle()
    stage.clock.pass_(60)
    await stage.cycle()
    return pages


async def drag(stage: Stage, pages: Sequence[str], status: str) -> None:
    for page in pages:
        await stage.edit(page, status=status)


async def statuses(stage: Stage, pages: Sequence[str]) -> set[str]:
    return {(await stage.shows(page))["Status"] for page in pages}


async def minutes(stage: Stage, count: int) -> None:
    for _ in range(count):
        stage.clock.pass_(60)
        await stage.cycle()


async def wait(stage: Stage) -> Waiting:
    async with stage.sessions() as session:
        return await waiting(session)


async def incidents(stage: Stage) -> list[str]:
    async with stage.sessions() as session:
        return [incident.name for incident in await open_incidents(session)]


async def confirmation(stage: Stage) -> bool:
    async with stage.sessions() as session:
        return await get_moment(session, CONFIRMED) is not None


# Moves


async def test_any_number_of_wrong_moves_made_while_we_watch_is_put_back_and_no_card_waits(
    stage: Stage,
) -> None:
    pages = await board_of(stage, MANY + 4, status="Queued")
    await drag(stage, pages, "Uploading")
    await minutes(stage, 2)
    assert await statuses(stage, pages) == {"Queued"}
    assert "cannot be moved" in (await stage.shows(pages[0]))["Attention"]
    assert await incidents(stage) == []


async def test_any_number_of_incomplete_cards_made_in_queued_while_we_watch_goes_to_draft(
    stage: Stage,
) -> None:
    await board_of(stage, 1)
    pages = [
        await stage.add_valid(title=f"New {n}", topic="", status="Queued") for n in range(MANY + 4)
    ]
    await minutes(stage, 6)  # for two of them a card may be completed where it stands
    assert await statuses(stage, pages) == {"Draft"}


async def test_after_a_pause_many_wrong_moves_wait_and_every_other_card_goes_on(
    stage: Stage,
) -> None:
    pages = await board_of(stage, MANY + 1, status="Processing")
    stage.clock.pass_(PAUSE)
    await drag(stage, pages[1:], "Draft")
    await stage.moves(pages[0], WORKING)
    await minutes(stage, 3)
    assert await statuses(stage, pages[1:]) == {"Draft"}
    assert await statuses(stage, pages[:1]) == {WORKING}
    assert await wait(stage) == Waiting(moves=MANY, deletions=0)
    assert await incidents(stage) == ["safety_stop:moves"]


async def test_after_a_pause_as_few_wrong_moves_as_people_make_are_put_back(stage: Stage) -> None:
    pages = await board_of(stage, PUT_BACK_MAX, status="Processing")
    stage.clock.pass_(PAUSE)
    await drag(stage, pages, "Draft")
    await minutes(stage, 1)
    assert await statuses(stage, pages) == {"Processing"}
    assert await incidents(stage) == []


async def test_a_confirmation_is_used_on_the_cards_that_wait_and_ends_the_incident(
    stage: Stage,
) -> None:
    pages = await board_of(stage, MANY, status="Processing")
    stage.clock.pass_(PAUSE)
    await drag(stage, pages, "Draft")
    await minutes(stage, 1)
    assert await confirm(stage.ctx) == Waiting(moves=MANY, deletions=0)
    report = await stage.cycle()
    assert (report.pushed, await statuses(stage, pages)) == (MANY, {"Processing"})
    await minutes(stage, 1)
    assert (await incidents(stage), await confirmation(stage)) == ([], False)


async def test_a_confirmation_given_when_nothing_waits_holds_until_something_does(
    stage: Stage,
) -> None:
    pages = await board_of(stage, MANY, status="Processing")
    assert not await confirm(stage.ctx)
    await minutes(stage, 2)
    assert await confirmation(stage)
    stage.clock.pass_(PAUSE)
    await drag(stage, pages, "Draft")
    await minutes(stage, 1)
    assert (await statuses(stage, pages), await confirmation(stage)) == ({"Processing"}, False)


async def test_while_the_operator_is_asked_the_moves_that_are_left_wait_however_few(
    stage: Stage,
) -> None:
    pages = await board_of(stage, MANY, status="Processing")
    stage.clock.pass_(PAUSE)
    await drag(stage, pages, "Draft")
    await minutes(stage, 1)
    await drag(stage, pages[:5], "Processing")
    await minutes(stage, 2)
    assert await wait(stage) == Waiting(moves=MANY - 5, deletions=0)
    assert await incidents(stage) == ["safety_stop:moves"]
    await drag(stage, pages[5:], "Processing")
    await minutes(stage, 2)
    assert (await wait(stage), await incidents(stage)) == (Waiting(moves=0, deletions=0), [])


async def test_a_wrong_move_that_is_watched_ends_the_waiting_of_its_card(stage: Stage) -> None:
    pages = await board_of(stage, MANY, status="Processing")
    stage.clock.pass_(PAUSE)
    await drag(stage, pages, "Draft")
    await minutes(stage, 2)
    await stage.edit(pages[0], status="Uploading")
    await minutes(stage, 1)
    assert await statuses(stage, pages[:1]) == {"Processing"}
    assert await wait(stage) == Waiting(moves=MANY - 1, deletions=0)


async def test_a_database_restored_from_a_backup_puts_nobody_back_unasked(stage: Stage) -> None:
    pages = await board_of(stage, MANY + 5, status="Queued")
    tables = (
        "tasks",
        "cards",
        "sync_state",
        "incidents",
        "rate_limit",
        "webhook_events",
        "task_history",
    )
    for table in tables:
        await stage.sql(f"CREATE TABLE backup_{table} AS SELECT * FROM {table}")
    for page in pages[:MANY]:
        await stage.moves(page, "Ready for Review")
    await minutes(stage, 2)
    stage.clock.pass_(PAUSE)
    await drag(stage, pages[:MANY], "Review Approved")
    await minutes(stage, 1)
    await _restore(stage, tables)
    await minutes(stage, 3)
    assert await statuses(stage, pages[:MANY]) == {"Review Approved"}
    assert await wait(stage) == Waiting(moves=MANY, deletions=0)
    await stage.moves(pages[-1], WORKING)
    await minutes(stage, 1)
    assert await statuses(stage, pages[-1:]) == {WORKING}


async def _restore(stage: Stage, tables: Sequence[str]) -> None:
    """Restore rows as `pg_restore` does: no trigger fires; generated columns are computed."""
    async with stage.sessions.begin() as session:
        await session.execute(text("SET session_replication_role = replica"))
        for table in tables:
            query = (
                "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns "
                f"WHERE table_name = '{table}' AND is_generated = 'NEVER'"
            )
            columns = (await session.execute(text(query))).scalar_one()
            await session.execute(text(f"DELETE FROM {table}"))
            into = f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"
            await session.execute(text(f"{into} SELECT {columns} FROM backup_{table}"))
            await session.execute(text(f"DROP TABLE backup_{table}"))
        await session.execute(text("SET session_replication_role = origin"))


async def test_with_another_token_nobody_watched(stage: Stage) -> None:
    pages = await board_of(stage, MANY, status="Processing")
    stage.ctx.settings = stage.ctx.settings.model_copy(
        update={"notion_api_token": SecretStr("ntn_another")}
    )
    await drag(stage, pages, "Draft")
    await minutes(stage, 1)
    assert await wait(stage) == Waiting(moves=MANY, deletions=0)


async def test_a_dry_run_shows_what_waits_as_waiting(stage: Stage) -> None:
    pages = await board_of(stage, MANY + 1, status="Processing")
    stage.clock.pass_(PAUSE)
    await drag(stage, pages[1:], "Draft")
    await minutes(stage, 1)
    await stage.moves(pages[0], WORKING)
    changes = await dry_run(stage.ctx, await followed_board(stage.ctx))
    assert {change.page_id: change.waits for change in changes} == {
        page: page != pages[0] for page in pages
    }


# The trash


async def test_any_number_of_cards_trashed_while_we_watch_is_marked_unasked(stage: Stage) -> None:
    pages = await board_of(stage, 15)
    for page in pages[:13]:
        await stage.trash(page)
        await stage.webhook(page, "page.deleted")
    assert (await stage.ingest()).trashed == 13
    await minutes(stage, 1)
    assert await incidents(stage) == []


@pytest.mark.parametrize("how", ["trashed", "not found"])
async def test_many_cards_found_deleted_after_a_pause_are_held_and_their_events_completed(
    stage: Stage, how: str
) -> None:
    pages = await board_of(stage, 15)
    stage.clock.pass_(PAUSE)
    await _lose(stage, pages[:11], how)
    await stage.edit(pages[-1], topic="Anglerfish")
    await stage.webhook(pages[-1])
    report = await stage.ingest()
    assert (report.trashed, report.taken) == (0, 1)
    assert all(event.processed for event in await stage.events())
    await minutes(stage, 3)
    assert (await wait(stage), await incidents(stage)) == (
        Waiting(moves=0, deletions=11),
        ["safety_stop:gone"],
    )
    await confirm(stage.ctx)
    assert (await stage.cycle()).trashed == 11
    await minutes(stage, 1)
    assert (await incidents(stage), await confirmation(stage)) == ([], False)
    assert (await stage.card(pages[0])).trashed_at is not None


async def _lose(stage: Stage, pages: Sequence[str], how: str) -> None:
    for page in pages:
        if how == "trashed":
            await stage.trash(page)
        else:
            stage.sandbox.faults.add(status=404, times=None, path=f"/v1/pages/{page}")
        await stage.webhook(page, "page.deleted")


async def test_many_pages_that_notion_does_not_find_wait_even_while_we_watch(stage: Stage) -> None:
    pages = await board_of(stage, 15)
    await _lose(stage, pages[:11], "not found")
    assert (await stage.ingest()).trashed == 0
    assert await wait(stage) == Waiting(moves=0, deletions=11)


async def test_pages_that_are_found_again_go_on_by_themselves(stage: Stage) -> None:
    pages = await board_of(stage, 15, status="Queued")
    await _lose(stage, pages[:11], "not found")
    await stage.ingest()
    await stage.moves(pages[0], WORKING)
    await minutes(stage, 2)
    assert await statuses(stage, pages[-1:]) == {"Queued"}
    stage.sandbox.faults.clear()
    await minutes(stage, 2)
    assert (await wait(stage), await incidents(stage)) == (Waiting(moves=0, deletions=0), [])
    assert await statuses(stage, pages[:1]) == {WORKING}


async def test_waiting_for_a_lost_page_costs_one_request_a_cycle(stage: Stage) -> None:
    pages = await board_of(stage, 15)
    await _lose(stage, pages[:11], "not found")
    await stage.ingest()
    await minutes(stage, 1)
    async with stage.requests() as made:
        await minutes(stage, 3)
    assert (
        sorted(request.split()[0] for request in made()).count("GET") <= 3 * 2
    )  # the page, and whether the board is
    assert len(made()) <= 3 * 3


async def test_a_board_that_shows_no_card_lets_each_of_them_wait_however_few(stage: Stage) -> None:
    pages = await board_of(stage, 3)
    for page in pages:
        await stage.trash(page)
    stage.clock.pass_(60)
    await import_cards(stage.ctx, Report())
    assert await wait(stage) == Waiting(moves=0, deletions=3)
    new = await stage.add_valid(title="New", status="Queued")
    await minutes(stage, 2)
    assert (await stage.task(new)) is not None
    assert await wait(stage) == Waiting(moves=0, deletions=3)
    await confirm(stage.ctx)
    assert (await stage.cycle()).trashed == 3
