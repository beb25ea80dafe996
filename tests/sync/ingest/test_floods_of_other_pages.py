"""Many events about pages that are no cards: each costs a request, and delays no card for long."""

from __future__ import annotations

from uuid import uuid4

import httpx
from kit.stage import Stage

MINUTE = 60
FLOOD = 120
"""At three requests a second, 40 s of them."""


async def _paced(stage: Stage) -> dict[str, float]:
    """Let each answer take a third of a second; seconds until each card's first write, by page."""
    written: dict[str, float] = {}
    began = stage.clock.now
    assert stage.between is not None

    def pass_a_moment(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        stage.clock.pass_(1 / 3)
        if request.method == "PATCH":
            written.setdefault(
                request.url.path.split("/")[-1], (stage.clock.now - began).total_seconds()
            )
        return response

    stage.between.alter = pass_a_moment
    return written


async def _flood(stage: Stage) -> None:
    for _ in range(FLOOD):
        await stage.webhook(str(uuid4()))


async def test_a_cycle_shows_what_the_pipeline_did_before_it_has_asked_for_every_strange_page(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(MINUTE)
    await stage.moves(page, "Processing")
    await _flood(stage)
    written = await _paced(stage)
    await stage.cycle()
    assert written[page] < 10
    assert all(event.processed for event in await stage.events()), (
        "and it goes on until the inbox is empty"
    )


async def test_while_a_cycle_asks_for_strange_pages_what_the_pipeline_does_is_shown(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(MINUTE)
    await _flood(stage)
    written = await _paced(stage)
    inner, moved = stage.ctx.notion.get_page, False
    asked: list[str] = []

    async def get_page(page_id: str) -> object:
        nonlocal moved
        if not moved and len(asked) == 30:
            moved = True
            await stage.moves(page, "Processing")
        asked.append(page_id)
        return await inner(page_id)

    stage.ctx.notion.get_page = get_page  # type: ignore[method-assign, assignment]
    await stage.cycle()
    assert len(asked) == FLOOD
    assert written[page] < 40


async def test_a_persons_edit_among_strange_pages_is_taken_before_them_and_its_refusal_written_back(
    stage: Stage,
) -> None:
    edited, refused = (
        await stage.add_valid(status="Draft"),
        await stage.add_valid(title="Two", status="Queued"),
    )
    await stage.cycle()
    await stage.moves(refused, "Processing")
    await stage.cycle()
    stage.clock.pass_(MINUTE)
    await _flood(stage)
    await stage.edit(edited, status="Queued")
    await stage.edit(refused, status="Draft")
    await stage.webhook(edited)
    await stage.webhook(refused)
    written = await _paced(stage)
    await stage.ingest()
    task = await stage.task(edited)
    assert task is not None
    assert task.board_status == "Queued"
    began = (await stage.events())[-1].received_at
    assert (task.status_changed_at - began).total_seconds() < 10
    assert written[refused] < 30
    assert all(event.processed for event in await stage.events())


async def test_cards_that_were_trashed_in_masses_hold_up_no_push(stage: Stage) -> None:
    pages = [await stage.add_valid(title=f"Card {number}") for number in range(40)]
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    stage.clock.pass_(MINUTE)
    for trashed in pages:
        await stage.trash(trashed)
        await stage.webhook(trashed, "page.deleted")
    await stage.moves(page, "Processing")
    written = await _paced(stage)
    report = await stage.cycle()
    assert written[page] < 10
    assert report.trashed == 40
