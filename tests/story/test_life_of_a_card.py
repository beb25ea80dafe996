"""What a card and its task live through together, over real HTTP and on a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kit.stage import Stage

from models.rules.statuses import STATE_OF, BoardStatus


async def test_a_valid_card_becomes_a_task_and_is_not_written_to(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    async with stage.requests() as made:
        report = await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert (task.status, task.board_status, task.title) == ("pending", "Queued", "Giant squid")
    assert report.pushed == 0
    assert not [request for request in made() if request.startswith("PATCH")]


async def test_a_task_that_a_worker_moved_shows_on_the_card_at_the_next_cycle(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.moves(page, "Assets Generating")
    await stage.cycle()
    card = await stage.shows(page)
    assert (card["Status"], card["Time in Status"]) == ("Assets Generating", "0 min")
    stage.clock.pass_(180)
    assert (await stage.shows(page))["Time in Status"] == "3 min"
    task = await stage.task(page)
    assert task is not None
    assert (task.status, task.board_status) == ("processing", "Assets Generating")


async def test_with_nothing_changed_a_cycle_makes_one_request_and_no_write(stage: Stage) -> None:
    await stage.add_valid(status="Queued")
    await stage.add_valid(title="Second")
    await stage.cycle()
    stage.clock.pass_(60)
    async with stage.requests() as made:
        report = await stage.cycle()
    assert made() == [f"POST /v1/data_sources/{stage.data_source_id}/query"]
    assert not report


async def test_our_own_writes_come_back_in_a_sweep_and_are_no_news(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    assert (await stage.cycle()).pushed == 1
    stage.clock.pass_(60)
    async with stage.requests() as made:
        report = await stage.cycle()
    assert len(made()) == 1
    assert not report


@pytest.mark.parametrize("status", BoardStatus)
async def test_every_board_status_comes_back_to_the_same_column(
    stage: Stage, status: BoardStatus
) -> None:
    seen_first_there = await stage.add_valid(status=status.value)
    moved_there = await stage.add_valid(status="Draft")
    await stage.cycle()
    task = await stage.task(seen_first_there)
    assert task is not None
    assert (task.board_status, task.status) == (status.value, STATE_OF[status].value)
    stage.clock.pass_(120)
    await stage.moves(moved_there, status.value)
    for _ in range(2):
        await stage.cycle()
        assert (await stage.shows(seen_first_there))["Status"] == status.value
        assert (await stage.shows(moved_there))["Status"] == status.value


async def test_an_unknown_channel_keeps_the_card_out_and_says_which_there_are(stage: Stage) -> None:
    page = await stage.add_valid(channel="cooking", status="Queued")
    await stage.cycle()
    there = "deep_sea_stories, history_in_ten, kitchen_science"
    wrong = f"Unknown channel “cooking”; choose one of: {there}."
    assert (await stage.shows(page))["Attention"] == wrong
    stage.clock.pass_(180)
    await stage.cycle()
    card = await stage.shows(page)
    assert await stage.task(page) is None
    assert (card["Status"], card["Attention"].startswith(wrong)) == ("Draft", True)


async def test_a_title_of_300_characters_keeps_the_card_out(stage: Stage) -> None:
    page = await stage.add_valid(title="x" * 300, status="Queued")
    await stage.cycle()
    assert await stage.task(page) is None
    assert (await stage.shows(page))["Attention"] == "Title has 300 characters; 255 are allowed."


async def test_an_unknown_status_option_is_refused_and_the_card_goes_back(stage: Stage) -> None:
    page = await stage.add_valid(status="Upload Complete")
    await stage.cycle()
    await stage.edit(page, status="Uplod Complete")
    stage.clock.pass_(60)
    report = await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.board_status == "Upload Complete"
    card = await stage.shows(page)
    assert card["Status"] == "Upload Complete"
    assert "“Uplod Complete” is not a status" in card["Attention"]
    assert report.refused == 1


async def test_a_deleted_priority_becomes_normal(stage: Stage) -> None:
    page = await stage.add_valid(priority="High")
    await stage.cycle()
    await stage.edit(page, priority="")
    stage.clock.pass_(60)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.priority == "normal"
    assert (await stage.shows(page))["Priority"] == "Normal"


async def test_a_move_that_belongs_to_the_pipeline_is_put_back_with_a_reason(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    await stage.cycle()
    await stage.edit(page, status="Upload Complete")
    stage.clock.pass_(60)
    await stage.cycle()
    card = await stage.shows(page)
    assert card["Status"] == "Processing"
    assert card["Attention"] == (
        "A card cannot be moved from “Processing” to “Upload Complete” by hand; it goes back to "
        "“Processing”. "
        "From “Processing” people may move it to “Archived”."
    )
    lost = [h for h in await stage.history(page) if h.action == "refused"]
    assert [(h.property, h.lost_value, h.old_value) for h in lost] == [
        ("Status", "Upload Complete", "Processing")
    ]
    assert lost[0].actor.startswith("person:")
    await stage.moves(page, "Assets Ready")
    await stage.cycle()
    assert (await stage.shows(page))["Attention"] == ""


async def test_an_edit_on_both_sides_keeps_the_database_and_records_the_other(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    await stage.edit(page, status="Draft")
    stage.clock.pass_(60)
    await stage.cycle()
    card = await stage.shows(page)
    assert card["Status"] == "Processing"
    assert "so the move to “Draft” was not taken" in card["Attention"]
    lost = [h for h in await stage.history(page) if h.action == "overruled"]
    assert [(h.lost_value, h.reason) for h in lost] == [("Draft", "both_changed")]


async def test_a_move_that_people_may_make_is_taken_and_stamped(stage: Stage) -> None:
    page = await stage.add_valid(status="Ready for Review")
    await stage.cycle()
    before = await stage.task(page)
    await stage.edit(page, status="Review Approved")
    stage.clock.pass_(60)
    await stage.cycle()
    task = await stage.task(page)
    assert before is not None
    assert task is not None
    assert task.status == "approved"
    assert task.status_changed_at > before.status_changed_at + timedelta(seconds=30)
    card = await stage.shows(page)
    assert card["Updated"] is not None
    moved = [h for h in await stage.history(page) if h.property == "Status"]
    assert [(h.old_value, h.new_value) for h in moved] == [("Ready for Review", "Review Approved")]
    assert moved[0].actor.startswith("person:")
    assert moved[0].correlation_id == "test-correlation"


async def test_a_text_that_became_invalid_leaves_the_task_its_last_valid_one(stage: Stage) -> None:
    page = await stage.add_valid(title="Good")
    await stage.cycle()
    await stage.edit(page, title="", topic="Newer topic")
    stage.clock.pass_(60)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert (task.title, task.topic) == ("Good", "Newer topic")
    assert (await stage.shows(page))["Attention"] == "Title is empty."


async def test_a_trashed_card_keeps_its_task_and_goes_on_when_restored(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.trash(page)
    await stage.webhook(page, "page.deleted")
    await stage.ingest()
    assert (await stage.card(page)).trashed_at is not None
    await stage.moves(page, "Processing")
    assert (await stage.cycle()).pushed == 0
    await stage.trash(page, in_trash=False)
    stage.clock.pass_(60)
    await stage.cycle()
    assert (await stage.card(page)).trashed_at is None
    assert (await stage.shows(page))["Status"] == "Processing"
