"""Many cards edited twice within a minute are read by queries, and no older state is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from kit.stage import Stage

COUNT = 30
MOST_REQUESTS = 3


async def board_of(stage: Stage) -> list[str]:
    """An old board, at the beginning of a minute."""
    pages = [await stage.add_valid(title=f"Card {n}") for n in range(COUNT)]
    stage.clock.pass_(600)
    await stage.cycle()
    stage.clock.pass_(90)
    assert stage.clock.now.second < 10
    return pages


async def bulk(stage: Stage, pages: Sequence[str], **values: Any) -> list[str]:
    """Edit all of them, deliver and process the events; the requests that this took."""
    for page in pages:
        await stage.edit(page, **values)
        await stage.webhook(page)
    async with stage.requests() as made:
        await stage.ingest()
    return made()


async def in_database(stage: Stage, pages: Sequence[str]) -> set[str]:
    return {task.board_status for page in pages if (task := await stage.task(page)) is not None}


@pytest.mark.parametrize("then", ["Draft", "Ready for Planning"])
async def test_a_second_drag_within_the_minute_is_read_by_the_hundred(
    stage: Stage, then: str
) -> None:
    pages = await board_of(stage)
    await bulk(stage, pages, status="Queued")
    assert len(await bulk(stage, pages, status=then)) <= MOST_REQUESTS
    assert await in_database(stage, pages) == {then}
    assert stage.clock.now.second < 60 - 10


async def test_cards_dragged_in_the_minute_in_which_they_were_made_are_read_by_the_hundred(
    stage: Stage,
) -> None:
    await board_of(stage)
    pages = [await stage.add_valid(title=f"New {n}") for n in range(COUNT)]
    for page in pages:
        await stage.webhook(page, "page.created")
    await stage.ingest()
    assert len(await bulk(stage, pages, status="Queued")) <= MOST_REQUESTS
    assert await in_database(stage, pages) == {"Queued"}


async def test_cards_that_we_wrote_to_in_this_minute_are_read_by_the_hundred(stage: Stage) -> None:
    pages = await board_of(stage)
    await bulk(stage, pages, status="Queued")
    assert (await stage.cycle()).pushed == COUNT
    requests = await bulk(stage, pages, status="Draft")
    assert len(requests) <= MOST_REQUESTS + 4  # the last writes of ours were under way together
    assert await in_database(stage, pages) == {"Draft"}


async def lag(stage: Stage, seconds: float) -> None:
    """From now on queries show the board of so many seconds ago."""
    stage.sandbox.faults.add(stale_seconds=seconds, times=None)


async def test_rows_of_a_query_that_lags_behind_are_not_accepted(stage: Stage) -> None:
    """An unseen drag there and back: the row says Queued, as the card was for a moment."""
    pages = await board_of(stage)
    for page in pages:
        await stage.edit(page, status="Queued")
    stage.clock.pass_(10)
    for page in pages:
        await stage.edit(page, status="Draft")
        await stage.webhook(page)
    await stage.ingest()
    stage.clock.pass_(2)
    await lag(stage, 5)
    requests = await bulk(stage, pages, topic="Anglerfish")
    assert await in_database(stage, pages) == {"Draft"}
    assert {(await stage.task(page)).topic for page in pages} == {"Anglerfish"}  # type: ignore[union-attr]
    assert len(requests) >= COUNT


async def test_a_state_of_this_minute_is_not_accepted_although_the_sample_returned_to_it(
    stage: Stage,
) -> None:
    pages = await board_of(stage)
    await bulk(stage, pages, status="Queued")
    stage.clock.pass_(10)
    await bulk(stage, pages, status="Draft")
    stage.clock.pass_(5)
    await lag(stage, 8)
    for page in pages:
        await stage.edit(page, status="Queued" if page < sorted(pages)[5] else "Archived")
        await stage.webhook(page)
    await stage.ingest()
    assert {(await stage.card(page)).edited_at for page in pages} == {
        stage.clock.now.replace(second=0, microsecond=0)
    }
    for page in pages:
        assert (await stage.shows(page))["Status"] == (await stage.task(page)).board_status  # type: ignore[union-attr]


async def test_a_row_whose_card_was_read_while_the_sample_was_read_is_read_by_id(
    stage: Stage,
) -> None:
    pages = await board_of(stage)
    await bulk(stage, pages, status="Queued")
    ask, late = stage.ctx.notion.get_page, max(pages)
    meanwhile = [late]

    async def another_host_queries(page_id: str) -> dict[str, Any]:
        if meanwhile:
            await stage.edit(meanwhile.pop(), status="Draft")
            await stage.webhook(late)
            await stage.ingest()
        return await ask(page_id)

    stage.ctx.notion.get_page = another_host_queries  # type: ignore[method-assign]
    await bulk(stage, pages, status="Ready for Planning")
    assert await in_database(stage, [late]) == {"Draft"}
    assert await in_database(stage, [page for page in pages if page != late]) == {
        "Ready for Planning"
    }
