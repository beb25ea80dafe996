"""A card that leaves the board without a webhook is found in minutes or, if idle, within a day."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
import structlog
from kit.stage import Stage
from sqlalchemy import text
from structlog.testing import capture_logs

from models.errors import BoardError
from models.sync.trashed_cards import PAGE


async def cycles(
    stage: Stage, minutes: int, *, until: Callable[[], bool] = lambda: False
) -> list[str]:
    """Cycles, one a minute; the requests they made."""
    async with stage.requests() as made:
        for _ in range(minutes):
            stage.clock.pass_(60)
            await stage.cycle()
            if until():
                break
        return made()


async def trashed(stage: Stage) -> set[str]:
    async with stage.sessions() as session:
        rows = await session.execute(
            text("SELECT notion_page_id FROM cards WHERE trashed_at IS NOT NULL")
        )
        return set(rows.scalars())


async def test_cards_that_are_going_on_and_are_trashed_in_silence_are_found_within_ten_minutes(
    stage: Stage,
) -> None:
    statuses = ("Queued", "Audio Generating", "Under Review", "Review Approved", "Error: Retriable")
    pages = [await stage.add_valid(status=status) for status in statuses]
    for status in statuses:
        await stage.add_valid(status=status)
    await stage.cycle()
    for wait in (1, 5):
        await cycles(stage, wait)
        for page in pages:
            await stage.trash(page)
        await cycles(stage, 10)
        assert await trashed(stage) == set(pages)
        for page in pages:
            await stage.trash(page, in_trash=False)
            await stage.webhook(page, "page.undeleted")
        await stage.ingest()


async def test_a_queued_card_that_is_trashed_in_silence_leaves_the_queue(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await cycles(stage, 5)
    await stage.trash(page)
    await cycles(stage, 10)
    task = await stage.task(page)
    assert task is not None
    assert task.status == "draft"


async def test_a_card_that_was_dragged_to_a_page_in_silence_is_found_within_ten_minutes(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.ask(
        "POST", f"/v1/pages/{page}/move", {"parent": {"page_id": stage.sandbox.root_page_id}}
    )
    await cycles(stage, 10)
    assert await trashed(stage) == {page}


async def test_any_other_card_that_is_trashed_in_silence_is_found_within_a_day(
    stage: Stage,
) -> None:
    pages = []
    for n in range(PAGE * 2 + 50):
        stage.clock.pass_(20)
        pages.append(await stage.add_valid(title=f"Card {n}", status="Upload Complete"))
    await stage.cycle()
    left = {pages[0], pages[120], pages[-1]}
    for page in left:
        await stage.trash(page)
    for _ in range(24 * 3):
        stage.clock.pass_(1200)
        await stage.cycle()
    assert await trashed(stage) == left


async def test_cards_made_within_one_minute_are_all_asked_for(stage: Stage) -> None:
    pages = [await stage.add_valid(title=f"Card {n}", status="Queued") for n in range(PAGE + 30)]
    await stage.cycle()
    await stage.trash(pages[5])
    await stage.trash(pages[PAGE + 20])
    await cycles(stage, 12)
    assert await trashed(stage) == {pages[5], pages[PAGE + 20]}


async def test_asking_costs_at_most_one_request_a_cycle_in_the_mean(stage: Stage) -> None:
    for n in range(PAGE * 3 + 50):
        await stage.add_valid(
            title=f"Card {n}", status="Queued"
        )  # within one minute, so that no step is small
    await stage.cycle()
    assert len(await cycles(stage, 60)) <= 60 * 2


async def test_a_board_with_nothing_going_on_is_not_asked_about_it(stage: Stage) -> None:
    for status in ("Draft", "Archived", "Error: Manual Review"):
        await stage.add_valid(status=status)
    await stage.cycle()
    assert len(await cycles(stage, 60)) == 60


async def test_a_query_that_wrongly_shows_nothing_marks_nobody_and_costs_little(
    stage: Stage,
) -> None:
    pages = [await stage.add_valid(title=f"Card {n}", status="Queued") for n in range(80)]
    await stage.cycle()
    shows_nothing(stage)
    requests = await cycles(stage, 60)
    assert await trashed(stage) == set()
    assert len(requests) <= 60 + 60 + 50
    assert len(pages) == 80


async def test_a_lost_board_marks_nobody(stage: Stage) -> None:
    for n in range(5):
        await stage.add_valid(title=f"Card {n}", status="Queued")
    await stage.cycle()
    shows_nothing(stage)
    stage.sandbox.faults.add(status=404, times=None, path="/v1/pages/")
    stage.sandbox.faults.add(status=404, times=None, method="GET", path="/v1/data_sources/")
    stage.clock.pass_(600)
    with pytest.raises(BoardError, match="does not find the board"):
        await stage.cycle()
    assert await trashed(stage) == set()


def shows_nothing(stage: Stage) -> None:
    """Every query is answered with no rows, as to a token that sees less."""

    def alter(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if not request.url.path.endswith("/query") or not response.is_success:
            return response
        body = {
            **json.loads(response.content),
            "results": [],
            "has_more": False,
            "next_cursor": None,
        }
        return httpx.Response(200, json=body, headers={"date": response.headers["date"]})

    assert stage.between is not None
    stage.between.alter = alter


async def test_an_option_that_went_stops_no_cycle(stage: Stage) -> None:
    await stage.add_valid(status="Queued")
    await stage.cycle()
    path = f"/v1/data_sources/{stage.data_source_id}"
    options = (await stage.ask("GET", path))["properties"]["Status"]["select"]["options"]
    said = [option for option in options if option["name"] != "Uploading"]
    await stage.ask("PATCH", path, {"properties": {"Status": {"select": {"options": said}}}})
    await cycles(stage, 20)
    async with stage.sessions() as session:
        moment = await session.execute(
            text("SELECT moment FROM sync_state WHERE key = 'last_good_cycle'")
        )
        assert stage.clock.now - moment.scalar_one() < timedelta(minutes=1)


async def test_a_card_that_was_restored_in_silence_goes_on(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.trash(page)
    await cycles(stage, 10)
    await stage.trash(page, in_trash=False)
    await cycles(stage, 10)
    task = await stage.task(page)
    assert task is not None
    assert (await trashed(stage), task.status) == (set(), "pending")


async def test_cards_trashed_by_the_dozen_in_silence_are_all_found(stage: Stage) -> None:
    pages = [await stage.add_valid(title=f"Card {n}", status="Under Review") for n in range(70)]
    for n in range(700):
        await stage.sql(
            "INSERT INTO cards "
            "(notion_page_id, first_seen_at, made_at, last_read_at, "
            "notion_status, notion_priority) "
            "VALUES (:page, now(), '2020-01-01', '2100-01-01', 'Draft', 'Normal')",
            page=f"other-{n}",
        )
    await stage.cycle()
    for page in pages[:60]:
        await stage.trash(page)
    await cycles(stage, 12)
    assert await trashed(stage) == set(pages[:60])


async def test_asking_in_vain_leaves_no_line_in_the_log_of_an_idle_cycle(stage: Stage) -> None:
    """Each would be a row of a run that Prefect keeps for a day."""
    for status in ("Queued", "Draft"):
        await stage.add_valid(status=status)
    await stage.cycle()
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    with capture_logs() as lines:
        asked = await cycles(stage, 15)
    structlog.configure(**before)
    assert sum("/query" in request for request in asked) > 15
    assert [line["event"] for line in lines] == []
