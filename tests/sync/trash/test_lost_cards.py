"""Trash, a lost board and a changed schema: cards are marked one by one, never all at once."""

from __future__ import annotations

import pytest
from kit.stage import Stage

from models.errors import BoardError
from models.tables.sync_state import WATERMARK, get_moment
from tasks.sync.safety_stop import confirm


async def test_losing_sight_of_the_board_is_an_incident_and_not_a_mass_deletion(
    stage: Stage,
) -> None:
    pages = [await stage.add_valid(title=f"Card {n}", status="Queued") for n in range(15)]
    await stage.cycle()
    stage.sandbox.faults.add(status=404, times=None)
    await stage.webhook(pages[0], "page.deleted")
    with pytest.raises(BoardError, match="does not find the board"):
        await stage.ingest()
    for page in pages:
        await stage.moves(page, "Processing")
    for _ in range(2):
        stage.clock.pass_(60)
        with pytest.raises(BoardError, match="does not find the board"):
            await stage.cycle()
    assert [(await stage.card(page)).trashed_at for page in pages] == [None] * 15
    stage.sandbox.faults.clear()
    stage.clock.pass_(60)
    assert (await stage.cycle()).pushed == 15
    assert all(event.processed for event in await stage.events())


async def test_cards_that_vanish_one_by_one_count_together(stage: Stage) -> None:
    pages = [await stage.add_valid(title=f"Card {n}", status="Queued") for n in range(15)]
    await stage.cycle()
    for page in pages[:11]:
        stage.sandbox.faults.add(status=404, times=None, path=f"/v1/pages/{page}")
    trashed = 0
    for page in pages[:10]:
        await stage.webhook(page)
        trashed += (await stage.ingest()).trashed
    assert trashed == 10
    await stage.moves(pages[10], "Processing")
    assert (await stage.cycle()).trashed == 0
    assert (await stage.card(pages[10])).trashed_at is None
    await confirm(stage.ctx)
    stage.clock.pass_(60)
    assert (await stage.cycle()).trashed == 1


async def test_a_page_that_is_really_deleted_marks_its_card_and_leaves_the_task(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.sandbox.faults.add(status=404, times=None, path=f"/v1/pages/{page}")
    await stage.webhook(page)
    assert (await stage.ingest()).trashed == 1
    assert (await stage.card(page)).trashed_at is not None
    assert await stage.task(page) is not None


async def test_a_restored_card_goes_on_where_the_task_is_now(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.trash(page)
    await stage.webhook(page, "page.deleted")
    await stage.ingest()
    await stage.moves(page, "Processing")
    async with stage.requests() as made:
        await stage.cycle()
    assert not [request for request in made() if request.startswith("PATCH")]
    await stage.trash(page, in_trash=False)
    await stage.webhook(page, "page.undeleted")
    await stage.ingest()
    await stage.cycle()
    assert (await stage.shows(page))["Status"] == "Processing"
    actions = [row.action for row in await stage.history(page)]
    assert actions == ["created", "trashed", "changed", "changed", "restored"]


async def _options(stage: Stage) -> list[str]:
    source = await stage.ask("GET", f"/v1/data_sources/{stage.data_source_id}")
    return [option["name"] for option in source["properties"]["Status"]["select"]["options"]]


async def _change_options(stage: Stage, names: list[str]) -> None:
    change = {"properties": {"Status": {"select": {"options": [{"name": name} for name in names]}}}}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", change)


async def test_cards_that_a_deleted_option_emptied_are_all_put_back(stage: Stage) -> None:
    """Notion changes no edit time then, so that no sweep by edit time would ever show them."""
    pages = [await stage.add_valid(title=f"Card {n}", status="Upload Complete") for n in range(3)]
    await stage.cycle()
    stage.clock.pass_(3600)
    await stage.cycle()
    options = await _options(stage)
    await _change_options(stage, [name for name in options if name != "Upload Complete"])
    await stage.webhook("", "data_source.schema_updated")
    await stage.sql("UPDATE webhook_events SET page_id = NULL")
    await stage.ingest()
    await _change_options(stage, options)
    for _ in range(2):
        stage.clock.pass_(3600)
        await stage.cycle()
    assert [(await stage.shows(page))["Status"] for page in pages] == ["Upload Complete"] * 3
    async with stage.sessions() as session:
        watermark = await get_moment(session, WATERMARK)
    assert watermark is not None
    assert watermark.year == stage.clock.now.year


async def test_a_new_option_makes_nobody_read_the_board_anew(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await _change_options(stage, [*await _options(stage), "Paused"])
    await stage.moves(page, "Processing")
    stage.clock.pass_(3600)
    await stage.cycle()
    async with stage.requests() as made:
        stage.clock.pass_(3600)
        await stage.cycle()
    async with stage.sessions() as session:
        watermark = await get_moment(session, WATERMARK)
    assert watermark is not None
    assert watermark.year == stage.clock.now.year
    assert len(made()) == 2, "the sweep, and the question which of those in work are still there"
