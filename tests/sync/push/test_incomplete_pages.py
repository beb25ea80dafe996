"""A page that lacks what the board has fails alone; a board that lacks it fails as a whole."""

from __future__ import annotations

import json

import httpx
import pytest
from kit.stage import Stage
from sqlalchemy import text

from models.errors import BoardError
from models.operations.diagnosis import reasons
from models.tables.sync_state import WATERMARK, get_moment
from tasks.operations.card_facts import gather_card_facts

ANYWHERE = ("/query", "/pages/")


def shows_no(stage: Stage, name: str, *pages: str, where: tuple[str, ...] = ANYWHERE) -> None:
    """From now on those pages arrive without the property."""

    def alter(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if not any(part in request.url.path for part in where) or not response.is_success:
            return response
        body = json.loads(response.content)
        for page in body.get("results", [body]):
            if page["id"] in pages:
                page["properties"].pop(name)
        return httpx.Response(200, json=body, headers={"date": response.headers["date"]})

    assert stage.between is not None
    stage.between.alter = alter


def mended(stage: Stage) -> None:
    """They arrive whole again."""
    assert stage.between is not None
    stage.between.alter = lambda _request, response: response


async def test_an_incomplete_row_fails_alone_and_the_others_are_imported(stage: Stage) -> None:
    pages = [await stage.add_valid(title=f"Card {n}") for n in range(3)]
    shows_no(stage, "Topic", pages[1])
    report = await stage.cycle()
    assert [await stage.task(page) is not None for page in pages] == [True, False, True]
    assert (report.imported, report.failed) == (2, 1)
    note = {"card": pages[1], "what": "cannot be read"}
    assert [{key: row[key] for key in note} for row in report.rows if row["card"] == pages[1]] == [
        note
    ]
    async with stage.sessions() as session:
        assert await get_moment(session, WATERMARK) is not None


async def test_an_incomplete_card_says_why_is_read_again_and_goes_on_when_it_is_whole(
    stage: Stage,
) -> None:
    page = await stage.add_valid()
    shows_no(stage, "Topic", page)
    await stage.cycle()
    (why,) = [
        reason for reason in reasons(await gather_card_facts(stage.ctx, page)) if "read" in reason
    ]
    assert why.startswith("The page could not be read once (the page shows no Topic")
    stage.clock.pass_(600)  # beyond what a sweep looks back: only the card itself remembers
    await stage.cycle()
    assert (await stage.card(page)).attempts == 2
    mended(stage)
    stage.clock.pass_(600)
    await stage.cycle()
    card = await stage.card(page)
    assert (card.unreadable, card.attempts, card.last_error) == (False, 0, None)
    assert await stage.task(page) is not None


async def test_an_incomplete_card_waits_longer_after_each_try(stage: Stage) -> None:
    page = await stage.add_valid()
    shows_no(stage, "Topic", page)
    await stage.cycle()
    stage.clock.pass_(3600)
    asked = []
    for _ in range(60):
        stage.clock.pass_(60)
        async with stage.requests() as made:
            await stage.cycle()
            asked.append(f"GET /v1/pages/{page}" in made())
    assert 3 <= sum(asked) <= 7
    assert asked[-10:] == [False] * 10


async def test_a_card_that_stays_incomplete_is_alerted_and_resolved(
    stage: Stage,
) -> None:
    page = await stage.add_valid()
    shows_no(stage, "Topic", page)
    for _ in range(6):
        await stage.cycle()
        stage.clock.pass_(3601)
    opened = "SELECT ended_at IS NULL FROM incidents WHERE name LIKE 'card_failing:%'"
    async with stage.sessions() as session:
        assert (await session.execute(text(opened))).scalars().all() == [True]
    mended(stage)
    await stage.cycle()
    await stage.webhook(page)
    await stage.ingest()
    async with stage.sessions() as session:
        assert (await session.execute(text(opened))).scalars().all() == [False]


async def test_an_incomplete_page_does_not_make_its_events_die(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    shows_no(stage, "Channel", page)
    await stage.webhook(page)
    report = await stage.ingest()
    assert report.failed == 1
    (event,) = await stage.events()
    assert (event.processed, event.dead_at) == (True, None)
    assert (await stage.card(page)).unreadable
    task = await stage.task(page)
    assert task is not None
    assert task.channel_id == "deep_sea_stories"


async def test_an_incomplete_answer_to_a_write_fails_that_card_once(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    shows_no(stage, "Topic", page, where=("/pages/",))
    stage.clock.pass_(60)
    report = await stage.cycle()
    assert (report.failed, (await stage.card(page)).attempts) == (1, 1)
    mended(stage)
    stage.clock.pass_(600)
    report = await stage.cycle()
    assert (report.failed, report.refused) == (0, 0)
    assert (await stage.card(page)).attempts == 0
    assert (await stage.shows(page))["Status"] == "Processing"


async def test_an_incomplete_page_that_leaves_is_not_asked_for_any_more(stage: Stage) -> None:
    page = await stage.add_valid()
    shows_no(stage, "Topic", page)
    await stage.cycle()
    stage.sandbox.faults.add(status=404, times=None, path=f"/v1/pages/{page}")
    stage.clock.pass_(3600)
    await stage.cycle()
    stage.clock.pass_(7200)
    async with stage.requests() as made:
        await stage.cycle()
        assert f"GET /v1/pages/{page}" not in made()


@pytest.mark.parametrize("how", ["import", "sweep", "by id"])
async def test_a_board_that_lacks_the_property_is_a_board_error_and_no_cards_failure(
    stage: Stage, how: str
) -> None:
    page = await stage.add_valid()
    await (stage.cycle() if how != "import" else stage.ctx.notion.me())
    stage.clock.pass_(1)
    topic = {"Topic": None}
    if how == "import":
        await stage.cycle()
        await stage.sql("DELETE FROM sync_state WHERE key = 'sweep_watermark'")
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", {"properties": topic})
    await stage.edit(page, title="Anew")
    if how == "by id":
        await stage.webhook(page)
    with pytest.raises(BoardError, match="no property “Topic”"):
        await (stage.ingest() if how == "by id" else stage.cycle())
    assert (await stage.card(page)).attempts == 0
