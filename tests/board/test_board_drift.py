"""`board check` and `board repair`: each difference is found, and repaired where allowed."""

from __future__ import annotations

import pytest
from board_changes import (
    CASES,
    Case,
    add_data_source,
    renamed,
    with_option,
    without,
    without_option,
    without_view,
)
from kit.processes.workspace import STATUSES, Board
from piece_changes import PIECE_CASES

from models.board.drift import drift
from models.board.drift_kinds import Severity
from tasks.board.snapshot import take_snapshot

OURS = "showrunner board repair"


ALL_CASES = CASES | PIECE_CASES


@pytest.mark.parametrize("case", ALL_CASES.values(), ids=ALL_CASES.keys())
async def test_each_difference_is_found_as_that_and_mended_if_it_may_be(
    known_board: Board, case: Case
) -> None:
    await case.happens(known_board)
    assert sorted(await known_board.slugs()) == sorted(case.found)
    done = await known_board.repair()
    assert done.refused == []
    assert sorted(await known_board.slugs()) == sorted(case.left)
    known_board.workspace.wire.writes.clear()
    await known_board.repair()
    assert known_board.workspace.wire.writes == [], "a repair of what is mended writes nothing"


def test_there_are_at_least_fifteen_kinds() -> None:
    assert len({slug for case in CASES.values() for slug in case.found}) >= 25


async def test_a_board_that_is_not_shared_is_said_with_the_click(known_board: Board) -> None:
    known_board.workspace.sandbox.faults.add(status=404, path="/v1/databases")
    assert await known_board.slugs() == ["board-not-found"]


async def test_several_data_sources_without_a_choice_stop_the_sync(board: Board) -> None:
    await add_data_source(board)
    assert await board.slugs() == ["data-source-unclear"]


async def test_what_repair_says_it_mends_is_what_it_mends(known_board: Board) -> None:
    for happens in (
        without("Story Direction"),
        without_option("Status", "Queued"),
        with_option("Status", "Parking"),
    ):
        await happens(known_board)
    before = await take_snapshot(known_board.workspace.access, known_board.id)
    done = await known_board.repair()
    assert {one.slug for one in done.mended} == {"property-missing", "status-option-missing"}
    assert [one.slug for one in done.left] == ["status-unknown"]
    assert all(OURS in one.cure for one in done.mended)
    assert not any(OURS in one.cure for one in done.left)
    assert all(one.wrong and one.breaks and one.cure for one in (*done.mended, *done.left))
    assert before.data_source != done.snapshot.data_source


async def test_as_many_are_mended_as_the_check_promised_and_what_follows_is_counted_apart(
    known_board: Board,
) -> None:
    await without_option("Status", "Error: Retriable")(known_board)
    before = drift(await take_snapshot(known_board.workspace.access, known_board.id))
    done = await known_board.repair()
    assert [one.slug for one in before] == ["status-option-missing"]
    assert [one.slug for one in done.mended] == [one.slug for one in before]
    assert {one.slug for one in done.followed} == {"view-shows-other-cards"}


async def test_missing_options_are_added_at_their_place_and_the_rest_keeps_ids_and_colours(
    known_board: Board,
) -> None:
    before = {option["name"]: option for option in await known_board.options("Status")}
    await with_option("Status", "Parking")(known_board)
    await without_option("Status", "Draft", "Queued", "SFX Ready", "Archived")(known_board)
    await known_board.repair()
    after = await known_board.options("Status")
    assert [option["name"] for option in after if option["name"] != "Parking"] == list(STATUSES)
    missing = {"Draft", "Queued", "SFX Ready", "Archived"}
    assert all(
        option == before[option["name"]]
        for option in after
        if option["name"] not in {"Parking"} | missing
    )
    assert [option["color"] for option in after if option["name"] in missing] == [
        "gray",
        "blue",
        "blue",
        "green",
    ]


async def test_the_worst_comes_first(known_board: Board) -> None:
    await without("Time in Status", "Topic", "Attention")(known_board)
    await with_option("Status", "Parking")(known_board)
    await renamed("Title", "Name")(known_board)
    found = drift(await take_snapshot(known_board.workspace.access, known_board.id))
    assert [one.severity for one in found] == [
        Severity.STOPS,
        Severity.LOSES,
        Severity.EXCLUDES,
        Severity.COSMETIC,
        Severity.NOTE,
    ]
    assert [one.matters for one in found] == [True, True, False, False, False]


async def test_what_notion_refuses_is_said_with_its_reason(known_board: Board) -> None:
    await without_view("errors")(known_board)
    access = known_board.workspace.access
    snapshot = await take_snapshot(access, known_board.id)
    known_board.workspace.sandbox.faults.add(status=400, method="POST", path="/v1/views")
    done = await known_board.repair()
    ((one, reason),) = done.refused
    assert (one.slug, snapshot.plan(one.about).name) == ("saved-view-missing", "All Errors")
    assert "400" in reason
