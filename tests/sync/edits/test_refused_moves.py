"""A rejected edit: the run that rejects it writes the card back, which shows why for a day."""

from __future__ import annotations

import pytest
from kit.stage import Stage

from tasks.runtime.card_locks import card_locks

HOUR = 3600


async def _in_work(stage: Stage, count: int = 1) -> list[str]:
    """Cards whose tasks a worker has taken, shown on the board."""
    pages = [
        await stage.add_valid(title=f"Card {number}", status="Queued") for number in range(count)
    ]
    await stage.cycle()
    for page in pages:
        await stage.moves(page, "Processing")
    await stage.cycle()
    stage.clock.pass_(60)
    return pages


async def _refused(stage: Stage, page: str, to: str = "Draft") -> None:
    await stage.edit(page, status=to)
    await stage.webhook(page)
    await stage.ingest()


async def test_the_ingest_run_that_refuses_a_move_puts_the_card_back_at_its_end(
    stage: Stage,
) -> None:
    [page] = await _in_work(stage)
    await stage.edit(page, status="Draft")
    await stage.webhook(page)
    async with stage.requests() as made:
        report = await stage.ingest()
    card = await stage.shows(page)
    assert card["Status"] == "Processing"
    assert card["Attention"].startswith(
        "A card cannot be moved from “Processing” to “Draft” by hand"
    )
    assert (report.refused, report.pushed) == (1, 1)
    assert made() == [f"GET /v1/pages/{page}", f"PATCH /v1/pages/{page}"]


async def test_it_writes_nothing_else_that_differs_and_the_next_cycle_does_not_write_it_again(
    stage: Stage,
) -> None:
    refused, other = await _in_work(stage, 2)
    await stage.moves(other, "Assets Generating")
    await _refused(stage, refused)
    assert (await stage.shows(other))["Status"] == "Processing"
    async with stage.requests() as made:
        await stage.cycle()
    assert [request for request in made() if request.startswith("PATCH")] == [
        f"PATCH /v1/pages/{other}"
    ]


async def test_a_card_that_another_process_is_writing_is_not_written_beside_it(
    stage: Stage,
) -> None:
    [page] = await _in_work(stage)
    async with card_locks(stage.ctx) as other:
        assert await other.take(page)
        async with stage.requests() as made:
            await _refused(stage, page)
        assert not [request for request in made() if request.startswith("PATCH")]
    assert (await stage.shows(page))["Status"] == "Draft"
    async with stage.requests() as made:
        await stage.cycle()
    assert [request for request in made() if request.startswith("PATCH")] == [
        f"PATCH /v1/pages/{page}"
    ]


@pytest.mark.parametrize("edit", [{"priority": "Urgent"}, {"status": "Someday"}])
async def test_whatever_is_not_granted_is_answered_at_once(
    stage: Stage, edit: dict[str, str]
) -> None:
    [page] = await _in_work(stage)
    await stage.edit(page, **edit)
    await stage.webhook(page)
    await stage.ingest()
    card = await stage.shows(page)
    assert (card["Status"], card["Priority"]) == ("Processing", "Normal")
    assert "is not a" in card["Attention"]


async def test_a_card_that_waits_for_the_operator_is_not_put_back(stage: Stage) -> None:
    [page] = await _in_work(stage)
    stage.clock.pass_(HOUR)
    await _refused(stage, page)
    assert (await stage.shows(page))["Status"] == "Draft"
    assert (await stage.card(page)).held_at is not None


async def test_many_refused_moves_hold_up_no_ingest_run_the_cycle_puts_back_what_is_left(
    stage: Stage,
) -> None:
    pages = await _in_work(stage, 30)
    before = stage.clock.now
    stage.between.alter = lambda _request, response: (stage.clock.pass_(0.3), response)[1]  # type: ignore[union-attr]
    for page in pages:
        await stage.edit(page, status="Draft")
        await stage.webhook(page)
    report = await stage.ingest()
    assert report.refused == 30
    assert 5 <= report.pushed <= 25
    assert (stage.clock.now - before).total_seconds() < 30
    await stage.cycle()
    assert {(await stage.shows(page))["Status"] for page in pages} == {"Processing"}


async def test_the_sentence_names_the_moves_that_are_possible_and_goes_with_one_of_them(
    stage: Stage,
) -> None:
    [page] = await _in_work(stage)
    await stage.moves(page, "Ready for Review")
    await stage.cycle()
    await _refused(stage, page)
    assert (await stage.shows(page))["Attention"] == (
        "A card cannot be moved from “Ready for Review” to “Draft” by hand; "
        "it goes back to “Ready for Review”. From “Ready for Review” people may move it "
        "to “Under Review”, “Review Approved” or “Review Rejected”."
    )
    stage.clock.pass_(60)
    await _refused(stage, page, to="Under Review")
    await stage.cycle()
    card = await stage.shows(page)
    assert (card["Status"], card["Attention"]) == ("Under Review", "")


async def test_the_sentence_goes_after_a_day_whoever_does_nothing(stage: Stage) -> None:
    [page] = await _in_work(stage)
    await _refused(stage, page)
    attention = (await stage.shows(page))["Attention"]
    for hours in range(23):
        stage.clock.pass_(HOUR)
        await stage.cycle()
        assert (await stage.shows(page))["Attention"] == attention, f"after {hours + 1} hours"
    stage.clock.pass_(HOUR + 60)
    await stage.cycle()
    assert (await stage.shows(page))["Attention"] == ""
    async with stage.requests() as made:
        stage.clock.pass_(HOUR)
        await stage.cycle()
    assert not [request for request in made() if request.startswith("PATCH")]


async def test_the_same_rejected_edit_is_reported_for_another_day(stage: Stage) -> None:
    [page] = await _in_work(stage)
    await _refused(stage, page)
    stage.clock.pass_(20 * HOUR)
    await stage.cycle()
    stage.clock.pass_(60)
    await _refused(stage, page)
    stage.clock.pass_(20 * HOUR)
    await stage.cycle()
    assert (await stage.shows(page))["Attention"].startswith("A card cannot be moved")


async def test_violations_are_reported_until_they_are_corrected(
    stage: Stage,
) -> None:
    [page] = await _in_work(stage)
    await _refused(stage, page)
    await stage.edit(page, topic="")
    stage.clock.pass_(30 * HOUR)
    await stage.cycle()
    await stage.cycle()
    assert (await stage.shows(page))["Attention"] == "Topic is empty."
