"""When board and database reach the same value in different ways, they agree on it from then on."""

from __future__ import annotations

from dataclasses import replace

from kit.cards import NOW, agreed_on, make_card, observation

from models.rules.merge import plan
from models.rules.statuses import BoardStatus, Priority

B = BoardStatus


def test_a_refused_move_that_the_pipeline_then_made_is_where_the_next_one_starts() -> None:
    base, task = agreed_on(B.READY_FOR_REVIEW)
    refused = observation(base, "Queued", task, valid=True)
    assert refused.lost
    assert refused.task is not None
    made = replace(refused.task, board_status=B.QUEUED, status_changed_at=NOW)
    moved = plan(refused.base, make_card(status="Draft"), made, [])
    assert (moved.lost, moved.moved) == ((), True)
    assert moved.task is not None
    assert moved.task.board_status is B.DRAFT


def test_an_overruled_priority_that_the_pipeline_then_set_is_what_the_next_one_changes() -> None:
    base, task = agreed_on(B.QUEUED)
    low = replace(task, priority=Priority.LOW)
    overruled = plan(base, make_card(status="Queued", priority="High"), low, [])
    assert [lost.reason for lost in overruled.lost] == ["both_changed"]
    high = replace(low, priority=Priority.HIGH)
    changed = plan(overruled.base, make_card(status="Queued", priority="Normal"), high, [])
    assert changed.lost == ()
    assert changed.task is not None
    assert changed.task.priority is Priority.NORMAL
