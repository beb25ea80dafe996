"""Laws of the two status maps, and of the moves, for any name and any sequence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.rules.statuses import (
    CANONICAL,
    INTERNAL_TO_NOTION_STATUS,
    NOTION_TO_INTERNAL_STATUS,
    PEOPLE_MAY_MOVE,
    STATE_OF,
    BoardStatus,
    Priority,
    Status,
    board_status,
    priority,
)

columns = st.sampled_from([*BoardStatus])
states = st.sampled_from([*Status])
changes = st.sampled_from(
    [str.lower, str.upper, str.swapcase, " {}".format, "{} ".format, lambda name: name[:-1]]
)
misspelt = st.builds(lambda column, change: change(column.value), columns, changes)
priorities = st.builds(
    lambda urgency, change: change(urgency.option), st.sampled_from([*Priority]), changes
)
anything = st.one_of(st.text(st.characters()), misspelt)


@given(states)
def test_a_state_goes_to_its_column_and_back_to_itself(state: Status) -> None:
    assert NOTION_TO_INTERNAL_STATUS[INTERNAL_TO_NOTION_STATUS[state.value]] == state.value


@given(columns)
def test_a_column_goes_to_its_state_and_back_within_it_and_then_stays(column: BoardStatus) -> None:
    shown = INTERNAL_TO_NOTION_STATUS[NOTION_TO_INTERNAL_STATUS[column.value]]
    assert NOTION_TO_INTERNAL_STATUS[shown] == NOTION_TO_INTERNAL_STATUS[column.value]
    assert INTERNAL_TO_NOTION_STATUS[NOTION_TO_INTERNAL_STATUS[shown]] == shown
    assert CANONICAL[STATE_OF[column]].value == shown


@given(columns, columns)
def test_the_pair_of_state_and_column_distinguishes_columns_of_one_state(
    one: BoardStatus, other: BoardStatus
) -> None:
    assume(one is not other)
    assert (STATE_OF[one], one) != (STATE_OF[other], other)
    assert board_status(one.value) is one


@given(anything)
def test_a_name_that_is_not_one_of_the_26_is_never_mapped_to_a_default(name: str) -> None:
    known = name in {column.value for column in BoardStatus}
    assert (board_status(name) is not None) == known
    assert (name in NOTION_TO_INTERNAL_STATUS) == known


@given(st.none() | anything | priorities)
def test_every_name_of_a_priority_means_one_of_three(name: str | None) -> None:
    meant = priority(name)
    assert meant in Priority
    assert (meant is Priority.NORMAL) or (name or "").lower() == meant.value, (
        "no name but its own, in any case"
    )


@given(columns, st.data())
def test_no_sequence_of_peoples_moves_ends_in_production(start: BoardStatus, data: Any) -> None:
    here = start
    for _ in range(6):
        targets = sorted(PEOPLE_MAY_MOVE.get(here, ()))
        if not targets:
            break
        here = data.draw(st.sampled_from(targets))
    assert here is start or STATE_OF[here] is not Status.PROCESSING


@pytest.mark.parametrize("mapping", [NOTION_TO_INTERNAL_STATUS, INTERNAL_TO_NOTION_STATUS])
def test_nobody_changes_a_map_while_it_is_used(mapping: Any) -> None:
    with pytest.raises(TypeError):
        mapping["Draft"] = "pending"
