"""What Showrunner wrote before an older backup was restored: `ahead` of `models.rules.moves`."""

from __future__ import annotations

import pytest
from kit.cards import StatusOutcome, agreeing, make_task, observation, status_outcome

from models.rules.statuses import BoardStatus

B = BoardStatus
HARMLESS = {B.DRAFT, B.READY_FOR_PLANNING, B.ARCHIVED}
each_pair = pytest.mark.parametrize(
    ("database", "board"),
    [(one, other) for one in BoardStatus for other in BoardStatus if one is not other],
)


@each_pair
def test_a_column_whose_work_may_be_paid_is_neither_taken_nor_blamed_on_anybody(
    database: BoardStatus, board: BoardStatus
) -> None:
    task = make_task(board_status=database)
    made = observation(agreeing(database), board.value, task, valid=True, ahead=True)
    planned = database in {B.DRAFT, B.READY_FOR_PLANNING} and board is B.QUEUED
    if board in HARMLESS or planned:
        plain = observation(agreeing(database), board.value, task, valid=True)
        assert status_outcome(made) == status_outcome(plain)
        return
    assert status_outcome(made) == StatusOutcome(database, database, "older_database")
    assert made.attention.startswith(
        f"Showrunner had moved this card to “{board}”, which the database does not have since an "
        f"older backup was restored; it goes back to “{database}”."
    )


@pytest.mark.parametrize("column", BoardStatus)
def test_a_card_that_nobody_moved_agrees(column: BoardStatus) -> None:
    task = make_task(board_status=column)
    made = observation(agreeing(column), column.value, task, valid=True, ahead=True)
    assert (status_outcome(made), made.attention) == (StatusOutcome(column, column), "")
