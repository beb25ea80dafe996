"""A card that is dragged to Archived while the pipeline moves it on."""

from __future__ import annotations

import pytest
from kit.cards import StatusOutcome, agreeing, make_task, observation, status_outcome

from models.rules.statuses import IN_WORK, BoardStatus, people_may_move

B = BoardStatus
pairs = pytest.mark.parametrize(
    ("seen", "now"), [(one, other) for one in B for other in B if B.ARCHIVED not in (one, other)]
)


@pairs
def test_it_is_stopped_if_people_may_stop_it_where_they_saw_it_and_it_is_in_work_by_now(
    seen: BoardStatus, now: BoardStatus
) -> None:
    made = observation(agreeing(seen), "Archived", make_task(board_status=now), valid=True)
    if people_may_move(seen, B.ARCHIVED) and (now in IN_WORK or now is seen):
        assert status_outcome(made) == StatusOutcome(B.ARCHIVED, B.ARCHIVED, moved=True)
        assert made.attention == ""
    else:
        assert status_outcome(made).database is now
        assert made.attention != ""
