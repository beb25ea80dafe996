"""Where a card may stand at first contact, and before it has a task: work must not be skipped."""

from __future__ import annotations

import pytest
from kit.stage import CHANNEL, Stage

from models.rules.statuses import BoardStatus

MAY_START = {"Draft", "Ready for Planning", "Queued"}
LATE = [column.value for column in BoardStatus if column not in MAY_START]


async def _later(stage: Stage) -> None:
    stage.clock.pass_(60)
    await stage.cycle()


async def _column(stage: Stage, page: str) -> str | None:
    task = await stage.task(page)
    return task.board_status if task is not None else None


@pytest.mark.parametrize("column", [column.value for column in BoardStatus])
async def test_a_card_made_after_the_import_starts_in_planning_or_queued_alone(
    stage: Stage, column: str
) -> None:
    await stage.cycle()
    page = await stage.add_valid(status=column)
    await _later(stage)
    card = await stage.shows(page)
    if column in MAY_START:
        assert (await _column(stage, page), card["Status"], card["Attention"]) == (
            column,
            column,
            "",
        )
    else:
        assert (await _column(stage, page), card["Status"]) == ("Draft", "Draft")
        assert f"not in “{column}”; it was moved to “Draft”." in card["Attention"]
        lost = [
            (h.action, h.lost_value) for h in await stage.history(page) if h.property == "Status"
        ]
        assert lost == [("refused", column)]


@pytest.mark.parametrize("how", ["event", "sweep", "import"])
async def test_whatever_finds_a_new_card_first_it_is_not_approved(stage: Stage, how: str) -> None:
    await stage.cycle()
    page = await stage.add_valid(status="Review Approved")
    if how == "event":
        await stage.webhook(page, "page.created")
        await stage.ingest()
    elif how == "import":
        await stage.imports()
    else:
        await _later(stage)
    assert await _column(stage, page) == "Draft"


async def test_an_empty_card_in_a_late_column_that_is_filled_in_later_starts_in_draft(
    stage: Stage,
) -> None:
    await stage.cycle()
    page = await stage.add(status="Review Approved")
    await _later(stage)
    assert (await stage.shows(page))["Status"] == "Draft"
    await stage.edit(page, title="Giant squid", channel=CHANNEL, topic="Architeuthis")
    await _later(stage)
    assert await _column(stage, page) == "Draft"
    assert "not in “Review Approved”" in (await stage.shows(page))["Attention"]


async def test_a_card_that_lay_in_the_trash_during_the_import_starts_in_draft_when_it_is_restored(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Review Approved")
    await stage.trash(page)
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.trash(page, in_trash=False)
    await _later(stage)
    assert await _column(stage, page) == "Draft"


@pytest.mark.parametrize(
    "column", ["Review Approved", "Uploading", "Ready for Review", "Error: Retriable"]
)
async def test_an_old_card_that_becomes_valid_in_a_late_column_starts_in_draft_with_a_message(
    stage: Stage, column: str
) -> None:
    page = await stage.add(title="Old", channel=CHANNEL, status=column)
    await stage.cycle()
    assert (await stage.shows(page))["Status"] == column
    stage.clock.pass_(600)
    await stage.edit(page, topic="Architeuthis")
    await _later(stage)
    card = await stage.shows(page)
    assert (await _column(stage, page), card["Status"]) == ("Draft", "Draft")
    assert f"not in “{column}”" in card["Attention"]


@pytest.mark.parametrize("column", ["Upload Complete", "Archived"])
async def test_an_old_finished_card_whose_topic_is_filled_in_stays_finished(
    stage: Stage, column: str
) -> None:
    page = await stage.add(title="Old", channel=CHANNEL, status=column)
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(page, topic="Architeuthis")
    await _later(stage)
    assert (await _column(stage, page), (await stage.shows(page))["Status"]) == (column, column)


@pytest.mark.parametrize("complete", [True, False])
async def test_an_old_card_that_is_not_followed_cannot_be_dragged_to_a_late_column(
    stage: Stage, *, complete: bool
) -> None:
    page = await stage.add(title="Old", channel=CHANNEL, status="Assets Ready")
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(
        page, status="Review Approved", **({"topic": "Architeuthis"} if complete else {})
    )
    await _later(stage)
    assert await _column(stage, page) == ("Draft" if complete else None)
    card = await stage.shows(page)
    assert card["Status"] == ("Draft" if complete else "Assets Ready")
    assert "“Review Approved”" in card["Attention"]


async def test_an_unknown_status_that_is_corrected_to_approved_starts_in_draft(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Ideas")
    await stage.cycle()
    stage.clock.pass_(600)
    await stage.edit(page, status="Review Approved")
    await _later(stage)
    card = await stage.shows(page)
    assert (await _column(stage, page), card["Status"]) == ("Draft", "Draft")
    assert "not in “Review Approved”" in card["Attention"]


async def test_a_task_that_was_deleted_is_not_made_anew_amid_the_work(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Uploading")
    await _later(stage)
    await stage.sql("DELETE FROM tasks")
    await stage.edit(page, title="Colossal squid")
    await _later(stage)
    assert await _column(stage, page) == "Draft"


async def test_what_is_found_during_the_first_import_keeps_its_column_whoever_finds_it(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Review Approved")
    await stage.webhook(page)
    await stage.ingest()
    assert await _column(stage, page) == "Review Approved"
    await stage.cycle()
    assert (await stage.shows(page))["Status"] == "Review Approved"
