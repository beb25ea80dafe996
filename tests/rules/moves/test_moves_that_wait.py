"""Moves that wait for a valid card, and queued cards that become invalid: truth tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from kit.cards import (
    EARLIER,
    NO_TOPIC,
    NOW,
    StatusOutcome,
    agreed_on,
    make_base,
    make_card,
    make_task,
    observation,
    status_outcome,
)

from models.rules.merge import Plan, plan
from models.rules.merge_base import diff, with_write
from models.rules.statuses import BoardStatus, people_may_move

B = BoardStatus
SOON: Final = NOW + timedelta(minutes=2)
LATER: Final = NOW + timedelta(minutes=3)

each_column = pytest.mark.parametrize("column", B)
validity = pytest.mark.parametrize("valid", [True, False], ids=["valid", "invalid"])


def pushes(made: Plan) -> dict[str, Any]:
    return diff(made.base, made.task, made.attention)


def waiting(valid_from: BoardStatus = B.DRAFT, to: BoardStatus = B.QUEUED) -> Plan:
    base, task = agreed_on(valid_from)
    return observation(base, to.value, task, valid=False, keep_until=SOON)


def test_a_move_of_a_card_that_is_not_valid_waits_and_leaves_status_alone() -> None:
    made = waiting()
    assert status_outcome(made) == StatusOutcome(B.DRAFT, B.DRAFT, "invalid_card")
    assert (made.base.waits_for, made.base.status_kept_until) == (B.QUEUED, SOON)
    assert [(entry.action, entry.value) for entry in made.lost] == [("waiting", "Queued")]
    assert pushes(made) == {"Attention": "Topic is empty."}


def test_it_is_taken_when_the_last_violation_goes_while_the_card_stands_there() -> None:
    made = waiting()
    mended = observation(made.base, "Queued", made.task, valid=True, keep_until=SOON)
    assert status_outcome(mended) == StatusOutcome(B.QUEUED, B.QUEUED, moved=True)
    assert (mended.base.waits_for, mended.base.status_kept_until, pushes(mended)) == (
        None,
        None,
        {},
    )


@pytest.mark.parametrize(
    ("from_", "to"),
    [(from_, to) for from_ in B for to in B if from_ is not to and people_may_move(from_, to)],
)
def test_every_move_that_people_may_make_waits_if_only_a_violation_is_against_it(
    from_: BoardStatus, to: BoardStatus
) -> None:
    if from_ is B.QUEUED:
        return  # an invalid card does not stand there
    made = waiting(from_, to)
    if made.moved:
        assert to in {B.DRAFT, B.READY_FOR_PLANNING, B.ARCHIVED}
    else:
        assert (made.base.status, made.base.waits_for) == (from_, to)
        mended = observation(made.base, to.value, made.task, valid=True)
        assert status_outcome(mended) == StatusOutcome(to, to, moved=True)


def test_a_waiting_move_that_is_not_completed_in_time_goes_back_and_says_what_to_do() -> None:
    made = waiting()
    still = observation(made.base, "Queued", made.task, valid=False, keep_until=LATER)
    assert (still.lost, still.base.status_kept_until, still.attention) == (
        (),
        LATER,
        "Topic is empty.",
    )
    over = observation(still.base, "Queued", still.task, valid=False)
    assert [(entry.action, entry.value, entry.kept) for entry in over.lost] == [
        ("put_back", "Queued", "Draft")
    ]
    assert pushes(over) == {"Status": "Draft", "Attention": over.attention}
    assert over.attention == (
        "Topic is empty. This card was moved back from “Queued” to “Draft”, "
        "because it breaks the rules above; once corrected, "
        "drag it to “Queued” again."
    )


def test_what_is_put_back_is_not_kept_again_and_is_reported_until_the_next_accepted_move() -> None:
    made = waiting()
    over = observation(made.base, "Queued", made.task, valid=False)
    edited = observation(over.base, "Queued", over.task, valid=False, keep_until=LATER)
    assert (edited.base, edited.lost) == (over.base, ())
    written = with_write(over.base, pushes(over))
    assert (written.waits_for, written.status_kept_until) == (None, None)
    back = make_card(status="Draft", attention=over.attention)
    mended = plan(written, back, over.task, [])
    assert mended.attention == over.attention.removeprefix("Topic is empty. ")
    again = plan(mended.base, replace(back, status="Queued"), mended.task, [])
    assert (again.moved, again.attention) == (True, "")


def test_completed_before_it_was_put_back_it_is_taken_all_the_same() -> None:
    made = waiting()
    over = observation(made.base, "Queued", made.task, valid=False)
    mended = observation(over.base, "Queued", over.task, valid=True)
    assert (status_outcome(mended), mended.attention) == (
        StatusOutcome(B.QUEUED, B.QUEUED, moved=True),
        "",
    )


def test_dragged_again_while_it_is_not_complete_it_waits_anew_and_says_only_what_is_wrong() -> None:
    made = waiting()
    over = observation(made.base, "Queued", made.task, valid=False)
    back = plan(
        with_write(over.base, pushes(over)),
        make_card(status="Draft", topic=""),
        over.task,
        [NO_TOPIC],
    )
    again = observation(back.base, "Queued", back.task, valid=False, keep_until=LATER)
    assert (again.base.waits_for, again.base.status_kept_until) == (B.QUEUED, LATER)
    assert again.attention == "Topic is empty."


def test_dragged_elsewhere_nothing_waits_any_more() -> None:
    made = waiting()
    planned = observation(made.base, "Ready for Planning", made.task, valid=False, keep_until=LATER)
    assert (planned.base.waits_for, planned.base.status_kept_until) == (None, None)
    assert status_outcome(planned) == StatusOutcome(
        B.READY_FOR_PLANNING, B.READY_FOR_PLANNING, moved=True
    )


@validity
def test_a_move_of_the_pipeline_wins_over_a_waiting_move_and_that_is_reported(
    *, valid: bool
) -> None:
    made = waiting()
    taken = replace(make_task(board_status=B.PROCESSING), status_changed_at=NOW)
    seen = observation(made.base, "Queued", taken, valid=valid, keep_until=SOON)
    assert status_outcome(seen) == StatusOutcome(B.PROCESSING, B.PROCESSING, "both_changed")
    assert (seen.base.waits_for, seen.base.status_kept_until) == (None, None)
    assert "so the move to “Queued” was not taken" in seen.attention
    assert pushes(seen)["Status"] == "Processing"


def test_the_pipeline_may_make_the_move_that_waits() -> None:
    made = waiting(B.UNDER_REVIEW, B.REVIEW_APPROVED)
    approved = make_task(board_status=B.REVIEW_APPROVED, status_changed_at=NOW)
    seen = observation(made.base, "Review Approved", approved, valid=False, keep_until=SOON)
    assert (status_outcome(seen), seen.base.waits_for) == (
        StatusOutcome(B.REVIEW_APPROVED, B.REVIEW_APPROVED),
        None,
    )


# A queued card that becomes invalid


@pytest.mark.parametrize("keep_until", [SOON, None], ids=["for a while", "at once"])
def test_an_invalid_card_is_not_pending(keep_until: Any) -> None:
    base, task = agreed_on(B.QUEUED)
    made = observation(base, "Queued", task, valid=False, keep_until=keep_until)
    assert made.task == replace(task, board_status=B.DRAFT)
    assert (made.moved, made.base.status, made.base.waits_for) == (True, B.DRAFT, B.QUEUED)
    assert ("Status" in pushes(made)) == (keep_until is None)
    mended = observation(made.base, "Queued", made.task, valid=True)
    assert status_outcome(mended) == StatusOutcome(B.QUEUED, B.QUEUED, moved=True)


@each_column
def test_no_column_but_queued_is_left_because_a_card_becomes_invalid(column: BoardStatus) -> None:
    base, task = agreed_on(column)
    made = observation(base, column.value, task, valid=False, keep_until=SOON)
    assert made.task is not None
    assert made.task.board_status is (B.DRAFT if column is B.QUEUED else column)


def test_a_worker_that_took_the_task_first_keeps_it() -> None:
    base, _ = agreed_on(B.QUEUED)
    made = observation(
        base, "Queued", make_task(board_status=B.PROCESSING), valid=False, keep_until=SOON
    )
    assert (status_outcome(made), made.lost) == (StatusOutcome(B.PROCESSING, B.QUEUED), ())
    assert pushes(made) == {"Status": "Processing", "Attention": "Topic is empty."}


def test_a_card_without_a_task_that_was_queued_and_is_invalid_waits_too() -> None:
    """Its task was deleted."""
    made = observation(
        make_base(make_card(status="Queued", updated=EARLIER)),
        "Queued",
        None,
        valid=False,
        keep_until=SOON,
    )
    assert (made.task, made.base.status, made.base.waits_for) == (None, B.DRAFT, B.QUEUED)
