"""A value that lost is put back by the operator, and the board shows it at the next cycle."""

from __future__ import annotations

import pytest
from kit.stage import Stage

from models.errors import GiveUp
from models.sync.restore import Restored, restore
from models.tables.task_history import TaskHistory
from tasks.runtime.report import Report
from tasks.sync.ingest import drain_inbox


async def restored(stage: Stage, page: str, row: TaskHistory) -> Restored:
    assert row.id is not None
    async with stage.sessions.begin() as session:
        return await restore(session, page, row.id, now=stage.clock(), correlation_id="operator-1")


async def lost(stage: Stage, page: str, property_: str = "Status") -> TaskHistory:
    """The last line of history that kept a lost value of that property."""
    kept = [
        h for h in await stage.history(page) if h.property == property_ and h.lost_value is not None
    ]
    return kept[-1]


async def board_status(stage: Stage, page: str) -> str:
    task = await stage.task(page)
    assert task is not None
    return task.board_status


async def refused_move(stage: Stage, *, put_back: bool) -> str:
    """A card in Ready for Review that a user dragged to Queued, which is not allowed."""
    page = await stage.add_valid(status="Ready for Review")
    await stage.cycle()
    await stage.edit(page, status="Queued")
    stage.clock.pass_(60)
    if put_back:
        await stage.cycle()
        assert (await stage.shows(page))["Status"] == "Ready for Review"
    else:
        await stage.webhook(page)
        await drain_inbox(stage.ctx, Report())  # a cycle that ended before its push
    return page


async def test_a_lost_status_is_restored_and_shown_at_the_next_cycle(stage: Stage) -> None:
    page = await refused_move(stage, put_back=True)
    done = await restored(stage, page, await lost(stage, page))
    assert (done.before, done.after, done.shown) == ("Ready for Review", "Queued", False)
    task = await stage.task(page)
    assert task is not None
    assert (task.status, task.board_status) == ("pending", "Queued")
    row = (await stage.history(page))[-1]
    assert (row.actor, row.action, row.old_value, row.new_value) == (
        "operator",
        "changed",
        "Ready for Review",
        "Queued",
    )
    stage.clock.pass_(60)
    assert (await stage.cycle()).pushed == 1
    shows = await stage.shows(page)
    assert (shows["Status"], shows["Attention"]) == ("Queued", "")
    stage.clock.pass_(60)
    assert not await stage.cycle()


async def test_restoring_twice_changes_nothing_the_second_time(stage: Stage) -> None:
    page = await refused_move(stage, put_back=True)
    row = await lost(stage, page)
    await restored(stage, page, row)
    before = await stage.history(page)
    done = await restored(stage, page, row)
    assert done.before == done.after == "Queued"
    assert len(await stage.history(page)) == len(before)


async def test_a_status_restored_while_the_board_still_shows_it_is_agreed_on(stage: Stage) -> None:
    page = await refused_move(stage, put_back=False)
    assert (await restored(stage, page, await lost(stage, page))).shown
    stage.clock.pass_(60)
    await stage.cycle()
    assert (await stage.shows(page))["Status"] == "Queued"
    await stage.edit(page, status="Draft")
    stage.clock.pass_(60)
    await stage.cycle()
    assert await board_status(stage, page) == "Draft"
    assert [h.lost_value for h in await stage.history(page) if h.lost_value is not None] == [
        "Queued"
    ]


async def test_an_overruled_priority_is_restored_and_its_sentence_goes(stage: Stage) -> None:
    page = await stage.add_valid(priority="Normal")
    await stage.cycle()
    await stage.sql("UPDATE tasks SET priority = 'low'")
    await stage.edit(page, priority="High")
    stage.clock.pass_(60)
    await stage.cycle()
    shows = await stage.shows(page)
    assert (shows["Priority"], "Priority" in shows["Attention"]) == ("Low", True)
    done = await restored(stage, page, await lost(stage, page, "Priority"))
    assert (done.before, done.after) == ("Low", "High")
    stage.clock.pass_(60)
    await stage.cycle()
    shows = await stage.shows(page)
    assert (shows["Priority"], shows["Attention"]) == ("High", "")


async def test_the_value_before_a_change_is_restored_too(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Assets Generating")
    (change,) = [h for h in await stage.history(page) if h.action == "changed"]
    await restored(stage, page, change)
    assert await board_status(stage, page) == "Queued"


async def test_a_move_refused_because_the_card_is_not_valid_stays_refused_until_it_is(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Draft")
    await stage.cycle()
    await stage.edit(page, status="Queued", topic="")
    stage.clock.pass_(60)
    await stage.cycle()
    stage.clock.pass_(180)
    await stage.cycle()
    row = await lost(stage, page)
    with pytest.raises(GiveUp, match=r"still is not: Topic is empty\."):
        await restored(stage, page, row)
    await stage.edit(page, topic="Architeuthis")
    stage.clock.pass_(60)
    await stage.cycle()
    assert await board_status(stage, page) == "Draft"
    await restored(stage, page, row)
    assert await board_status(stage, page) == "Queued"
    stage.clock.pass_(60)
    await stage.cycle()
    shows = await stage.shows(page)
    assert (shows["Status"], shows["Attention"]) == ("Queued", "")


async def test_a_card_that_is_not_valid_is_not_queued_by_the_operator_either(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    await stage.cycle()
    await stage.edit(page, topic="")
    stage.clock.pass_(60)
    await stage.cycle()
    (change,) = [
        h for h in await stage.history(page) if h.action == "changed" and h.property == "Status"
    ]
    with pytest.raises(GiveUp, match=r"not valid cannot be queued: Topic is empty\."):
        await restored(stage, page, change)
    assert await board_status(stage, page) == "Processing"


async def test_a_status_nobody_knows_cannot_be_restored(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    await stage.edit(page, status="Drft")
    stage.clock.pass_(60)
    await stage.cycle()
    with pytest.raises(GiveUp, match="“Drft” is none of the board's 26 columns"):
        await restored(stage, page, await lost(stage, page))
    assert await board_status(stage, page) == "Draft"


@pytest.mark.parametrize(
    ("values", "property_", "sentence"),
    [
        (
            {"topic": "Another"},
            "Topic",
            "Topic is people's.*Paste this into the card in Notion:\nArchiteuthis",
        ),
        ({"title": "Another"}, "Title", "Title is people's.*\nGiant squid"),
    ],
    ids=["topic", "title"],
)
async def test_what_is_peoples_is_printed_and_not_written(
    stage: Stage, values: dict[str, str], property_: str, sentence: str
) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    await stage.edit(page, **values)
    stage.clock.pass_(60)
    await stage.cycle()
    (row,) = [h for h in await stage.history(page) if h.property == property_]
    with pytest.raises(GiveUp, match=f"(?s){sentence}"):
        await restored(stage, page, row)
    assert (await stage.history(page))[-1].id == row.id


async def test_a_row_of_another_card_or_without_a_value_restores_nothing(stage: Stage) -> None:
    page, other = await stage.add_valid(), await stage.add_valid()
    await stage.cycle()
    (created,) = await stage.history(page)
    with pytest.raises(GiveUp, match="about another card"):
        await restored(stage, other, created)
    with pytest.raises(GiveUp, match="kept no value"):
        await restored(stage, page, created)


async def test_a_card_without_a_task_says_what_to_mend_first(stage: Stage) -> None:
    page = await stage.add(
        title="Giant squid", channel="deep_sea_stories", status="Queued", priority="Normal"
    )
    await stage.cycle()
    stage.clock.pass_(180)
    await stage.cycle()
    with pytest.raises(
        GiveUp,
        match="no task whose Status could be “Queued”, because it is not valid: Topic is empty",
    ):
        await restored(stage, page, await lost(stage, page))
