"""When to ask whether cards are still on the board: often enough, and for little."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest
from kit.cards import NOW

from models.rules.statuses import BoardStatus
from models.sync.trashed_cards import CYCLE, GOING_ON, PAGE, RoundKind, Rounds

DAY = 24 * 60


def asked(
    going_on: int, cards: int, minutes: int, *, clustered: int = 1
) -> dict[tuple[RoundKind, int], list[int]]:
    """The minutes at which each hundred of each round's cards is checked, with a cycle per minute.

    Args:
        going_on, cards: how many there are.
        clustered: how many requests a step takes.
    """
    moments: dict[tuple[RoundKind, int], list[int]] = defaultdict(list)
    pages = {RoundKind.GOING_ON: -(-going_on // PAGE), RoundKind.ALL: -(-cards // PAGE)}
    rounds, places = Rounds.first(NOW, cards), dict.fromkeys(RoundKind, 0)
    for minute in range(minutes):
        now = NOW + minute * CYCLE
        which = rounds.next(now)
        if which is None:
            continue
        place, places[which] = places[which], (places[which] + 1) % max(1, pages[which])
        rounds = rounds.stepped(which, now, NOW if places[which] else None)
        if pages[which]:
            moments[which, place].append(minute)
            rounds = rounds.paid(now, clustered)
    return moments


def longest(moments: list[int], end: int) -> int:
    """Minutes between two of them, from the beginning to the end."""
    return max(
        later - earlier for earlier, later in zip([0, *moments], [*moments, end], strict=True)
    )


@pytest.mark.parametrize("going_on", [1, 100, 101, 450, 600])
@pytest.mark.parametrize("cards", [1000, 30_000])
def test_each_card_that_is_going_on_is_asked_for_every_ten_minutes(
    going_on: int, cards: int
) -> None:
    moments = asked(going_on, cards, DAY)
    gaps = [longest(at, DAY) for (which, _), at in moments.items() if which is RoundKind.GOING_ON]
    assert len(gaps) == -(-going_on // PAGE)
    assert max(gaps) <= 10


@pytest.mark.parametrize(("going_on", "cards"), [(0, 1), (50, 1000), (100, 10_000), (300, 40_000)])
def test_every_card_is_asked_for_within_a_day(going_on: int, cards: int) -> None:
    moments = asked(going_on, cards, 3 * DAY)
    gaps = [longest(at, 3 * DAY) for (which, _), at in moments.items() if which is RoundKind.ALL]
    assert len(gaps) == -(-cards // PAGE)
    assert max(gaps) <= DAY


@pytest.mark.parametrize(
    ("going_on", "cards"), [(0, 1), (50, 1000), (700, 10_000), (20_000, 200_000)]
)
@pytest.mark.parametrize("clustered", [1, 12])
def test_it_costs_at_most_one_request_a_cycle_in_the_mean(
    going_on: int, cards: int, clustered: int
) -> None:
    steps = sum(map(len, asked(going_on, cards, DAY, clustered=clustered).values()))
    assert steps * clustered <= DAY + clustered


def test_a_board_of_the_usual_size_costs_a_request_every_six_minutes() -> None:
    steps = sum(map(len, asked(80, 1000, DAY).values()))
    assert steps <= DAY / 6 + DAY / 100


def test_a_cycle_that_comes_a_little_early_takes_its_step_all_the_same() -> None:
    rounds = Rounds.first(NOW, 10).stepped(RoundKind.GOING_ON, NOW, NOW).paid(NOW, 1)
    assert rounds.next(NOW + CYCLE - timedelta(seconds=20)) is RoundKind.GOING_ON
    assert rounds.next(NOW + CYCLE - timedelta(seconds=40)) is None


def test_what_is_remembered_is_read_back() -> None:
    rounds = Rounds.first(NOW, 10).stepped(RoundKind.GOING_ON, NOW, NOW).paid(NOW, 3)
    assert Rounds.from_json(rounds.as_json()) == rounds


def test_what_a_worker_may_take_or_has_taken_and_what_is_in_review_is_going_on() -> None:
    resting = {column for column in BoardStatus if column not in GOING_ON}
    assert resting == {
        *(BoardStatus.DRAFT, BoardStatus.READY_FOR_PLANNING, BoardStatus.REVIEW_REJECTED),
        *(BoardStatus.UPLOAD_COMPLETE, BoardStatus.ARCHIVED),
        *(
            BoardStatus.ERROR_INVALID_INPUT,
            BoardStatus.ERROR_API_FAILURE,
            BoardStatus.ERROR_MANUAL_REVIEW,
        ),
    }
