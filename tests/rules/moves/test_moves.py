"""Where a card may stand that nobody followed so far: the truth tables of `models.rules.moves`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
from kit.cards import (
    NOW,
    StatusOutcome,
    agreeing,
    make_task,
    observation,
    status_outcome,
)

from models.rules.merge import Plan
from models.rules.merge_base import diff
from models.rules.statuses import STATE_OF, BoardStatus, Status, people_may_move

B = BoardStatus
SOON: Final = NOW + timedelta(minutes=2)
LATER: Final = NOW + timedelta(minutes=3)
MAY_START: Final = {B.DRAFT, B.READY_FOR_PLANNING, B.QUEUED}
MAY_STAY: Final = {*MAY_START, B.UPLOAD_COMPLETE, B.ARCHIVED}
NOBODYS: Final = {Status.PROCESSING, Status.APPROVED}
"""States that mean that somebody approved, or that a worker took it."""

each_column = pytest.mark.parametrize("column", B)
validity = pytest.mark.parametrize("valid", [True, False], ids=["valid", "invalid"])


def pushes(made: Plan) -> dict[str, Any]:
    return diff(made.base, made.task, made.attention)


# First contact: 26 columns x valid or not x during the first import or after it x with a task or
# without


@each_column
def test_a_valid_card_keeps_its_column_in_the_first_import(column: BoardStatus) -> None:
    made = observation(None, column.value, None, valid=True, importing=True)
    assert (status_outcome(made), pushes(made)) == (StatusOutcome(column, column), {})


@each_column
def test_a_card_that_is_not_valid_leaves_only_queued_in_the_first_import(
    column: BoardStatus,
) -> None:
    made = observation(None, column.value, None, valid=False, importing=True)
    if column is B.QUEUED:
        assert status_outcome(made) == StatusOutcome(None, B.DRAFT, "invalid_card")
        assert set(pushes(made)) == {"Status", "Attention"}
    else:
        assert (status_outcome(made), pushes(made)) == (
            StatusOutcome(None, column),
            {"Attention": "Topic is empty."},
        )


@each_column
def test_a_valid_card_that_is_new_starts_in_planning_or_queued_alone(column: BoardStatus) -> None:
    made = observation(None, column.value, None, valid=True)
    if column in MAY_START:
        assert (status_outcome(made), pushes(made)) == (StatusOutcome(column, column), {})
        return
    assert status_outcome(made) == StatusOutcome(B.DRAFT, B.DRAFT, "starts_late")
    assert [(entry.action, entry.value) for entry in made.lost] == [("refused", column)]
    assert pushes(made) == {"Status": "Draft", "Attention": made.attention}
    assert made.attention == (
        f"A card starts in “Draft”, “Ready for Planning” or “Queued”, not in “{column}”; "
        "it was moved to “Draft”. "
        "From “Draft” people may move it to “Ready for Planning”, “Queued” or “Archived”."
    )


@each_column
def test_an_invalid_card_that_is_new_starts_in_planning_alone_and_waits_in_queued(
    column: BoardStatus,
) -> None:
    made = observation(None, column.value, None, valid=False, keep_until=SOON)
    if column in MAY_START - {B.QUEUED}:
        assert status_outcome(made) == StatusOutcome(None, column)
    elif column is B.QUEUED:
        assert (status_outcome(made), made.base.waits_for) == (
            StatusOutcome(None, B.DRAFT, "invalid_card"),
            B.QUEUED,
        )
        assert pushes(made) == {"Attention": "Topic is empty."}
    else:
        assert status_outcome(made) == StatusOutcome(None, B.DRAFT, "starts_late")
        assert pushes(made)["Status"] == "Draft"


@each_column
@validity
@pytest.mark.parametrize("importing", [True, False])
def test_first_contact_changes_the_column_of_an_existing_task_only_if_it_is_pending_and_invalid(
    column: BoardStatus, *, valid: bool, importing: bool
) -> None:
    for shown in (column.value, "Review Approved", "Draft", None):
        made = observation(
            None,
            shown,
            make_task(board_status=column),
            valid=valid,
            importing=importing,
            keep_until=SOON,
        )
        assert made.task is not None
        not_pending = shown == "Queued" and column is B.QUEUED and not valid
        assert made.task.board_status is (B.DRAFT if not_pending else column)


# Before it is followed: seen, without a task


@each_column
@pytest.mark.parametrize("importing", [True, False])
def test_a_card_that_becomes_valid_is_followed_from_where_it_may_stay_else_from_draft(
    column: BoardStatus, *, importing: bool
) -> None:
    made = observation(agreeing(column), column.value, None, valid=True, importing=importing)
    if column in MAY_STAY:
        assert (status_outcome(made), made.lost) == (StatusOutcome(column, column), ())
    else:
        assert status_outcome(made) == StatusOutcome(B.DRAFT, B.DRAFT, "starts_late")
        assert [(entry.action, entry.value, entry.kept) for entry in made.lost] == [
            ("put_back", column, "Draft")
        ]
        assert f"not in “{column}”" in made.attention


@each_column
def test_a_card_that_is_not_valid_stays_in_its_late_column_and_is_not_followed(
    column: BoardStatus,
) -> None:
    made = observation(agreeing(column), column.value, None, valid=False)
    assert made.task is None
    assert made.base.status is (B.DRAFT if column is B.QUEUED else column)


LATE: Final = [column for column in B if column not in MAY_START]


@pytest.mark.parametrize("from_", LATE)
@validity
def test_a_card_in_a_late_column_that_is_not_followed_may_only_be_planned_queued_or_archived(
    from_: BoardStatus, *, valid: bool
) -> None:
    for to in [column for column in B if column is not from_]:
        made = observation(agreeing(from_), to.value, None, valid=valid, keep_until=SOON)
        if to in {B.DRAFT, B.READY_FOR_PLANNING, B.ARCHIVED} or (to is B.QUEUED and valid):
            assert status_outcome(made) == StatusOutcome(to if valid else None, to, moved=True)
        elif to is B.QUEUED:
            assert (status_outcome(made), made.base.waits_for) == (
                StatusOutcome(None, from_, "invalid_card"),
                B.QUEUED,
            )
        else:
            kept = B.DRAFT if valid and from_ not in MAY_STAY else from_
            assert status_outcome(made) == StatusOutcome(kept if valid else None, kept, "not_yours")
            assert f"it goes back to “{kept}”" in made.attention


@each_column
@validity
def test_an_unknown_status_is_corrected_to_a_column_where_nothing_is_made_alone(
    column: BoardStatus, *, valid: bool
) -> None:
    for importing in (True, False):
        unknown = observation(None, "Ideas", None, valid=valid, importing=importing)
        made = observation(unknown.base, column.value, None, valid=valid, importing=importing)
        allowed = column in MAY_STAY and (valid or column is not B.QUEUED)
        assert made.base.status is (column if allowed else B.DRAFT)
        assert (made.task is not None) == valid


@each_column
@validity
def test_an_empty_status_that_is_filled_in_is_a_move_from_draft(
    column: BoardStatus, *, valid: bool
) -> None:
    empty = observation(None, None, None, valid=valid, importing=True)
    made = observation(empty.base, column.value, empty.task, valid=valid)
    allowed = people_may_move(B.DRAFT, column) and (valid or column is not B.QUEUED)
    assert made.base.status is (column if allowed else B.DRAFT)


@each_column
@validity
@pytest.mark.parametrize("before", [None, *B, "Ideas"])
def test_without_a_task_nobody_on_the_board_puts_a_card_to_work(
    column: BoardStatus, before: str | None, *, valid: bool
) -> None:
    """Whatever was agreed before, apart from the first import."""
    known = observation(None, before, None, valid=False, importing=True)
    for base in (None, known.base):
        made = observation(base, column.value, None, valid=valid)
        if made.task is not None:
            assert STATE_OF[made.task.board_status] not in NOBODYS
            again = observation(made.base, column.value, made.task, valid=valid)
            assert again.task == made.task
