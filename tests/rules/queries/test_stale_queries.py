"""When a query's unconfirmed rows are accepted: a truth table, and all histories of two pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product

import pytest
from kit.cards import make_card

from models.sync.observations import (
    EarlierReading,
    confirmed_pages,
    confirms,
    contradicted_reading,
    pages_to_sample,
    same_state,
    state_digest,
)
from models.sync.writes.lost_updates import STATES_KEPT, RecentActivity
from models.tables.card import Card

NOW = datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC)


def known(began: float, ended: float, *, by_id: bool) -> EarlierReading:
    return EarlierReading(NOW + timedelta(seconds=began), NOW + timedelta(seconds=ended), by_id)


PAGE, QUERY = known(10, 11, by_id=True), known(10, 11, by_id=False)


@pytest.mark.parametrize(
    ("witness", "other", "speaks"),
    [
        (PAGE, known(8, 9, by_id=True), True),
        (PAGE, known(8, 9, by_id=False), True),
        (PAGE, known(8, 10, by_id=True), True),
        (PAGE, known(8, 10.5, by_id=True), False),
        (PAGE, known(8, 10.5, by_id=False), False),
        (PAGE, known(12, 13, by_id=True), False),
        (PAGE, PAGE, False),
        (QUERY, QUERY, True),
        (QUERY, known(8, 9, by_id=True), False),
        (QUERY, known(8, 9, by_id=False), False),
        (QUERY, known(12, 13, by_id=False), False),
    ],
)
def test_a_sampled_page_confirms_pages_that_were_read_before_it_or_by_the_same_query(
    witness: EarlierReading,
    other: EarlierReading,
    speaks: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert confirms(witness, other) is speaks


def test_an_edit_of_the_sample_proves_that_the_answer_is_newer_than_the_other_page_at_any_lag() -> (
    None
):
    """All orders of: both readings, the sample's edit, and the age of the answer."""
    times = range(5)
    proved = 0
    for x_began, x_state, x_ended, p_began, p_state, p_ended, edited, answer in product(
        times, repeat=8
    ):
        in_order = x_began <= x_state <= x_ended and p_began <= p_state <= p_ended
        if not in_order or not x_state < edited <= answer:
            continue  # the witness was edited after it was seen, and the answer shows that
        witness, other = known(x_began, x_ended, by_id=True), known(p_began, p_ended, by_id=True)
        if confirms(witness, other):
            proved += 1
            assert answer > p_state
    assert proved > 100


def test_the_two_pages_that_confirm_most_others_are_sampled() -> None:
    unconfirmed = {f"old-{n}": known(0, 1, by_id=False) for n in range(3)} | {
        f"new-{n}": known(2, 3, by_id=False) for n in range(5)
    }
    assert (asked := pages_to_sample(unconfirmed)) == ["new-0", "new-1"]
    assert set(confirmed_pages(unconfirmed, asked)) == {"new-2", "new-3", "new-4"}
    written = {f"page-{n}": known(n, n + 1, by_id=True) for n in range(10)}
    assert (asked := pages_to_sample(written)) == ["page-9", "page-8"]
    assert set(confirmed_pages(written, asked)) == {f"page-{n}" for n in range(8)}


def seen(**values: object) -> Card:
    """A card that was read by id in this minute."""
    recent = RecentActivity(observations=((NOW, NOW),), last_by_id=True)
    return Card(notion_page_id="page-1", **{"recent_activity": recent.as_json(), **values})


def remembering(**changes: object) -> dict[str, object]:
    return {
        "recent_activity": RecentActivity(observations=((NOW, NOW),), last_by_id=True)
        .model_copy(update=changes)
        .as_json()
    }


def test_a_row_that_contradicts_the_last_reading_may_be_confirmed() -> None:
    assert contradicted_reading(seen(), make_card(status="Queued")) == EarlierReading(
        NOW, NOW, by_id=True
    )
    assert contradicted_reading(
        seen(**remembering(last_by_id=False)), make_card()
    ) == EarlierReading(NOW, NOW, by_id=False)


@pytest.mark.parametrize(
    "values",
    [
        {"recent_activity": {}},
        remembering(last_by_id=None),
        remembering(states=(state_digest(make_card(status="Queued")),)),
        remembering(states=tuple("abcdefgh"[:STATES_KEPT])),
        {"write_in_flight": {"at": NOW.isoformat(), "values": {}}},
        {"trashed_at": NOW},
        {"missing_at": NOW},
    ],
    ids=[
        "before this was noted",
        "a write of ours since",
        "a state seen in this minute",
        "too many states in this minute",
        "a write under way",
        "in the trash",
        "not found",
    ],
)
def test_a_row_that_may_be_older_is_never_confirmed(values: dict[str, object]) -> None:
    assert contradicted_reading(seen(**values), make_card(status="Queued")) is None


def test_a_page_is_as_its_row_says_when_all_that_is_followed_is() -> None:
    row = make_card()
    changes = [
        {"title": "x"},
        {"channel": None},
        {"topic": "x"},
        {"story_direction": "x"},
        {"status": "Queued"},
        {"priority": "High"},
        {"created": NOW},
        {"updated": NOW},
        {"attention": "x"},
        {"edited_at": NOW},
        {"in_trash": True},
    ]
    assert same_state(row, make_card(edited_by="somebody else"))
    assert not any(same_state(row, make_card(**change)) for change in changes)
    digests = [state_digest(make_card(**change)) for change in changes[:-2]]
    assert all(one != other for one, other in pairwise(digests))
