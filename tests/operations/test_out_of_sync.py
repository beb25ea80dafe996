"""A card that differs from the database is never called in sync, and the reason is shown."""

from __future__ import annotations

from typing import Any

from kit.stage import Stage

from models.operations.diagnosis import reasons_out_of_sync
from models.rules.new_board import board_schema
from tasks.operations.card_facts import gather_card_facts

PAUSE = 6 * 3600


async def why_apart(stage: Stage, page: str) -> str:
    return " ".join(reasons_out_of_sync(await gather_card_facts(stage.ctx, page)))


async def in_work(stage: Stage) -> str:
    """A card in sync, whose task a worker took and moved on since."""
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    stage.clock.pass_(60)
    await stage.cycle()
    assert await why_apart(stage, page) == ""
    await stage.moves(page, "Assets Generating")
    return page


APART = "Status (board “Processing”, database “Assets Generating”)"


async def test_a_move_that_waits_says_what_differs_meanwhile(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    await stage.edit(page, topic="", status="Queued")
    stage.clock.pass_(60)
    await stage.cycle()
    said = await why_apart(stage, page)
    assert "The move to “Queued” waits until the card is valid" in said
    assert "What differs: Topic, Status (board “Queued”, database “Draft”)." in said


async def test_a_task_that_was_deleted_is_said_to_be(stage: Stage) -> None:
    page = await in_work(stage)
    await stage.sql("DELETE FROM tasks WHERE notion_page_id = :page", page=page)
    assert "It has no task, because that was deleted" in await why_apart(stage, page)
    stage.clock.pass_(60)
    await stage.cycle()
    assert "It has no task, because that was deleted" in await why_apart(stage, page)


async def test_a_deleted_task_is_reported_for_a_card_that_became_invalid_too(stage: Stage) -> None:
    page = await in_work(stage)
    await stage.edit(page, topic="")
    await stage.cycle()
    await stage.sql("DELETE FROM tasks WHERE notion_page_id = :page", page=page)
    said = await why_apart(stage, page)
    assert said.startswith("Its task was deleted")
    assert "Topic is empty." in said


async def test_a_card_in_the_trash_says_what_is_not_written_to_it(stage: Stage) -> None:
    page = await in_work(stage)
    await stage.trash(page)
    await stage.webhook(page, "page.deleted")
    await stage.ingest()
    said = await why_apart(stage, page)
    assert said.startswith("The card is in Notion's trash since 2026-11-23 10:01:")
    assert f"What differs: {APART}" in said


async def test_a_card_that_was_moved_away_is_not_said_to_be_in_the_trash(stage: Stage) -> None:
    page, other = await in_work(stage), await in_work(stage)
    elsewhere = await stage.ask("POST", "/v1/databases", another_board(stage))
    source = elsewhere["data_sources"][0]["id"]
    root = {"type": "page_id", "page_id": stage.sandbox.root_page_id}
    for moved, parent in (
        (page, {"type": "data_source_id", "data_source_id": source}),
        (other, root),
    ):
        await stage.ask("POST", f"/v1/pages/{moved}/move", {"parent": parent})
        await stage.webhook(moved, "page.moved")
    await stage.ingest()
    for moved in (page, other):
        said = await why_apart(stage, moved)
        assert said.startswith(
            "The page was moved away from the board, which was seen 2026-11-23 10:0"
        )
        assert "trash" not in said
        assert "Move it back in Notion and it goes on." in said
    assert f"What differs: {APART}" in await why_apart(stage, other)


def another_board(stage: Stage) -> dict[str, Any]:
    return {
        "parent": {"type": "page_id", "page_id": stage.sandbox.root_page_id},
        "title": [{"text": {"content": "Ideas"}}],
        "initial_data_source": {"properties": board_schema(["deep_sea_stories"])},
    }


async def test_a_page_that_notion_does_not_find_is_not_said_to_be_in_the_trash(
    stage: Stage,
) -> None:
    page = await in_work(stage)
    await vanish(stage, page)
    said = await why_apart(stage, page)
    assert said.startswith("Notion does not find the page since 2026-11-23 10:0")
    assert f"What differs: {APART}" in said


async def vanish(stage: Stage, page: str) -> None:
    stage.sandbox.faults.add(404, method="GET", path=f"/v1/pages/{page}", times=1000)
    stage.sandbox.faults.add(404, method="PATCH", path=f"/v1/pages/{page}", times=1000)
    await stage.webhook(page)
    await stage.ingest()


async def test_a_card_that_could_not_be_read_says_what_is_not_written_to_it(stage: Stage) -> None:
    page = await in_work(stage)
    stage.sandbox.faults.add(500, method="GET", path=f"/v1/pages/{page}", times=1000)
    await stage.edit(page, priority="High")
    await stage.webhook(page)
    await stage.ingest()
    said = await why_apart(stage, page)
    assert said.startswith("The page could not be read")
    assert "nothing is written to it before" in said
    assert f"What differs: {APART}" in said


async def test_cards_that_the_safety_stop_holds_say_what_waits(stage: Stage) -> None:
    pages = [await stage.add_valid(title=f"Card {n}", status="Ready for Review") for n in range(21)]
    await stage.cycle()
    stage.clock.pass_(PAUSE)
    for page in pages:
        await stage.edit(page, status="Uploading")
    await stage.cycle()
    said = await why_apart(stage, pages[0])
    assert (
        "waits, like many moves that nobody watched: `showrunner push --confirm` goes on; " in said
    )
    assert "What differs: Status (board “Uploading”, database “Ready for Review”)." in said
