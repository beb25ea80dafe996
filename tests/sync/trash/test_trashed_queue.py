"""A trashed card's task is not to be taken, and goes on where it was when the card comes back."""

from __future__ import annotations

import pytest
from kit.stage import Stage

TAKE = (
    "UPDATE tasks SET board_status = 'Assets Generating' WHERE id = "
    "(SELECT id FROM tasks WHERE status = 'pending' LIMIT 1 FOR UPDATE SKIP LOCKED)"
)


async def trashed(stage: Stage, page: str, *, restored: bool = False) -> None:
    await stage.trash(page, in_trash=not restored)
    await stage.webhook(page, "page.undeleted" if restored else "page.deleted")
    await stage.ingest()
    stage.clock.pass_(60)


async def status(stage: Stage, page: str) -> tuple[str, str]:
    task = await stage.task(page)
    assert task is not None
    return task.status, task.board_status


async def test_no_worker_takes_the_task_of_a_card_in_the_trash_and_the_history_says_why(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await trashed(stage, page)
    await stage.sql(TAKE)
    assert await status(stage, page) == ("draft", "Draft")
    rows = {row.action: row for row in await stage.history(page)}
    left = rows["trashed"]
    assert (left.reason, left.property, left.old_value, left.new_value) == (
        "in_trash",
        "Status",
        "Queued",
        "Draft",
    )
    assert rows["changed"].actor == left.actor
    assert left.actor.startswith("person:")


async def test_no_worker_takes_the_task_of_a_deleted_card(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.sandbox.faults.add(status=404, times=None, path=f"/v1/pages/{page}")
    await stage.webhook(page)
    await stage.ingest()
    assert await status(stage, page) == ("draft", "Draft")
    actors = {(row.action, row.actor) for row in await stage.history(page)}
    assert {("trashed", "board"), ("changed", "board")} <= actors


async def test_a_restored_card_that_still_stands_in_queued_is_queued_again(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await trashed(stage, page)
    await trashed(stage, page, restored=True)
    assert await status(stage, page) == ("pending", "Queued")
    await stage.cycle()
    shows = await stage.shows(page)
    assert (shows["Status"], shows["Attention"]) == ("Queued", "")
    moves = [
        (row.action, row.old_value, row.new_value)
        for row in await stage.history(page)
        if row.property
    ]
    assert moves == [
        ("trashed", "Queued", "Draft"),
        ("changed", "Queued", "Draft"),
        ("changed", "Draft", "Queued"),
    ]


async def test_a_card_that_comes_and_goes_leaves_and_joins_the_queue_each_time(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    for _ in range(2):
        await trashed(stage, page)
        assert await status(stage, page) == ("draft", "Draft")
        await trashed(stage, page, restored=True)
        assert await status(stage, page) == ("pending", "Queued")


async def test_a_restored_card_that_is_no_longer_valid_is_not_queued_and_says_why(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.edit(page, topic="")
    await trashed(stage, page)
    await trashed(stage, page, restored=True)
    assert await status(stage, page) == ("draft", "Draft")
    for _ in range(4):  # for two minutes it may be completed where it stands
        stage.clock.pass_(60)
        await stage.cycle()
    shows = await stage.shows(page)
    assert shows["Status"] == "Draft"
    assert shows["Attention"].startswith("Topic is empty.")


async def test_a_task_that_a_worker_took_first_stays_in_work(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.sql(TAKE)
    await trashed(stage, page)
    assert await status(stage, page) == ("processing", "Assets Generating")
    assert {row.property for row in await stage.history(page) if row.action == "trashed"} == {None}


async def test_nobody_is_blamed_for_what_the_pipeline_had_queued_and_the_board_never_showed(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Error: Retriable")
    await stage.cycle()
    await stage.moves(page, "Queued")
    await trashed(stage, page)
    assert await status(stage, page) == ("draft", "Draft")
    await trashed(stage, page, restored=True)
    await stage.cycle()
    shows = await stage.shows(page)
    assert (shows["Status"], shows["Attention"]) == ("Draft", "")
    assert not [row for row in await stage.history(page) if row.action in {"refused", "overruled"}]


@pytest.mark.parametrize("to", ["Processing", "Draft", "Error: Invalid Input"])
async def test_what_the_pipeline_did_with_the_task_meanwhile_stands_when_the_card_comes_back(
    stage: Stage, to: str
) -> None:
    """And no message is shown, because no user asked for anything."""
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await trashed(stage, page)
    await stage.sql("UPDATE tasks SET board_status = 'Archived'")
    await stage.moves(page, to)
    await trashed(stage, page, restored=True)
    await stage.cycle()
    shows = await stage.shows(page)
    assert (shows["Status"], shows["Attention"]) == (to, "")
    assert not [row for row in await stage.history(page) if row.action in {"refused", "overruled"}]
