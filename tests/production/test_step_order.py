"""The steps of production stand in the order of the board's columns, and know what they need."""

from __future__ import annotations

import pytest

from models.production.steps import STEPS, Step, is_working, made_again_with, step_after, step_of
from models.rules.statuses import BoardStatus

B = BoardStatus


def test_every_step_has_its_two_columns_in_the_order_of_the_board() -> None:
    columns = [column for step in Step for column in (STEPS[step].working, STEPS[step].done)]
    order = list(BoardStatus)
    assert columns == sorted(columns, key=order.index)
    assert len(set(columns)) == 2 * len(Step)


def test_steps_follow_each_other_to_the_end() -> None:
    walked, step = [], step_after(None)
    while step is not None:
        walked.append(step)
        step = step_after(step)
    assert walked == list(Step)


@pytest.mark.parametrize(
    ("column", "step", "working"),
    [
        (B.DRAFT, None, False),
        (B.QUEUED, None, False),
        (B.PROCESSING, None, False),
        (B.ASSETS_GENERATING, Step.ASSETS, True),
        (B.ASSETS_READY, Step.ASSETS, False),
        (B.COMPOSITES_READY, Step.COMPOSITES, False),
        (B.ASSEMBLING_VIDEO, Step.ASSEMBLY, True),
        (B.READY_FOR_REVIEW, Step.ASSEMBLY, False),
        (B.UNDER_REVIEW, Step.ASSEMBLY, False),
        (B.REVIEW_APPROVED, Step.ASSEMBLY, False),
        (B.REVIEW_REJECTED, None, False),
        (B.UPLOADING, Step.UPLOAD, True),
        (B.ERROR_RETRIABLE, None, False),
        (B.ARCHIVED, None, False),
    ],
)
def test_a_column_says_which_step_is_under_way_or_done(
    column: BoardStatus,
    step: Step | None,
    working: bool,  # noqa: FBT001
) -> None:
    assert (step_of(column), is_working(column)) == (step, working)


@pytest.mark.parametrize(
    ("step", "again"),
    [
        (Step.ASSETS, {Step.ASSETS, Step.COMPOSITES, Step.VIDEOS, Step.ASSEMBLY, Step.UPLOAD}),
        (Step.VIDEOS, {Step.VIDEOS, Step.ASSEMBLY, Step.UPLOAD}),
        (Step.AUDIO, {Step.AUDIO, Step.ASSEMBLY, Step.UPLOAD}),
        (Step.SFX, {Step.SFX, Step.ASSEMBLY, Step.UPLOAD}),
        (Step.UPLOAD, {Step.UPLOAD}),
    ],
)
def test_what_is_made_from_a_piece_is_made_again_with_it(step: Step, again: set[Step]) -> None:
    assert made_again_with(step) == again


def test_no_step_needs_a_later_one() -> None:
    order = list(Step)
    for step, rule in STEPS.items():
        assert all(order.index(needed) < order.index(step) for needed in rule.needs)
