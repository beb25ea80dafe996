"""A restored old dump: the operator takes over the board's statuses."""

from __future__ import annotations

from kit.stage import Stage
from sqlalchemy import text

from models.sync.safety_stop import Waiting, forget_old_cycles, waiting
from models.tables.sync_state import GOOD_WITHIN
from tasks.runtime.report import Report
from tasks.sync.import_board import import_cards
from tasks.sync.safety_stop import confirm, take_board

DAY = 24 * 3600
KEPT = "tasks, cards, task_history, sync_state, incidents, rate_limit"


async def _a_dump_is_restored_a_day_later(
    stage: Stage, pages: list[str], *, then: list[str]
) -> None:
    """Restore a dump after a day of good cycles, in which the pipeline moved the cards on."""
    tables = KEPT.split(", ")
    for table in tables:
        await stage.sql(f"CREATE TABLE dumped_{table} AS TABLE {table}")
    for column in then:
        for page in pages:
            await stage.moves(page, column)
        stage.clock.pass_(3600)
        await stage.cycle()
    stage.clock.pass_(DAY)
    async with stage.sessions.begin() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for table in tables:
            columns = (
                await session.execute(
                    text(
                        "SELECT string_agg(quote_ident(column_name), ', ') "
                        "FROM information_schema.columns "
                        "WHERE table_name = :t AND is_generated = 'NEVER' AND is_identity = 'NO'"
                    ),
                    {"t": table},
                )
            ).scalar_one()
            await session.execute(text(f"DELETE FROM {table}"))
            await session.execute(
                text(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM dumped_{table}")
            )
            await session.execute(text(f"DROP TABLE dumped_{table}"))


async def _restored(stage: Stage, count: int, **edits: dict[str, str]) -> list[str]:
    """Cards of a restored database after one cycle; `edits` by `card_N` were made before it."""
    pages = [await stage.add_valid(title=f"Card {n}", status="Queued") for n in range(count)]
    await stage.cycle()
    stage.clock.pass_(60)
    await stage.cycle()
    await _a_dump_is_restored_a_day_later(stage, pages, then=["Processing", "Ready for Review"])
    for name, edit in edits.items():
        await stage.edit(pages[int(name.removeprefix("card_"))], **edit)
    await stage.cycle()
    return pages


async def _take(stage: Stage) -> tuple[int, int]:
    await import_cards(stage.ctx, Report())
    taken = await take_board(stage.ctx, "test-correlation")
    return taken.taken, taken.left


async def _waits(stage: Stage) -> Waiting:
    async with stage.sessions() as session:
        return await waiting(session)


async def _in_database(stage: Stage, page: str) -> tuple[str, str]:
    task = await stage.task(page)
    assert task is not None
    return task.status, task.board_status


async def test_even_one_card_that_showrunner_had_moved_waits_and_nobody_is_blamed(
    stage: Stage,
) -> None:
    [page] = await _restored(stage, 1)
    for _ in range(3):
        stage.clock.pass_(60)
        await stage.cycle()
    assert await _waits(stage) == Waiting(moves=1, deletions=0)
    assert (await stage.shows(page))["Status"] == "Ready for Review"
    await confirm(stage.ctx)
    for _ in range(2):
        stage.clock.pass_(60)
        await stage.cycle()
    shown = await stage.shows(page)
    assert shown["Status"] == "Queued"
    assert shown["Attention"].startswith("Showrunner had moved this card to “Ready for Review”")
    rows = [row for row in await stage.history(page) if row.property == "Status"]
    assert [(row.actor, row.lost_value, row.reason) for row in rows if row.lost_value] == [
        ("board", "Ready for Review", "older_database")
    ]


async def test_even_one_card_that_showrunner_had_moved_can_be_taken(stage: Stage) -> None:
    [page] = await _restored(stage, 1)
    assert await _take(stage) == (1, 0)
    assert await _in_database(stage, page) == ("awaiting_review", "Ready for Review")


async def test_after_a_pause_tasks_wait_for_the_first_cycle(stage: Stage) -> None:
    page = await stage.add_valid(title="Card", status="Queued")
    await stage.cycle()

    async def is_paused() -> bool:
        async with stage.sessions.begin() as session:
            await forget_old_cycles(session, stage.clock.now)
        async with stage.sessions() as session:
            query = text("SELECT showrunner.is_paused(:now)")
            return bool((await session.execute(query, {"now": stage.clock.now})).scalar_one())

    stage.clock.pass_(GOOD_WITHIN.total_seconds())
    assert not await is_paused()
    stage.clock.pass_(1)
    assert await is_paused()
    assert await _in_database(stage, page) == ("pending", "Queued")
    await stage.cycle()
    assert not await is_paused()


async def test_what_waits_becomes_what_the_board_shows_and_nothing_is_written_to_it(
    stage: Stage,
) -> None:
    pages = await _restored(stage, 21)
    assert await _waits(stage) == Waiting(moves=21, deletions=0)
    assert await _in_database(stage, pages[0]) == ("pending", "Queued")
    before = [{**await stage.shows(page), "Time in Status": ""} for page in pages]
    assert await _take(stage) == (21, 0)
    assert await _waits(stage) == Waiting(moves=0, deletions=0)
    assert {await _in_database(stage, page) for page in pages} == {
        ("awaiting_review", "Ready for Review")
    }
    stage.clock.pass_(60)
    async with stage.requests() as made:
        await stage.cycle()
    assert not [request for request in made() if request.startswith("PATCH")]
    assert [{**await stage.shows(page), "Time in Status": ""} for page in pages] == before


async def test_the_history_says_that_the_operator_took_it(stage: Stage) -> None:
    pages = await _restored(stage, 21)
    await _take(stage)
    rows = [row for row in await stage.history(pages[0]) if row.actor.startswith("operator")]
    assert [
        (row.action, row.property, row.old_value, row.new_value, row.correlation_id) for row in rows
    ] == [("changed", "Status", "Queued", "Ready for Review", "test-correlation")]


async def test_people_move_it_on_from_there(stage: Stage) -> None:
    pages = await _restored(stage, 21)
    await _take(stage)
    stage.clock.pass_(60)
    await stage.cycle()
    await stage.edit(pages[0], status="Review Approved")
    stage.clock.pass_(60)
    await stage.cycle()
    assert await _in_database(stage, pages[0]) == ("approved", "Review Approved")
    assert (await stage.shows(pages[0]))["Attention"] == ""


async def test_a_card_that_is_not_valid_and_one_in_no_column_of_ours_wait_on(stage: Stage) -> None:
    pages = await _restored(stage, 23, card_0={"topic": ""}, card_1={"status": "Someday"})
    assert await _take(stage) == (21, 2)
    assert await _in_database(stage, pages[1]) == ("pending", "Queued")
    assert (await _in_database(stage, pages[0]))[1] != "Ready for Review"
    assert (await stage.shows(pages[1]))["Status"] == "Someday"


async def test_nothing_else_is_taken_than_what_waits(stage: Stage) -> None:
    pages = await _restored(stage, 21)
    other = await stage.add_valid(title="Other", status="Queued")
    stage.clock.pass_(60)
    await stage.cycle()
    await stage.moves(other, "Processing")
    await _take(stage)
    assert await _in_database(stage, other) == ("processing", "Processing")
    assert await _in_database(stage, pages[0]) == ("awaiting_review", "Ready for Review")


async def test_where_nothing_waits_nothing_is_taken(stage: Stage) -> None:
    await stage.add_valid(status="Queued")
    await stage.cycle()
    assert await _take(stage) == (0, 0)
