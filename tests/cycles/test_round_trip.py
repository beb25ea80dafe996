from __future__ import annotations

from stage import Stage


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
    await stage.moves(page, "Assets Generating")
    await stage.cycle()
    card = await stage.shows(page)
    assert card["Status"] == "Assets Generating"
    assert card["Time in Status"] == "0 min"
