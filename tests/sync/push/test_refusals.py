"""A 403: of one page it is that card's failure, of every page everybody's."""

from __future__ import annotations

import pytest
from kit.stage import Stage

from models.errors import NotionAuthError, NotionUnavailable
from tasks.board.refusals import SEVERAL

ALL = "/v1/pages"


async def moved(stage: Stage, count: int) -> list[str]:
    """Cards that differ from the board, so many."""
    pages = [await stage.add_valid(title=f"Card {n}", status="Queued") for n in range(count)]
    await stage.cycle()
    for page in pages:
        await stage.moves(page, "Processing")
    return pages


async def attempts(stage: Stage, *pages: str) -> list[int]:
    return [(await stage.card(page)).attempts for page in pages]


def refuse(stage: Stage, path: str = ALL, method: str = "PATCH", **how: object) -> None:
    stage.sandbox.faults.add(
        **{"status": 403, "times": None, "path": path, "method": method, **how}
    )


async def test_one_page_that_is_refused_is_that_cards_failure_and_all_others_are_shown(
    stage: Stage,
) -> None:
    pages = await moved(stage, 30)
    refuse(stage, f"{ALL}/{pages[0]}")
    report = await stage.cycle()
    assert (report.pushed, report.failed) == (29, 1)
    assert await attempts(stage, *pages[:2]) == [1, 0]
    async with stage.requests() as made:
        await stage.cycle()
    assert f"PATCH {ALL}/{pages[0]}" not in made(), "it backs off"


async def test_every_page_that_is_refused_stops_the_cycle_at_once_and_is_no_cards_failure(
    stage: Stage,
) -> None:
    pages = await moved(stage, 10)
    refuse(stage)
    async with stage.requests() as made:
        with pytest.raises(NotionAuthError, match="403"):
            await stage.cycle()
    assert len([request for request in made() if request.startswith("PATCH")]) <= 10 + SEVERAL
    assert await attempts(stage, *pages) == [0] * 10


async def test_a_capability_that_is_missing_shows_with_a_single_card_to_write(stage: Stage) -> None:
    pages = await moved(stage, 1)
    other = await stage.add_valid()
    await stage.cycle()
    await stage.moves(pages[0], "Assets Generating")
    refuse(stage)
    with pytest.raises(NotionAuthError, match="403"):
        await stage.cycle()
    assert await attempts(stage, pages[0], other) == [0, 0]


async def test_the_only_page_of_a_board_that_is_refused_is_everything(stage: Stage) -> None:
    await moved(stage, 1)
    refuse(stage)
    with pytest.raises(NotionAuthError, match="403"):
        await stage.cycle()


async def test_a_single_refused_card_is_identified_by_a_write_that_changes_nothing(
    stage: Stage,
) -> None:
    others = [await stage.add_valid(title=f"Other {n}") for n in range(2)]
    (page,) = await moved(stage, 1)
    before = [await stage.ask("GET", f"{ALL}/{other}") for other in others]
    refuse(stage, f"{ALL}/{page}")
    stage.clock.pass_(120)
    report = await stage.cycle()
    assert (report.pushed, report.failed) == (0, 1)
    assert await attempts(stage, page) == [1]
    after = [await stage.ask("GET", f"{ALL}/{other}") for other in others]
    assert [page["last_edited_time"] for page in after] == [
        page["last_edited_time"] for page in before
    ]


async def test_a_few_refused_pages_that_are_due_together_are_not_everybodys(stage: Stage) -> None:
    pages = await moved(stage, 8)
    for page in pages[:4]:
        refuse(stage, f"{ALL}/{page}")
    await stage.cycle()
    stage.clock.pass_(60)
    report = await stage.cycle()
    assert report.failed == 4
    assert await attempts(stage, *pages[:4]) == [2] * 4


async def test_a_page_that_may_not_be_read_fails_alone(stage: Stage) -> None:
    bad, good = await stage.add_valid(title="Bad"), await stage.add_valid(title="Good")
    await stage.cycle()
    refuse(stage, f"{ALL}/{bad}", "GET")
    for page in (bad, good):
        await stage.webhook(page)
    await stage.edit(good, priority="High")
    await stage.ingest()
    first, second = await stage.events()
    assert (first.processed, first.attempts, second.processed) == (False, 1, True)
    assert "403" in str(first.error)


async def test_a_board_that_may_not_be_read_is_no_events_failure(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    refuse(stage, "/v1/", "GET")
    await stage.webhook(page)
    with pytest.raises(NotionAuthError, match="403"):
        await stage.ingest()
    (event,) = await stage.events()
    assert (event.processed, event.attempts) == (False, 0)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_proxys_page_blames_neither_token_nor_card(stage: Stage, status: int) -> None:
    pages = await moved(stage, 3)
    refuse(stage, "/v1/", "PATCH", status=status, html=True)
    refuse(stage, "/v1/", "GET", status=status, html=True)
    with pytest.raises(NotionUnavailable, match="not Notion's answer"):
        await stage.cycle()
    assert await attempts(stage, *pages) == [0] * 3
    stage.sandbox.faults.clear()
    assert (await stage.cycle()).pushed == 3
