"""The vocabulary: 26 columns, 9 states, the two maps between them, and who may move what."""

from __future__ import annotations

import pytest

from models.production.steps import STEPS, Step, step_after
from models.rules.statuses import (
    AFTER_GATE,
    CANONICAL,
    INTERNAL_TO_NOTION_STATUS,
    NOTION_TO_INTERNAL_STATUS,
    PEOPLE_MAY_MOVE,
    STATE_OF,
    BoardStatus,
    Priority,
    Status,
    board_status,
    people_may_move,
    priority,
)

COLUMNS = {
    "Draft": "draft",
    "Ready for Planning": "draft",
    "Queued": "pending",
    "Processing": "processing",
    "Assets Generating": "processing",
    "Assets Ready": "processing",
    "Composites Creating": "processing",
    "Composites Ready": "processing",
    "Videos Generating": "processing",
    "Videos Ready": "processing",
    "Audio Generating": "processing",
    "Audio Ready": "processing",
    "SFX Generating": "processing",
    "SFX Ready": "processing",
    "Assembling Video": "processing",
    "Ready for Review": "awaiting_review",
    "Under Review": "awaiting_review",
    "Review Approved": "approved",
    "Review Rejected": "rejected",
    "Uploading": "processing",
    "Upload Complete": "completed",
    "Error: Invalid Input": "failed",
    "Error: API Failure": "failed",
    "Error: Retriable": "retry",
    "Error: Manual Review": "failed",
    "Archived": "completed",
}
"""Spec 1.2 (names and order) and 6.4 (states), copied by hand."""

STATES = {
    "draft": "Draft",
    "pending": "Queued",
    "processing": "Processing",
    "awaiting_review": "Ready for Review",
    "approved": "Review Approved",
    "rejected": "Review Rejected",
    "completed": "Upload Complete",
    "failed": "Error: Manual Review",
    "retry": "Error: Retriable",
}
"""Spec 6.4, the reverse map, copied by hand."""

MOVES = """
Draft > Ready for Planning
Draft > Queued
Draft > Archived
Ready for Planning > Draft
Ready for Planning > Queued
Ready for Planning > Archived
Queued > Draft
Queued > Ready for Planning
Queued > Archived
Ready for Review > Under Review
Ready for Review > Review Approved
Ready for Review > Review Rejected
Under Review > Ready for Review
Under Review > Review Approved
Under Review > Review Rejected
Review Approved > Under Review
Review Rejected > Draft
Review Rejected > Ready for Planning
Review Rejected > Queued
Review Rejected > Under Review
Review Rejected > Archived
Error: Invalid Input > Draft
Error: Invalid Input > Ready for Planning
Error: Invalid Input > Queued
Error: Invalid Input > Archived
Error: API Failure > Draft
Error: API Failure > Ready for Planning
Error: API Failure > Queued
Error: API Failure > Archived
Error: Retriable > Draft
Error: Retriable > Ready for Planning
Error: Retriable > Queued
Error: Retriable > Archived
Error: Manual Review > Draft
Error: Manual Review > Ready for Planning
Error: Manual Review > Queued
Error: Manual Review > Archived
Upload Complete > Archived
Upload Complete > Draft
Archived > Draft
Processing > Archived
Assets Generating > Archived
Assets Ready > Archived
Composites Creating > Archived
Composites Ready > Archived
Videos Generating > Archived
Videos Ready > Archived
Audio Generating > Archived
Audio Ready > Archived
SFX Generating > Archived
SFX Ready > Archived
Assembling Video > Archived
Uploading > Archived
"""
"""The design's table of section 5, cell by cell; every pair that is not here is refused."""

ALLOWED = {tuple(line.split(" > ")) for line in MOVES.strip().splitlines()}

AT_GATE = {
    "Assets Ready": "Composites Creating",
    "Composites Ready": "Videos Generating",
    "Videos Ready": "Audio Generating",
    "Audio Ready": "SFX Generating",
    "SFX Ready": "Assembling Video",
}
"""Where each gate leads when it is passed, by hand."""


def test_there_are_26_columns_in_the_order_of_the_board() -> None:
    assert [column.value for column in BoardStatus] == list(COLUMNS)
    assert len(BoardStatus) == 26


def test_there_are_9_states() -> None:
    assert [state.value for state in Status] == list(STATES)
    assert len(Status) == 9


def test_the_maps_are_those_of_the_spec() -> None:
    assert dict(NOTION_TO_INTERNAL_STATUS) == COLUMNS
    assert dict(INTERNAL_TO_NOTION_STATUS) == STATES


def test_every_column_belongs_to_exactly_one_state_and_every_state_has_one() -> None:
    assert set(STATE_OF) == set(BoardStatus)
    assert set(STATE_OF.values()) == set(Status)


@pytest.mark.parametrize("state", Status)
def test_the_column_a_state_shows_by_default_belongs_to_it(state: Status) -> None:
    assert STATE_OF[CANONICAL[state]] is state


@pytest.mark.parametrize("from_", BoardStatus)
@pytest.mark.parametrize("to", BoardStatus)
def test_people_make_the_moves_of_the_table_and_no_other(
    from_: BoardStatus, to: BoardStatus
) -> None:
    assert people_may_move(from_, to) is ((from_.value, to.value) in ALLOWED)


@pytest.mark.parametrize("from_", BoardStatus)
@pytest.mark.parametrize("to", BoardStatus)
def test_at_a_gate_people_go_on_reject_or_stop_and_elsewhere_nothing_changes(
    from_: BoardStatus, to: BoardStatus
) -> None:
    expected = (from_.value, to.value) in ALLOWED
    if from_.value in AT_GATE:
        expected = to.value in {AT_GATE[from_.value], "Queued", "Archived"}
    assert people_may_move(from_, to, gates=frozenset(BoardStatus)) is expected


def test_a_gate_is_passed_into_the_working_column_of_the_next_step() -> None:
    done = {STEPS[step].done: step for step in Step}
    for gate, after in AFTER_GATE.items():
        following = step_after(done[gate])
        assert following is not None
        assert STEPS[following].working is after


def test_without_a_gate_nobody_but_the_pipeline_puts_a_card_into_production() -> None:
    production = {column for column, state in STATE_OF.items() if state is Status.PROCESSING}
    assert not production & {to for targets in PEOPLE_MAY_MOVE.values() for to in targets}
    assert {PEOPLE_MAY_MOVE[column] for column in production} == {frozenset({BoardStatus.ARCHIVED})}


@pytest.mark.parametrize("name", ["draft", "DRAFT", " Draft", "Draft ", "", "pending", "Done"])
def test_a_status_is_known_by_its_exact_name_only(name: str) -> None:
    assert board_status(name) is None


def test_a_missing_status_is_draft() -> None:
    assert board_status(None) is BoardStatus.DRAFT


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Low", Priority.LOW),
        ("Normal", Priority.NORMAL),
        ("High", Priority.HIGH),
        ("high", Priority.HIGH),
        (None, Priority.NORMAL),
        ("", Priority.NORMAL),
        ("Urgent", Priority.NORMAL),
    ],
)
def test_a_missing_or_unknown_priority_is_normal(name: str | None, meant: Priority) -> None:
    assert priority(name) is meant


@pytest.mark.parametrize(
    ("value", "option"), [("low", "Low"), ("normal", "Normal"), ("high", "High")]
)
def test_a_priority_is_shown_by_its_option(value: str, option: str) -> None:
    assert Priority(value).option == option
