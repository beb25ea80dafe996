"""Reading a whole board that was there before us."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from kit.clock import Clock
from kit.stage import CHANNEL, Stage, properties, rich

from models.errors import BoardError
from models.postgres.engine import Sessions
from models.rules.new_board import board_schema
from models.sync.import_ranges import READERS
from models.tables.card_queries import count_cards
from models.tables.sync_state import IMPORT, WATERMARK, get_moment, get_value
from tasks.runtime.report import Report
from tasks.sync.import_board import import_cards


async def fill(stage: Stage, count: int, *, per_minute: int = 30) -> list[str]:
    pages = []
    for number in range(count):
        pages.append(await stage.add_valid(title=f"Card {number}", status="Upload Complete"))
        if number % per_minute == per_minute - 1:
            stage.clock.pass_(60)
    return pages


async def test_a_board_is_imported_a_hundred_cards_a_request_and_nothing_is_written(
    stage: Stage,
) -> None:
    await fill(stage, 250)
    stage.clock.pass_(600)
    async with stage.requests() as made:
        report = await stage.cycle()
    asked = [request.split()[0] for request in made()]
    assert (report.created, report.pushed) == (250, 0)
    assert "PATCH" not in asked
    # Schema, own user, three pages of cards, a sweep; and one more, asked for before it was known
    # where two ends meet.
    assert len(asked) <= 8
    stage.clock.pass_(60)
    async with stage.requests() as made:
        assert not await stage.cycle()
    assert len(made()) == 1


async def test_an_edit_made_during_the_first_import_is_known_before_anything_is_written_over_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Queued")
    query = stage.ctx.notion.query_database

    async def edited_behind(*args: Any, **given: Any) -> dict[str, Any]:
        answer = await query(*args, **given)
        if (await stage.shows(page))["Priority"] != "High":
            await stage.edit(page, priority="High", status="Draft")
        return answer

    monkeypatch.setattr(stage.ctx.notion, "query_database", edited_behind)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert (task.priority, task.board_status) == ("high", "Draft")


class Interrupted(Exception):
    """What a test ends an import with."""


async def interrupted(stage: Stage, *, at: int) -> None:
    """An import that ends once it has read that many cards."""

    def stop(cards: int) -> None:
        if cards >= at:
            raise Interrupted

    with pytest.raises(Interrupted):
        await import_cards(stage.ctx, Report(), progress=stop)


async def test_an_interrupted_import_goes_on_where_it_stopped(stage: Stage) -> None:
    await fill(stage, 250)
    await interrupted(stage, at=200)
    async with stage.sessions() as session:
        assert await get_moment(session, WATERMARK) is None
        assert await get_value(session, IMPORT) is not None
    async with stage.requests() as made:
        report = Report()
        await import_cards(stage.ctx, report)
    # What is left is less than a page; it is asked for from both of its ends.
    assert len([request for request in made() if request.endswith("/query")]) <= 2
    async with stage.sessions() as session:
        assert await count_cards(session) == 250
        assert await get_moment(session, WATERMARK) is not None
        assert await get_value(session, IMPORT) is None


@pytest.mark.parametrize("at", [100, 300, 500])
async def test_an_import_that_is_interrupted_anywhere_reads_what_is_left_and_nothing_twice(
    stage: Stage, at: int
) -> None:
    await fill(stage, 700)
    await interrupted(stage, at=at)
    async with stage.requests() as made:
        report = Report()
        await import_cards(stage.ctx, report)
    # A page more per reader: each begins anew in the minute in which it stopped, and two meet
    # somewhere in a page.
    assert (
        len([request for request in made() if request.endswith("/query")])
        <= (700 - at) / 100 + READERS + 2
    )
    async with stage.sessions() as session:
        assert await count_cards(session) == 700
    assert report.trashed == 0


async def test_cards_created_edited_and_trashed_during_an_import_are_right_after_the_next_cycle(
    stage: Stage,
) -> None:
    pages = await fill(stage, 400)
    stage.clock.pass_(600)
    busy = asyncio.Event()

    async def people() -> None:
        await busy.wait()
        stage.clock.pass_(60)
        await stage.add_valid(title="Made meanwhile", status="Queued")
        for page in (pages[0], pages[200], pages[399]):
            await stage.edit(page, title="Edited meanwhile")
        for page in (pages[1], pages[201], pages[398]):
            await stage.trash(page)

    async with asyncio.TaskGroup() as group:
        group.create_task(people())
        await import_cards(stage.ctx, Report(), progress=lambda _: busy.set())
    stage.clock.pass_(60)
    for page in (pages[1], pages[201], pages[398]):
        await stage.webhook(page, "page.deleted")
    await stage.cycle()
    for page in (pages[0], pages[200], pages[399]):
        task = await stage.task(page)
        assert task is not None
        assert task.title == "Edited meanwhile"
    async with stage.sessions() as session:
        assert await count_cards(session) == 398


async def test_an_interrupted_import_finds_what_was_made_before_it_goes_on(stage: Stage) -> None:
    await fill(stage, 300)
    await interrupted(stage, at=200)
    stage.clock.pass_(3600)
    late = await stage.add_valid(title="Made meanwhile", status="Queued")
    await import_cards(stage.ctx, Report())
    await stage.cycle()
    assert await stage.task(late) is not None
    async with stage.sessions() as session:
        assert await count_cards(session) == 301


async def test_a_board_beyond_notions_result_limit_is_read_in_windows(sessions: Sessions) -> None:
    stage = Stage(sessions, Clock(), query_limit=120)
    await stage.open()
    await fill(stage, 300)
    report = await stage.cycle()
    assert report.created == 300
    await stage.close()


async def test_more_cards_of_one_minute_than_a_query_shows_is_said_and_not_passed_over(
    sessions: Sessions,
) -> None:
    stage = Stage(sessions, Clock(), query_limit=50)
    await stage.open()
    await fill(stage, 60, per_minute=1000)
    with pytest.raises(BoardError, match="created at"):
        await stage.cycle()
    await stage.close()


async def test_a_card_that_the_board_no_longer_shows_is_read_by_id_before_it_is_marked_as_deleted(
    stage: Stage,
) -> None:
    pages = await fill(stage, 3)
    await stage.cycle()
    stage.clock.pass_(60)
    await stage.trash(pages[0])
    report = Report()
    await import_cards(stage.ctx, report)
    assert report.trashed == 1
    assert (await stage.card(pages[0])).trashed_at is not None
    assert (await stage.card(pages[1])).trashed_at is None


async def test_an_old_board_that_lacks_statuses_and_priorities_is_not_written_to(
    stage: Stage,
) -> None:
    page = await stage.add(title="Old", channel=CHANNEL, topic="Topic")
    assert (await stage.cycle()).pushed == 0
    task = await stage.task(page)
    assert task is not None
    assert (task.board_status, task.priority) == ("Draft", "normal")
    assert (await stage.shows(page))["Status"] is None


async def test_a_new_card_without_status_and_priority_is_given_them(stage: Stage) -> None:
    await stage.cycle()
    page = await stage.add(title="New", channel=CHANNEL, topic="Topic")
    stage.clock.pass_(60)
    await stage.cycle()
    card = await stage.shows(page)
    assert (card["Status"], card["Priority"]) == ("Draft", "Normal")


async def test_invalid_cards_of_an_old_board_stay_where_they_are_and_say_why(
    stage: Stage,
) -> None:
    page = await stage.add(title="Old", channel=CHANNEL, status="Upload Complete", priority="Low")
    await stage.cycle()
    assert await stage.task(page) is None
    card = await stage.shows(page)
    assert (card["Status"], card["Attention"]) == ("Upload Complete", "Topic is empty.")


async def test_dates_that_the_board_has_are_kept_and_those_it_lacks_come_from_the_page(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Under Review")
    dated = {"Created": {"date": {"start": "2026-01-02T03:04:00+00:00"}}}
    await stage.ask("PATCH", f"/v1/pages/{page}", {"properties": dated})
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.created_at.isoformat() == "2026-01-02T03:04:00+00:00"
    assert task.status_changed_at.isoformat() == "2026-11-23T10:00:00+00:00"


def own_schema() -> dict[str, object]:
    """A board that users made: Status of type status, Notion's own times, nothing optional."""
    schema = board_schema([CHANNEL])
    options = [{"name": option["name"]} for option in schema["Status"]["select"]["options"]]
    return {
        "Name": {"title": {}},
        "Channel": schema["Channel"],
        "Topic": {"rich_text": {}},
        "Status": {"status": {"options": options}},
        "Created": {"created_time": {}},
        "Updated": {"last_edited_time": {}},
    }


async def test_a_board_that_people_made_themselves_works_too(sessions: Sessions) -> None:
    stage = Stage(sessions, Clock())
    await stage.open(own_schema())
    parent = {"type": "data_source_id", "data_source_id": stage.data_source_id}
    values = {
        **properties(channel=CHANNEL),
        "Name": {"title": [{"text": {"content": "Own"}}]},
        "Topic": rich("Topic"),
        "Status": {"status": {"name": "Queued"}},
    }
    made = await stage.ask("POST", "/v1/pages", {"parent": parent, "properties": values})
    await stage.cycle()
    task = await stage.task(made["id"])
    assert task is not None
    assert (task.title, task.status) == ("Own", "pending")
    await stage.moves(made["id"], "Processing")
    assert (await stage.cycle()).pushed == 1
    assert (await stage.shows(made["id"]))["Status"] == "Processing"
    stage.clock.pass_(200)
    await stage.cycle()  # which asks, once in ten minutes, who is still there
    stage.clock.pass_(60)
    async with stage.requests() as asked:
        assert not await stage.cycle()
    assert len(asked()) == 1
    await stage.close()
