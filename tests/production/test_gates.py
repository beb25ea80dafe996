"""Gates: which finished steps wait for a person, and what a person may decide there."""

from __future__ import annotations

import pytest

from models.production.gates import (
    DEFAULT_GATES,
    Decision,
    Gate,
    Outdated,
    decision_of,
    expect,
    gate_at,
    gate_columns,
    moves_at,
    named_pieces,
)
from models.production.steps import Step
from models.rules.statuses import BoardStatus, people_may_move

B = BoardStatus


def test_composites_and_the_film_wait_for_a_person_by_default() -> None:
    assert {Step.COMPOSITES, Step.ASSEMBLY} == DEFAULT_GATES


@pytest.mark.parametrize("column", list(BoardStatus))
def test_a_task_waits_at_a_gate_only_in_its_done_column(column: BoardStatus) -> None:
    waits = {
        B.COMPOSITES_READY: Step.COMPOSITES,
        B.READY_FOR_REVIEW: Step.ASSEMBLY,
        B.UNDER_REVIEW: Step.ASSEMBLY,
    }
    gate = gate_at(column, 2)
    assert gate == (Gate(step=waits[column], round=2) if column in waits else None)


def test_a_channel_says_which_gates_there_are() -> None:
    assert gate_at(B.COMPOSITES_READY, 1, gates={Step.ASSEMBLY}) is None
    assert gate_at(B.AUDIO_READY, 1, gates={Step.AUDIO}) == Gate(step=Step.AUDIO, round=1)


def test_a_gate_is_passed_by_the_next_working_column_rejected_by_queued_stopped_by_archived() -> (
    None
):
    assert moves_at(Gate(step=Step.COMPOSITES, round=1)) == {
        B.VIDEOS_GENERATING: Decision.APPROVE,
        B.QUEUED: Decision.REJECT,
        B.ARCHIVED: Decision.STOP,
    }


def test_the_columns_of_gates_are_those_in_which_a_task_waits() -> None:
    assert gate_columns({Step.AUDIO, Step.ASSEMBLY}) == {
        B.AUDIO_READY,
        B.READY_FOR_REVIEW,
        B.UNDER_REVIEW,
    }


@pytest.mark.parametrize(
    ("from_", "to", "gate", "decided"),
    [
        (B.COMPOSITES_READY, B.VIDEOS_GENERATING, Step.COMPOSITES, Decision.APPROVE),
        (B.COMPOSITES_READY, B.QUEUED, Step.COMPOSITES, Decision.REJECT),
        (B.COMPOSITES_READY, B.ARCHIVED, Step.COMPOSITES, Decision.STOP),
        (B.UNDER_REVIEW, B.REVIEW_APPROVED, Step.ASSEMBLY, Decision.APPROVE),
        (B.READY_FOR_REVIEW, B.REVIEW_REJECTED, Step.ASSEMBLY, Decision.REJECT),
        (B.READY_FOR_REVIEW, B.UNDER_REVIEW, Step.ASSEMBLY, None),
        (B.AUDIO_GENERATING, B.ARCHIVED, None, Decision.STOP),
        (B.AUDIO_READY, B.ARCHIVED, None, Decision.STOP),
        (B.ERROR_RETRIABLE, B.QUEUED, None, Decision.RETRY),
        (B.REVIEW_REJECTED, B.QUEUED, None, Decision.RETRY),
        (B.ERROR_RETRIABLE, B.DRAFT, None, None),
        (B.QUEUED, B.ARCHIVED, None, None),
        (B.DRAFT, B.QUEUED, None, None),
    ],
)
def test_some_moves_of_people_are_decisions(
    from_: BoardStatus, to: BoardStatus, gate: Step | None, decided: Decision | None
) -> None:
    at = Gate(step=gate, round=1) if gate else None
    assert decision_of(from_, to, at) is decided


def test_the_review_of_the_film_keeps_its_moves() -> None:
    moves = moves_at(Gate(step=Step.ASSEMBLY, round=1))
    assert all(people_may_move(B.READY_FOR_REVIEW, column) for column in moves)


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (None, "waits at no gate any more"),
        (Gate(step=Step.ASSEMBLY, round=1), "waits at “assembly”, round 1"),
        (
            Gate(step=Step.COMPOSITES, round=2),
            "round 2; the decision is about “composites”, round 1",
        ),
    ],
)
def test_a_decision_about_an_older_round_or_gate_is_refused(gate: Gate | None, said: str) -> None:
    with pytest.raises(Outdated, match=said):
        expect(gate, Step.COMPOSITES, 1)


@pytest.mark.parametrize(
    ("comment", "named", "note"),
    [
        ("2, 5: hands", {2, 5}, "hands"),
        ("2 5 : hands\nand eyes", {2, 5}, "hands\nand eyes"),
        ("1-3; 7: too dark", {1, 2, 3, 7}, "too dark"),
        ("4:", {4}, ""),
        ("too dark", set(), "too dark"),
        ("Scene 2: hands", set(), "Scene 2: hands"),
        ("", set(), ""),
    ],
)
def test_a_comment_names_pieces_before_a_colon(comment: str, named: set[int], note: str) -> None:
    assert named_pieces(comment, scenes=18) == (named, note)


@pytest.mark.parametrize("comment", ["0: x", "19: x", "2-999999999: x"])
def test_a_piece_that_is_not_there_is_refused(comment: str) -> None:
    with pytest.raises(ValueError, match="the scenes are 1 to 18"):
        named_pieces(comment, scenes=18)
