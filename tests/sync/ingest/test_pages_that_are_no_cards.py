"""Pages that are no cards get no row, stop nothing, and cost nothing if their event says so."""

from __future__ import annotations

from typing import Any

import pytest
from kit.stage import Stage, properties
from sqlalchemy import text

from models.sync.safety_stop import waiting
from models.tables.card_queries import count_cards

BOARD_PAGE = {"id": "aaaaaaaa-0000-4000-8000-000000000000", "type": "page"}


async def a_page(stage: Stage, under: str | None = None) -> str:
    """A person makes a page beside the board, or inside of a card."""
    parent = {"type": "page_id", "page_id": under or stage.sandbox.root_page_id}
    title = {"title": {"title": [{"text": {"content": "Minutes of a meeting"}}]}}
    return str(
        (await stage.ask("POST", "/v1/pages", {"parent": parent, "properties": title}))["id"]
    )


async def another_database(stage: Stage) -> str:
    """A database beside the board; its data source's id."""
    made = await stage.ask(
        "POST",
        "/v1/databases",
        {
            "parent": {"type": "page_id", "page_id": stage.sandbox.root_page_id},
            "title": [{"text": {"content": "Recipes"}}],
            "initial_data_source": {"properties": {"Name": {"title": {}}}},
        },
    )
    return str(made["data_sources"][0]["id"])


async def a_row(stage: Stage, source_id: str) -> str:
    """A person makes a page of another database."""
    parent = {"type": "data_source_id", "data_source_id": source_id}
    return str(
        (await stage.ask("POST", "/v1/pages", {"parent": parent, "properties": properties()}))["id"]
    )


async def move(stage: Stage, page: str, /, **parent: str) -> None:
    """A person moves a page."""
    (kind,) = parent
    await stage.ask("POST", f"/v1/pages/{page}/move", {"parent": {"type": kind, **parent}})


async def rows(stage: Stage) -> int:
    async with stage.sessions() as session:
        return int((await session.execute(text("SELECT count(*) FROM cards"))).scalar_one())


def parent_of(source_id: str) -> dict[str, Any]:
    return {
        "parent": {
            "id": "bbbbbbbb-0000-4000-8000-000000000000",
            "type": "database",
            "data_source_id": source_id,
        }
    }


async def test_pages_that_move_between_other_databases_make_no_rows_and_stop_nothing(
    stage: Stage,
) -> None:
    cards = [await stage.add_valid(title=f"Card {n}", status="Queued") for n in range(5)]
    await stage.cycle()
    recipes, wines = await another_database(stage), await another_database(stage)
    strangers = [await a_row(stage, recipes) for _ in range(15)]
    for target in (wines, recipes):
        for page in strangers:
            await move(stage, page, data_source_id=target)
            await stage.webhook(page, "page.moved", data=parent_of(target))
        async with stage.requests() as made:
            await stage.ingest()
            assert made() == []
    assert await rows(stage) == 5
    await stage.moves(cards[0], "Processing")
    stage.clock.pass_(60)
    assert (await stage.cycle()).pushed == 1


async def test_pages_that_were_never_cards_count_nowhere_however_they_vanish(stage: Stage) -> None:
    """Their events do not say where they lie, so each is read: it is deleted, or lies elsewhere."""
    card = await stage.add_valid(status="Queued")
    await stage.cycle()
    recipes = await another_database(stage)
    elsewhere = [await a_row(stage, recipes) for _ in range(12)]
    vanished = [f"cccccccc-0000-4000-8000-0000000000{n:02}" for n in range(12)]
    for _ in range(2):
        for page in (*elsewhere, *vanished):
            await stage.webhook(page, "page.deleted")
        await stage.ingest()
    assert await rows(stage) == 1
    async with stage.sessions() as session:
        assert await count_cards(session) == 1
        assert not await waiting(session)
    assert [event.outcome for event in await stage.events()] == ["looked_at"] * 48
    assert (await stage.card(card)).trashed_at is None


async def test_cards_that_were_created_and_trashed_before_any_reading_stop_nothing(
    stage: Stage,
) -> None:
    cards = [await stage.add_valid(title=f"Card {n}", status="Queued") for n in range(5)]
    await stage.cycle()
    for n in range(15):
        page = await stage.add(title=f"A slip of the mouse {n}")
        await stage.trash(page)
        await stage.webhook(page, "page.deleted")
    for _ in range(2):
        await stage.ingest()
        await stage.sql("UPDATE webhook_events SET processed = false, attempts = 0")
    stage.sandbox.faults.add(status=404, times=None, path=f"/v1/pages/{cards[0]}")
    await stage.webhook(cards[0])
    assert (await stage.ingest()).trashed == 1


@pytest.mark.parametrize("kind", ["page", "block", "space", "team", "agent"])
async def test_an_event_whose_parent_is_no_data_source_costs_no_request(
    stage: Stage, kind: str
) -> None:
    await stage.add_valid()
    await stage.cycle()
    page = await a_page(stage)
    for event in (
        "page.created",
        "page.properties_updated",
        "page.content_updated",
        "page.deleted",
        "page.moved",
    ):
        await stage.webhook(page, event, data={"parent": {"id": BOARD_PAGE["id"], "type": kind}})
    async with stage.requests() as made:
        report = await stage.ingest()
        assert made() == []
    assert not report
    assert {(event.outcome, event.dead_at) for event in await stage.events()} == {
        ("not_a_card", None)
    }


async def test_a_page_whose_event_does_not_say_where_it_is_says_it_itself(stage: Stage) -> None:
    card = await stage.add_valid()
    await stage.cycle()
    for page in (await a_page(stage), await a_page(stage, under=card)):
        await stage.webhook(page)
    report = await stage.ingest()
    assert (report.failed, report.trashed) == (0, 0)
    assert {(event.outcome, event.attempts) for event in await stage.events()} == {("looked_at", 1)}
    assert await rows(stage) == 1


async def test_an_automation_that_speaks_of_another_page_costs_no_request(stage: Stage) -> None:
    await stage.cycle()
    page = await a_page(stage)
    parent = {"type": "page_id", "page_id": BOARD_PAGE["id"]}
    await stage.webhook(
        page, "automation", source={"type": "automation"}, data={"object": "page", "parent": parent}
    )
    async with stage.requests() as made:
        await stage.ingest()
        assert made() == []


# A card that leaves the board


async def moved_away(stage: Stage, page: str) -> None:
    await move(stage, page, page_id=stage.sandbox.root_page_id)
    await stage.webhook(page, "page.moved", data={"parent": BOARD_PAGE})


async def test_a_card_that_was_dragged_to_a_page_counts_as_trashed_and_is_never_written_to(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await moved_away(stage, page)
    assert (await stage.ingest()).trashed == 1
    assert (await stage.card(page)).trashed_at is not None
    row = next(row for row in await stage.history(page) if row.action == "trashed")
    assert (row.actor.split(":")[0], row.reason) == ("person", "moved_away")
    await stage.moves(page, "Processing")
    stage.clock.pass_(60)
    async with stage.requests() as made:
        report = await stage.cycle()
        assert not [request for request in made() if request.startswith("PATCH")]
    assert report.failed == 0


async def test_a_card_that_was_moved_to_another_database_counts_as_trashed(stage: Stage) -> None:
    page = await stage.add_valid(status="Draft")
    await stage.cycle()
    recipes = await another_database(stage)
    await move(stage, page, data_source_id=recipes)
    await stage.webhook(page, "page.moved", data=parent_of(recipes))
    assert (await stage.ingest()).trashed == 1


async def test_a_card_that_is_moved_back_is_restored_with_its_task(stage: Stage) -> None:
    page = await stage.add_valid(status="Upload Complete")
    await stage.cycle()
    before = await stage.task(page)
    await moved_away(stage, page)
    await stage.ingest()
    stage.clock.pass_(60)
    await move(stage, page, data_source_id=stage.data_source_id)
    await stage.webhook(page, "page.moved", data=parent_of(stage.data_source_id))
    await stage.ingest()
    assert (await stage.card(page)).trashed_at is None
    after = await stage.task(page)
    assert before is not None
    assert after is not None
    assert (after.id, after.board_status) == (before.id, "Upload Complete")
    assert [row.action for row in await stage.history(page)][1:3] == ["trashed", "restored"]


async def test_a_later_event_about_a_card_whose_move_was_never_reported_marks_it(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await move(stage, page, page_id=stage.sandbox.root_page_id)
    await stage.webhook(page, "page.properties_updated", data={"parent": BOARD_PAGE})
    assert (await stage.ingest()).trashed == 1


async def test_a_push_to_a_card_that_has_left_finds_that_out_and_stops(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await move(stage, page, page_id=stage.sandbox.root_page_id)
    await stage.moves(page, "Processing")
    stage.clock.pass_(60)
    report = await stage.cycle()
    assert (report.trashed, report.failed) == (1, 0)
    assert (await stage.card(page)).last_error is None
