"""How long a rejection is shown: until the next accepted move, or a move of the pipeline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from kit.cards import (
    EARLIER,
    NO_TOPIC,
    NOW,
    StatusOutcome,
    agreed_on,
    agreeing,
    make_base,
    make_card,
    make_task,
    observation,
    replan,
    status_outcome,
)

from models.rules.merge import Plan, plan
from models.rules.merge_base import diff, with_write
from models.rules.statuses import BoardStatus

B = BoardStatus


def refused_card() -> Plan:
    base, task = agreed_on(B.PROCESSING)
    return observation(base, "Draft", task, valid=True)


def test_a_refusal_stays_after_the_card_went_back() -> None:
    refused = refused_card()
    written = diff(refused.base, refused.task, refused.attention)
    back = make_card(status="Processing", attention=refused.attention)
    put_back = plan(with_write(refused.base, written), back, refused.task, [])
    assert put_back.attention == refused.attention != ""
    assert diff(put_back.base, put_back.task, put_back.attention) == {}


@pytest.mark.parametrize("from_", BoardStatus)
@pytest.mark.parametrize("followed", [True, False])
def test_a_refusal_names_every_move_that_would_be_granted_and_no_other(
    from_: BoardStatus,
    followed: bool,  # noqa: FBT001
) -> None:
    base, task = agreed_on(from_)
    known = task if followed else None
    for to in ["Someday", *BoardStatus]:
        made = observation(base, to, known, valid=followed)
        status = [
            lost
            for lost in made.lost
            if lost.property == "Status" and lost.reason != "invalid_card"
        ]
        if not status:
            continue
        said = made.attention.split(f" From “{from_}” ")[1]
        granted = set()
        for column in BoardStatus:
            moved = plan(
                made.base,
                make_card(status=column, topic="Anglerfish"),
                made.task,
                [],
                keep_until=None,
            )
            granted |= {column} if moved.moved else set()
        assert {column for column in BoardStatus if f"“{column}”" in said} == granted, said
        assert granted or said == "only the pipeline moves it."


def test_a_refusal_ends_with_the_next_accepted_move() -> None:
    base, task = agreed_on(B.READY_FOR_REVIEW)
    refused = observation(base, "Draft", task, valid=True)
    assert refused.attention
    moved = plan(refused.base, make_card(status="Under Review"), refused.task, [])
    assert (moved.moved, moved.attention) == (True, "")


def test_a_refusal_ends_when_the_pipeline_moves_the_card() -> None:
    refused = refused_card()
    assert refused.task is not None
    ctx = replace(refused.task, board_status=B.ASSETS_READY, status_changed_at=NOW)
    seen = plan(refused.base, make_card(status="Draft"), ctx, [])
    assert seen.attention == ""
    assert diff(seen.base, seen.task, seen.attention)["Status"] == "Assets Ready"


def test_a_refusal_outlives_every_other_change_of_the_task() -> None:
    refused = refused_card()
    assert refused.task is not None
    renamed = replace(refused.task, created_at=refused.task.created_at - timedelta(days=1))
    seen = plan(refused.base, make_card(status="Draft", title="Else"), renamed, [])
    assert seen.attention == refused.attention


def test_a_new_refusal_replaces_the_old_one() -> None:
    refused = refused_card()
    second = plan(refused.base, make_card(status="Uploading"), refused.task, [])
    assert "“Uploading”" in second.attention
    assert "“Draft”" not in second.attention


def test_an_overruled_move_is_reported_until_the_pipeline_moves_on() -> None:
    overruled = observation(
        agreeing(B.QUEUED), "Draft", make_task(board_status=B.PROCESSING), valid=True
    )
    assert replan(overruled, make_card(status="Draft")).attention == overruled.attention != ""
    assert overruled.task is not None
    ctx = replace(overruled.task, board_status=B.ASSETS_READY, status_changed_at=NOW)
    assert plan(overruled.base, make_card(status="Draft"), ctx, []).attention == ""


def test_correcting_an_unknown_status_ends_its_refusal() -> None:
    unknown = observation(None, "Ideas", None, valid=True)
    corrected = plan(unknown.base, make_card(status="Draft"), None, [])
    assert status_outcome(corrected) == StatusOutcome(B.DRAFT, B.DRAFT, moved=True)
    assert corrected.attention == ""


def test_a_card_queued_out_of_an_unknown_status_says_only_what_is_wrong_now() -> None:
    unknown = observation(None, "Ideas", None, valid=False)
    queued = plan(unknown.base, make_card(status="Queued", topic=""), None, [NO_TOPIC])
    assert status_outcome(queued) == StatusOutcome(None, B.DRAFT, "invalid_card")
    assert "Ideas" not in queued.attention
    assert queued.attention.startswith("Topic is empty. This card was moved back from “Queued”")


def test_violations_stay_until_they_are_mended_and_stand_before_the_refusal() -> None:
    base, task = agreed_on(B.PROCESSING)
    made = observation(base, "Draft", task, valid=False)
    assert made.attention.startswith("Topic is empty. A card cannot be moved")
    mended = plan(made.base, make_card(status="Draft"), made.task, [])
    assert mended.attention.startswith("A card cannot be moved")


def test_a_refusal_made_before_there_was_a_task_is_outdated_by_the_tasks_first_change() -> None:
    base = make_base()
    refused = observation(base, "Processing", None, valid=False)
    assert (refused.task, refused.base.rejected_at_status_change) == (None, None)
    made = plan(refused.base, make_card(status="Processing", updated=EARLIER), None, [])
    assert made.task is not None
    assert made.base.rejected_at_status_change == made.task.status_changed_at
    assert made.attention.startswith("A card cannot be moved")
    ctx = replace(made.task, board_status=B.QUEUED, status_changed_at=NOW)
    assert plan(made.base, make_card(status="Processing"), ctx, []).attention == ""


def test_a_priority_that_does_not_exist_is_reported_on_the_card() -> None:
    base, task = agreed_on(B.QUEUED)
    seen = plan(base, make_card(status="Queued", priority="Urgent"), task, [])
    assert seen.attention == "“Urgent” is not a priority Showrunner knows; it was set to “Normal”."
    assert diff(seen.base, seen.task, seen.attention)["Priority"] == "Normal"
    new = plan(None, make_card(priority="Urgent"), None, [])
    assert "Urgent" in new.attention
