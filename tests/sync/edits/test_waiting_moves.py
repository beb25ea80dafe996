"""Moves that wait: a card that stands in Queued and is not valid yet, or not any more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kit.stage import CHANNEL, Stage

from models.rules.channels import ChannelFolder

GRACE = 120
"""Seconds in which nothing is moved after a person's last edit."""
MOVED_BACK = "“Queued” to “Draft”"


async def _status(stage: Stage, page: str) -> tuple[str, str]:
    task = await stage.task(page)
    assert task is not None
    return task.status, task.board_status


async def _later(stage: Stage, seconds: float = 60) -> None:
    stage.clock.pass_(seconds)
    await stage.cycle()


async def test_a_card_made_in_queued_and_filled_in_afterwards_is_queued(stage: Stage) -> None:
    await stage.cycle()
    page = await stage.add(status="Queued")
    await stage.webhook(page)
    await stage.ingest()
    stage.clock.pass_(2)
    await stage.edit(page, title="Giant squid")
    await stage.webhook(page)
    await stage.ingest()
    stage.clock.pass_(5)
    await stage.edit(page, channel=CHANNEL, topic="Architeuthis")
    await _later(stage)
    assert await _status(stage, page) == ("pending", "Queued")
    card = await stage.shows(page)
    assert (card["Status"], card["Attention"]) == ("Queued", "")


async def test_while_it_waits_the_card_says_why_and_stays_where_its_editor_put_it(
    stage: Stage,
) -> None:
    page = await stage.add(title="Giant squid", channel=CHANNEL, status="Draft")
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(page, status="Queued")
    await stage.webhook(page)
    await stage.ingest()
    await stage.cycle()
    card = await stage.shows(page)
    assert (card["Status"], card["Attention"]) == ("Queued", "Topic is empty.")
    assert await stage.task(page) is None
    await _later(stage)
    assert (await stage.shows(page))["Status"] == "Queued"


async def test_an_edit_gives_its_author_two_more_minutes(stage: Stage) -> None:
    await stage.cycle()
    page = await stage.add(status="Queued")
    await _later(stage, 30)
    for title in ("Giant", "Giant squid"):
        stage.clock.pass_(GRACE - 30)
        await stage.edit(page, title=title)
        await stage.cycle()
    assert (await stage.shows(page))["Status"] == "Queued"
    await _later(stage, GRACE)
    assert (await stage.shows(page))["Status"] == "Draft"


async def test_a_card_that_is_not_completed_goes_back_to_draft_and_says_what_to_do(
    stage: Stage,
) -> None:
    page = await stage.add(title="Giant squid", channel=CHANNEL, status="Draft")
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(page, status="Queued")
    await stage.cycle()
    await _later(stage, GRACE)
    card = await stage.shows(page)
    assert card["Status"] == "Draft"
    assert card["Attention"].startswith("Topic is empty. ")
    assert MOVED_BACK in card["Attention"]
    assert "drag it to “Queued” again" in card["Attention"]
    await stage.edit(page, topic="Architeuthis")
    await _later(stage)
    assert await _status(stage, page) == ("draft", "Draft")
    card = await stage.shows(page)
    assert (card["Status"], MOVED_BACK in card["Attention"]) == ("Draft", True)
    assert "Topic is empty" not in card["Attention"]
    await stage.edit(page, status="Queued")
    await _later(stage)
    assert await _status(stage, page) == ("pending", "Queued")
    assert (await stage.shows(page))["Attention"] == ""


async def test_the_history_of_a_waiting_move_records_the_move_and_its_outcome(
    stage: Stage,
) -> None:
    page = await stage.add(title="Giant squid", channel=CHANNEL, status="Draft")
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(page, status="Queued")
    await stage.cycle()
    await _later(stage, GRACE)
    rows = [
        (h.action, h.property, h.lost_value, h.new_value, h.reason)
        for h in await stage.history(page)
    ]
    assert rows == [
        ("waiting", "Status", "Queued", "Draft", "invalid_card"),
        ("put_back", "Status", "Queued", "Draft", "invalid_card"),
    ]
    assert (await stage.history(page))[0].actor.startswith("person:")


async def test_a_card_that_could_not_be_put_back_yet_and_is_completed_in_queued_is_queued(
    stage: Stage,
) -> None:
    page = await stage.add(title="Giant squid", channel=CHANNEL, status="Queued")
    await stage.cycle()
    stage.sandbox.faults.add(500, method="PATCH", path=f"/v1/pages/{page}", times=100)
    await _later(stage, GRACE + 60)
    assert (await stage.shows(page))["Status"] == "Queued"
    stage.sandbox.faults.clear()
    await stage.edit(page, topic="Architeuthis")
    await _later(stage)
    assert await _status(stage, page) == ("pending", "Queued")
    card = await stage.shows(page)
    assert (card["Status"], card["Attention"]) == ("Queued", "")


async def test_a_task_that_the_pipeline_takes_while_its_cards_move_waits_is_shown_with_a_message(
    stage: Stage,
) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(page, topic="", status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    await _later(stage, 30)
    card = await stage.shows(page)
    assert card["Status"] == "Processing"
    assert "so the move to “Queued” was not taken" in card["Attention"]
    assert ("overruled", "Queued") in [(h.action, h.lost_value) for h in await stage.history(page)]


async def test_an_approval_of_a_card_that_is_not_valid_waits_like_every_move(stage: Stage) -> None:
    page = await stage.add_valid(status="Under Review")
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(page, status="Review Approved", topic="")
    await stage.cycle()
    assert await _status(stage, page) == ("awaiting_review", "Under Review")
    await stage.edit(page, topic="Architeuthis")
    await _later(stage)
    assert await _status(stage, page) == ("approved", "Review Approved")


# A card that becomes invalid while it is queued


@pytest.mark.parametrize(
    ("emptied", "mended", "sentence"),
    [
        ({"topic": ""}, {"topic": "Architeuthis"}, "Topic is empty."),
        ({"title": ""}, {"title": "Giant squid"}, "Title is empty."),
        ({"channel": ""}, {"channel": CHANNEL}, "Channel is empty;"),
    ],
)
async def test_a_queued_card_that_becomes_invalid_is_not_pending_until_it_is_mended(
    stage: Stage, emptied: dict[str, str], mended: dict[str, str], sentence: str
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(page, **emptied)
    await stage.cycle()
    assert await _status(stage, page) == ("draft", "Draft")
    task = await stage.task(page)
    assert task is not None
    assert (task.title, task.channel_id, task.topic) == ("Giant squid", CHANNEL, "Architeuthis")
    card = await stage.shows(page)
    assert (card["Status"], card["Attention"].startswith(sentence)) == ("Queued", True)
    assert ("waiting", "Queued", "invalid_card") in [
        (h.action, h.lost_value, h.reason) for h in await stage.history(page)
    ]
    await stage.edit(page, **mended)
    await _later(stage)
    assert await _status(stage, page) == ("pending", "Queued")
    card = await stage.shows(page)
    assert (card["Status"], card["Attention"]) == ("Queued", "")


async def test_a_queued_card_that_stays_invalid_goes_back_to_draft_with_a_message(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(page, topic="")
    await stage.cycle()
    await _later(stage, GRACE)
    card = await stage.shows(page)
    assert card["Status"] == "Draft"
    assert MOVED_BACK in card["Attention"]
    async with stage.requests() as made:
        await _later(stage, 600)
    assert len(made()) == 1


async def test_a_queued_card_whose_channel_file_went_is_not_pending(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    known = await stage.ctx.channel_folder()
    left = {name: channel for name, channel in known.channels.items() if name != CHANNEL}

    async def without_it() -> ChannelFolder:
        return replace(known, channels=left)

    monkeypatch.setattr(stage.ctx, "channel_folder", without_it)
    await _later(stage)
    assert await _status(stage, page) == ("draft", "Draft")
    assert (await stage.shows(page))["Attention"].startswith(f"Unknown channel “{CHANNEL}”")
    monkeypatch.undo()
    await _later(stage)
    assert await _status(stage, page) == ("pending", "Queued")


async def test_a_card_that_becomes_invalid_when_a_worker_has_taken_it_stays_where_it_is(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.moves(page, "Processing")
    await stage.edit(page, topic="")
    await stage.cycle()
    await _later(stage, 2 * GRACE)
    assert await _status(stage, page) == ("processing", "Processing")
    card = await stage.shows(page)
    assert (card["Status"], card["Attention"]) == ("Processing", "Topic is empty.")


async def test_a_task_that_the_pipeline_queues_is_not_pending_while_its_card_is_invalid(
    stage: Stage,
) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(page, topic="")
    await stage.cycle()
    await stage.moves(page, "Queued")
    await _later(stage)
    assert await _status(stage, page) == ("draft", "Draft")
    await stage.edit(page, topic="Architeuthis")
    await _later(stage)
    assert await _status(stage, page) == ("pending", "Queued")
