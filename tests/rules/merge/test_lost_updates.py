"""Lost updates: what proves that a write of ours replaced an edit that was never read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.rules.board_schema import Board, Property
from models.sync.writes.lost_updates import (
    AGGREGATION_WINDOW,
    LostUpdate,
    RecentActivity,
    ReportedEdit,
    parse_reported_edit,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ME, ADA = "bot", "ada"
BOARD = Board(
    data_source_id="source",
    properties={
        name: Property(id=id_, name=name, type="select")
        for name, id_ in (("Status", "a%3Ab"), ("Priority", "prio"))
    },
    computed_ids=frozenset({"min%2Futes"}),
)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def written(changed: tuple[str, ...] = (), **values: str) -> RecentActivity:
    """A card read from 0 to 1 s, which showed these changes, and written to from 10 to 11 s."""
    looked = RecentActivity().with_reading(at(0), at(1), changed)
    given = values or {"Status": "Processing", "Updated": "now"}
    return looked.with_write(given, at(10), at(11), dict.fromkeys(given, "Queued")).with_reading(
        at(10), at(11), ()
    )


def claim(seconds: float, *names: str, alone: bool = True) -> ReportedEdit:
    return ReportedEdit(at=at(seconds), properties=frozenset(names or ("Status",)), alone=alone)


def found(recent: RecentActivity, *claims: ReportedEdit) -> list[str]:
    return [edit.name for edit in recent.with_reported(claims).unexplained()[0]]


# An event of people alone


@pytest.mark.parametrize("seconds", [0.5, 5, 11])
def test_an_edit_between_the_last_reading_and_the_end_of_the_write_was_overwritten(
    seconds: float,
) -> None:
    assert found(written(), claim(seconds)) == ["Status"]


@pytest.mark.parametrize("seconds", [-1, 0, 11.5])
def test_an_edit_before_the_reading_or_after_the_write_was_not(seconds: float) -> None:
    assert found(written(), claim(seconds)) == []


def test_an_edit_of_what_was_not_written_is_nobodys_loss() -> None:
    assert found(written(), claim(5, "Priority")) == []
    assert found(written(Attention="Topic is empty."), claim(5, "Attention")) == []


def test_an_edit_that_a_later_reading_showed_is_not_lost() -> None:
    recent = written().with_reading(at(20), at(21), ["Status"])
    assert found(recent, claim(5)) == []


def test_what_the_reading_before_showed_explains_no_later_edit() -> None:
    recent = written(("Status",))
    assert found(recent, claim(0.5)) == []
    assert found(recent, claim(5)) == ["Status"]


def test_aggregated_with_another_property_an_edit_may_be_the_one_that_was_read() -> None:
    assert found(written(("Status",)), claim(5, "Status", "Title")) == []
    assert found(written(), claim(5, "Status", "Title")) == ["Status"]


# An event gathered with our own write


def test_aggregated_with_our_write_an_edit_of_nothing_else_was_overwritten() -> None:
    both = claim(10.5, "Status", "Updated", alone=False)
    assert found(written(), both) == ["Status"]
    assert found(written(), claim(10.5, "Status", alone=False)) == ["Status"]


def test_aggregated_with_our_write_and_anything_else_nothing_is_proved() -> None:
    assert found(written(), claim(10.5, "Status", "Notes", alone=False)) == []


def test_aggregated_with_our_write_a_reading_explains_it() -> None:
    both = claim(10.5, "Status", "Updated", alone=False)
    assert found(written(("Status",)), both) == []
    assert found(written(("Title",)), both) == []
    long_ago = RecentActivity().with_reading(
        at(0) - AGGREGATION_WINDOW, at(1) - AGGREGATION_WINDOW, ["Title"]
    )
    wrote = long_ago.with_reading(at(0), at(1), ()).with_write(
        {"Status": "Processing"}, at(10), at(11), {"Status": "Queued"}
    )
    assert found(wrote, claim(10.5, alone=False)) == ["Status"]


def test_both_two_way_properties_may_have_been_the_one() -> None:
    recent = written(Status="Processing", Priority="High").with_reported(
        [claim(10.5, "Status", "Priority", alone=False)]
    )
    assert recent.unexplained()[0] == [
        LostUpdate(name="Status or Priority", written="Processing, High")
    ]


# Order


def test_an_event_may_come_before_the_answer_to_our_write_is_stored() -> None:
    recent = RecentActivity().with_reading(at(0), at(1), ()).with_reported([claim(5)])
    edits, recent = recent.unexplained()
    assert edits == []
    recent = recent.with_write({"Status": "Processing"}, at(10), at(11), {"Status": "Queued"})
    edits, recent = recent.unexplained()
    assert edits == [LostUpdate(name="Status", written="Processing")]
    assert recent.unexplained()[0] == []


def test_an_event_that_is_delivered_twice_is_reported_once() -> None:
    edits, recent = written().with_reported([claim(5), claim(5)]).unexplained()
    assert len(edits) == 1
    assert recent.claims == ()
    edits, recent = recent.with_reported([claim(5), claim(6)]).unexplained()
    assert edits == []
    assert recent.claims == ()


def test_a_write_that_a_reading_overtook_goes_back_to_the_reading_before_it() -> None:
    recent = RecentActivity().with_reading(at(0), at(1), ()).with_reading(at(10.2), at(10.4), ())
    recent = recent.with_write({"Status": "Processing"}, at(10), at(11))
    assert found(recent, claim(5)) == ["Status"]


def test_only_a_cards_last_moments_are_kept() -> None:
    recent = RecentActivity()
    for n in range(100):
        recent = recent.with_reading(at(100 * n), at(100 * n + 1), ["Status"]).with_reported(
            [claim(100 * n, "Title")]
        )
        recent = recent.with_write(
            {"Status": "Processing"}, at(100 * n + 10), at(100 * n + 11), {"Status": "Queued"}
        )
    assert len(str(recent.as_json())) < 3000


# What a look caught


def shown(status: str) -> dict[str, Any]:
    return {"Status": status, "Priority": "Normal"}


def test_a_value_that_a_reading_showed_before_our_write_replaced_it_is_known() -> None:
    edits, recent = written().overwritten(shown("Draft"), at(5), at(6))
    assert edits == [LostUpdate(name="Status", written="Processing", value="Draft", known=True)]
    assert "“Draft”" in edits[0].sentence
    assert found(recent, claim(5)) == []


@pytest.mark.parametrize("status", ["Queued", "Processing"])
def test_a_reading_that_shows_known_values_proves_nothing(status: str) -> None:
    assert written().overwritten(shown(status), at(5), at(6))[0] == []


@pytest.mark.parametrize("began", [0.5, 11])
def test_a_reading_outside_the_span_proves_nothing(began: float) -> None:
    assert written().overwritten(shown("Draft"), at(began), at(12))[0] == []


# Remembering


def test_what_is_remembered_survives_the_database() -> None:
    recent = written(("Status",)).with_reported([claim(50)])
    assert RecentActivity.from_json(recent.as_json()) == recent
    assert RecentActivity.from_json({}) == RecentActivity()


def test_what_another_release_wrote_otherwise_is_forgotten() -> None:
    assert RecentActivity.from_json({"writes": [{"what": "else"}]}) == RecentActivity()


# What an event says


def event(**values: Any) -> dict[str, Any]:
    usual = {
        "timestamp": "2026-11-23T12:00:05.000Z",
        "authors": [{"id": ADA, "type": "person"}],
        "data": {"updated_properties": ["a%3Ab", "else", "min%2Futes"]},
    }
    return {**usual, **values}


def test_an_event_names_properties_by_encoded_ids() -> None:
    assert parse_reported_edit(event(), at(6), BOARD, {ME}) == ReportedEdit(
        at=at(5), properties=frozenset({"Status", "else"}), alone=True
    )


def test_an_event_of_ours_and_theirs_is_gathered() -> None:
    authors = [{"id": ADA, "type": "person"}, {"id": ME, "type": "bot"}]
    made = parse_reported_edit(event(authors=authors), at(6), BOARD, {ME})
    assert made is not None
    assert not made.alone


@pytest.mark.parametrize(
    "values",
    [
        {"authors": [{"id": ME}]},
        {"authors": []},
        {"authors": None},
        {"data": {}},
        {"data": None},
        {"data": {"updated_properties": None}},
        {"data": {"updated_properties": []}},
        {"data": {"updated_properties": ["min%2Futes"]}},
        {"timestamp": "soon"},
        {"timestamp": None},
        {"timestamp": "2026-11-23T12:00:05"},
    ],
)
def test_an_event_without_authors_properties_or_time_reports_no_edit(
    values: dict[str, Any],
) -> None:
    assert parse_reported_edit(event(**values), at(6), BOARD, {ME}) is None


def test_an_event_of_last_year_reports_no_edit() -> None:
    assert parse_reported_edit(event(), at(24 * 3600), BOARD, {ME}) is not None
    assert parse_reported_edit(event(), at(26 * 3600), BOARD, {ME}) is None
