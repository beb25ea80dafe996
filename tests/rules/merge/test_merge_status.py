"""Whose Status counts: the truth tables of `plan`.

Only Status differs between the rows; test_merge has the rest.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from kit.cards import (
    StatusOutcome,
    agreed_on,
    agreeing,
    make_base,
    make_card,
    make_task,
    observation,
    status_outcome,
)

from models.rules.merge import plan
from models.rules.merge_base import diff, with_write
from models.rules.statuses import STATE_OF, BoardStatus, LostValue, Status, people_may_move

B = BoardStatus
GATES = frozenset({B.COMPOSITES_READY, B.READY_FOR_REVIEW, B.UNDER_REVIEW})
PRODUCTION = [column for column in B if STATE_OF[column] is Status.PROCESSING]


WITH_TASK = [
    # what happened, agreed, on the board, in the database -> valid card, invalid card
    (
        "same",
        B.QUEUED,
        "Queued",
        B.QUEUED,
        StatusOutcome(B.QUEUED, B.QUEUED),
        StatusOutcome(B.DRAFT, B.DRAFT, "invalid_card", moved=True),
    ),
    (
        "person-queues",
        B.DRAFT,
        "Queued",
        B.DRAFT,
        StatusOutcome(B.QUEUED, B.QUEUED, moved=True),
        StatusOutcome(B.DRAFT, B.DRAFT, "invalid_card"),
    ),
    (
        "person-approves",
        B.UNDER_REVIEW,
        "Review Approved",
        B.UNDER_REVIEW,
        StatusOutcome(B.REVIEW_APPROVED, B.REVIEW_APPROVED, moved=True),
        StatusOutcome(B.UNDER_REVIEW, B.UNDER_REVIEW, "invalid_card"),
    ),
    (
        "person-plans",
        B.DRAFT,
        "Ready for Planning",
        B.DRAFT,
        StatusOutcome(B.READY_FOR_PLANNING, B.READY_FOR_PLANNING, moved=True),
        StatusOutcome(B.READY_FOR_PLANNING, B.READY_FOR_PLANNING, moved=True),
    ),
    (
        "person-archives",
        B.QUEUED,
        "Archived",
        B.QUEUED,
        StatusOutcome(B.ARCHIVED, B.ARCHIVED, moved=True),
        StatusOutcome(B.ARCHIVED, B.ARCHIVED, moved=True),
    ),
    (
        "person-oversteps",
        B.DRAFT,
        "Upload Complete",
        B.DRAFT,
        StatusOutcome(B.DRAFT, B.DRAFT, "not_yours"),
        StatusOutcome(B.DRAFT, B.DRAFT, "not_yours"),
    ),
    (
        "database-edited",
        B.QUEUED,
        "Queued",
        B.PROCESSING,
        StatusOutcome(B.PROCESSING, B.QUEUED),
        StatusOutcome(B.PROCESSING, B.QUEUED),
    ),
    (
        "both-same",
        B.QUEUED,
        "Processing",
        B.PROCESSING,
        StatusOutcome(B.PROCESSING, B.PROCESSING),
        StatusOutcome(B.PROCESSING, B.PROCESSING),
    ),
    (
        "both-differ",
        B.QUEUED,
        "Draft",
        B.PROCESSING,
        StatusOutcome(B.PROCESSING, B.PROCESSING, "both_changed"),
        StatusOutcome(B.PROCESSING, B.PROCESSING, "both_changed"),
    ),
    (
        "unknown-option",
        B.UPLOAD_COMPLETE,
        "Uplaod Complete",
        B.UPLOAD_COMPLETE,
        StatusOutcome(B.UPLOAD_COMPLETE, B.UPLOAD_COMPLETE, "unknown_option"),
        StatusOutcome(B.UPLOAD_COMPLETE, B.UPLOAD_COMPLETE, "unknown_option"),
    ),
    (
        "unknown-option-while-the-database-moved",
        B.QUEUED,
        "Done",
        B.PROCESSING,
        StatusOutcome(B.PROCESSING, B.PROCESSING, "unknown_option"),
        StatusOutcome(B.PROCESSING, B.PROCESSING, "unknown_option"),
    ),
    (
        "emptied-where-draft-is-allowed",
        B.QUEUED,
        None,
        B.QUEUED,
        StatusOutcome(B.DRAFT, B.DRAFT, moved=True),
        StatusOutcome(B.DRAFT, B.DRAFT, moved=True),
    ),
    (
        "emptied-where-draft-is-not",
        B.PROCESSING,
        None,
        B.PROCESSING,
        StatusOutcome(B.PROCESSING, B.PROCESSING, "emptied"),
        StatusOutcome(B.PROCESSING, B.PROCESSING, "emptied"),
    ),
    (
        "emptied-in-a-late-column-that-people-may-move-to-draft",
        B.UPLOAD_COMPLETE,
        None,
        B.UPLOAD_COMPLETE,
        StatusOutcome(B.UPLOAD_COMPLETE, B.UPLOAD_COMPLETE, "emptied"),
        StatusOutcome(B.UPLOAD_COMPLETE, B.UPLOAD_COMPLETE, "emptied"),
    ),
    (
        "emptied-in-draft",
        B.DRAFT,
        None,
        B.DRAFT,
        StatusOutcome(B.DRAFT, B.DRAFT),
        StatusOutcome(B.DRAFT, B.DRAFT),
    ),
]


@pytest.mark.parametrize("valid", [True, False], ids=["valid", "invalid"])
@pytest.mark.parametrize(
    ("agreed", "shown", "database", "if_valid", "if_invalid"),
    [row[1:] for row in WITH_TASK],
    ids=[row[0] for row in WITH_TASK],
)
def test_status_of_a_card_with_a_task(
    agreed: BoardStatus,
    shown: str | None,
    database: BoardStatus,
    if_valid: StatusOutcome,
    if_invalid: StatusOutcome,
    *,
    valid: bool,
) -> None:
    made = observation(agreeing(agreed), shown, make_task(board_status=database), valid=valid)
    assert status_outcome(made) == (if_valid if valid else if_invalid)


WITHOUT_TASK = [
    # what happened, agreed, on the board -> valid card (its task is made), invalid card (it has
    # none)
    ("same", B.DRAFT, "Draft", StatusOutcome(B.DRAFT, B.DRAFT), StatusOutcome(None, B.DRAFT)),
    (
        "person-queues",
        B.DRAFT,
        "Queued",
        StatusOutcome(B.QUEUED, B.QUEUED, moved=True),
        StatusOutcome(None, B.DRAFT, "invalid_card"),
    ),
    (
        "person-plans",
        B.DRAFT,
        "Ready for Planning",
        StatusOutcome(B.READY_FOR_PLANNING, B.READY_FOR_PLANNING, moved=True),
        StatusOutcome(None, B.READY_FOR_PLANNING, moved=True),
    ),
    (
        "person-oversteps",
        B.DRAFT,
        "Processing",
        StatusOutcome(B.DRAFT, B.DRAFT, "not_yours"),
        StatusOutcome(None, B.DRAFT, "not_yours"),
    ),
    (
        "unknown-option",
        B.DRAFT,
        "Done",
        StatusOutcome(B.DRAFT, B.DRAFT, "unknown_option"),
        StatusOutcome(None, B.DRAFT, "unknown_option"),
    ),
    (
        "emptied",
        B.READY_FOR_PLANNING,
        None,
        StatusOutcome(B.DRAFT, B.DRAFT, moved=True),
        StatusOutcome(None, B.DRAFT, moved=True),
    ),
    # An old card in a late column that was not valid: nothing begins there, and people cannot move
    # it on.
    (
        "old-card-same",
        B.ASSETS_READY,
        "Assets Ready",
        StatusOutcome(B.DRAFT, B.DRAFT, "starts_late"),
        StatusOutcome(None, B.ASSETS_READY),
    ),
    (
        "old-card-goes-on",
        B.ASSETS_READY,
        "Uploading",
        StatusOutcome(B.DRAFT, B.DRAFT, "not_yours"),
        StatusOutcome(None, B.ASSETS_READY, "not_yours"),
    ),
    (
        "old-card-gets-an-unknown-option",
        B.ASSETS_READY,
        "Ideas",
        StatusOutcome(B.DRAFT, B.DRAFT, "unknown_option"),
        StatusOutcome(None, B.ASSETS_READY, "unknown_option"),
    ),
    (
        "old-card-finished",
        B.UPLOAD_COMPLETE,
        "Upload Complete",
        StatusOutcome(B.UPLOAD_COMPLETE, B.UPLOAD_COMPLETE),
        StatusOutcome(None, B.UPLOAD_COMPLETE),
    ),
    (
        "old-card-is-archived",
        B.ASSETS_READY,
        "Archived",
        StatusOutcome(B.ARCHIVED, B.ARCHIVED, moved=True),
        StatusOutcome(None, B.ARCHIVED, moved=True),
    ),
    (
        "old-card-to-draft",
        B.ASSETS_READY,
        "Draft",
        StatusOutcome(B.DRAFT, B.DRAFT, moved=True),
        StatusOutcome(None, B.DRAFT, moved=True),
    ),
    (
        "old-card-is-queued",
        B.ASSETS_READY,
        "Queued",
        StatusOutcome(B.QUEUED, B.QUEUED, moved=True),
        StatusOutcome(None, B.ASSETS_READY, "invalid_card"),
    ),
]


@pytest.mark.parametrize("valid", [True, False], ids=["valid", "invalid"])
@pytest.mark.parametrize(
    ("agreed", "shown", "if_valid", "if_invalid"),
    [row[1:] for row in WITHOUT_TASK],
    ids=[row[0] for row in WITHOUT_TASK],
)
def test_status_of_a_card_without_a_task(
    agreed: BoardStatus,
    shown: str | None,
    if_valid: StatusOutcome,
    if_invalid: StatusOutcome,
    *,
    valid: bool,
) -> None:
    assert status_outcome(observation(agreeing(agreed), shown, None, valid=valid)) == (
        if_valid if valid else if_invalid
    )


def test_a_card_without_status_is_a_draft_on_first_contact() -> None:
    made = observation(None, None, None, valid=True)
    assert status_outcome(made) == StatusOutcome(B.DRAFT, B.DRAFT)
    assert diff(made.base, made.task, made.attention) == {"Status": "Draft"}


@pytest.mark.parametrize("valid", [True, False])
def test_an_unknown_status_on_first_contact_is_neither_followed_nor_overwritten(
    *, valid: bool
) -> None:
    made = observation(None, "Ideas", None, valid=valid)
    assert status_outcome(made) == StatusOutcome(None, None, "unknown_option")
    assert set(diff(made.base, made.task, made.attention)) == {"Attention"}
    assert made.attention.endswith(
        "“Ideas” is not a status Showrunner knows; "
        "a card starts in “Draft”, “Ready for Planning” or “Queued”: move it there."
    )


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param("Processing", StatusOutcome(B.PROCESSING, B.PROCESSING), id="agreeing"),
        pytest.param(
            "Draft", StatusOutcome(B.PROCESSING, B.PROCESSING, "both_changed"), id="differing"
        ),
        pytest.param(
            "Done", StatusOutcome(B.PROCESSING, B.PROCESSING, "unknown_option"), id="unknown"
        ),
        pytest.param(None, StatusOutcome(B.PROCESSING, B.PROCESSING), id="empty"),
    ],
)
@pytest.mark.parametrize("valid", [True, False], ids=["valid", "invalid"])
def test_first_contact_with_a_card_whose_task_exists_keeps_the_database(
    shown: str | None,
    expected: StatusOutcome,
    *,
    valid: bool,
) -> None:
    assert (
        status_outcome(observation(None, shown, make_task(board_status=B.PROCESSING), valid=valid))
        == expected
    )


@pytest.mark.parametrize("from_", B)
def test_a_move_on_the_board_alone_is_taken_exactly_when_people_may_make_it(
    from_: BoardStatus,
) -> None:
    base, task = agreed_on(from_)
    for to in [column for column in B if column is not from_]:
        made = observation(base, to.value, task, valid=True)
        pushed = diff(made.base, made.task, made.attention)
        if people_may_move(from_, to):
            assert (status_outcome(made), made.attention) == (StatusOutcome(to, to, moved=True), "")
            assert pushed == {}
        else:
            assert status_outcome(made) == StatusOutcome(from_, from_, "not_yours")
            assert pushed == {"Status": from_.value, "Attention": made.attention}
            assert made.attention.startswith(
                f"A card cannot be moved from “{from_}” to “{to}” by hand; "
                f"it goes back to “{from_}”. From “{from_}” "
            )


@pytest.mark.parametrize("now", PRODUCTION)
def test_a_worker_that_took_the_task_beats_the_person_who_pulls_it_back(now: BoardStatus) -> None:
    made = observation(agreeing(B.QUEUED), "Draft", make_task(board_status=now), valid=True)
    assert made.lost == (
        LostValue(
            property="Status",
            action="overruled",
            reason="both_changed",
            value="Draft",
            kept=now.value,
        ),
    )
    assert made.attention == (
        f"The pipeline moved this card to “{now}” meanwhile, so the move to “Draft” was not taken. "
        f"From “{now}” people may move it to “Archived”."
    )


@pytest.mark.parametrize("from_", B)
def test_at_a_gate_the_moves_that_decide_are_taken_and_no_other(from_: BoardStatus) -> None:
    base, task = agreed_on(from_)
    for to in [column for column in B if column is not from_]:
        made = observation(base, to.value, task, valid=True, gates=GATES)
        allowed = people_may_move(from_, to, GATES)
        column = to if allowed else from_
        assert status_outcome(made) == StatusOutcome(
            column, column, None if allowed else "not_yours", moved=allowed
        )


def test_a_refused_move_at_a_gate_says_which_moves_decide() -> None:
    base, task = agreed_on(B.COMPOSITES_READY)
    made = observation(base, "Draft", task, valid=True, gates=GATES)
    assert made.attention == (
        "A card cannot be moved from “Composites Ready” to “Draft” by hand; "
        "it goes back to “Composites Ready”. From “Composites Ready” people may move it to "
        "“Queued”, “Videos Generating” or “Archived”."
    )


def test_a_drag_at_a_gate_decides_about_no_round_that_the_board_did_not_show() -> None:
    base, task = agreed_on(B.COMPOSITES_READY)
    again = replace(task, status_changed_at=task.status_changed_at + timedelta(hours=1))
    made = observation(base, "Videos Generating", again, valid=True, gates=GATES)
    assert status_outcome(made) == StatusOutcome(
        B.COMPOSITES_READY, B.COMPOSITES_READY, "both_changed"
    )
    written = diff(made.base, made.task, made.attention)
    shown = replace(with_write(made.base, written), rejection="")
    dragged = make_card(status="Videos Generating", updated=shown.shown.updated)
    assert plan(shown, dragged, made.task, [], gates=GATES).moved


def test_a_move_by_hand_to_a_gate_can_be_followed_by_another_at_once() -> None:
    base, task = agreed_on(B.UNDER_REVIEW)
    back = observation(base, "Ready for Review", task, valid=True, gates=GATES)
    moved_at = task.status_changed_at + timedelta(hours=1)
    assert back.task is not None
    stored = replace(back.base, updated=moved_at)  # as `models.sync.reconcile` stamps it
    moved = replace(back.task, status_changed_at=moved_at)
    assert observation(stored, "Review Approved", moved, valid=True, gates=GATES).moved


def test_a_gate_of_another_channel_is_none() -> None:
    base, task = agreed_on(B.AUDIO_READY)
    made = observation(base, "SFX Generating", task, valid=True, gates=GATES)
    assert status_outcome(made) == StatusOutcome(B.AUDIO_READY, B.AUDIO_READY, "not_yours")


def test_an_invalid_card_passes_no_gate_before_it_is_complete_but_can_be_stopped() -> None:
    base, task = agreed_on(B.COMPOSITES_READY)
    waits = observation(base, "Videos Generating", task, valid=False, gates=GATES)
    assert status_outcome(waits).lost == "invalid_card"
    assert waits.task is not None
    assert waits.task.board_status is B.COMPOSITES_READY
    assert observation(base, "Archived", task, valid=False, gates=GATES).moved


def test_an_approval_can_be_withdrawn_until_the_upload_has_begun() -> None:
    base, task = agreed_on(B.REVIEW_APPROVED)
    assert observation(base, "Under Review", task, valid=True).moved
    uploading = observation(base, "Under Review", make_task(board_status=B.UPLOADING), valid=True)
    assert status_outcome(uploading) == StatusOutcome(B.UPLOADING, B.UPLOADING, "both_changed")


def test_a_second_wish_is_judged_from_where_the_card_should_stand_now() -> None:
    base, task = agreed_on(B.READY_FOR_REVIEW)
    refused = observation(base, "Queued", task, valid=True)
    assert status_outcome(refused) == StatusOutcome(
        B.READY_FOR_REVIEW, B.READY_FOR_REVIEW, "not_yours"
    )
    approved = plan(refused.base, make_card(status="Review Approved"), refused.task, [])
    assert status_outcome(approved) == StatusOutcome(
        B.REVIEW_APPROVED, B.REVIEW_APPROVED, moved=True
    )


def test_a_card_that_is_completed_and_queued_at_once_is_queued() -> None:
    assert status_outcome(observation(make_base(), "Queued", None, valid=True)) == StatusOutcome(
        B.QUEUED, B.QUEUED, moved=True
    )
