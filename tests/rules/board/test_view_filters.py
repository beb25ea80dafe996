"""Which cards a view's filter shows, however it is said."""

from __future__ import annotations

from typing import Any

import pytest

from models.board.view_filters import filter_of, options_shown

OPTIONS = ("Draft", "Queued", "Error: Retriable")


def status(**condition: Any) -> dict[str, Any]:
    return {"property": "Status", "select": condition}


def shown(filter_: Any) -> frozenset[str | None] | None:
    return options_shown(filter_, lambda reference: reference in {"Status", "st%3A1"}, OPTIONS)


@pytest.mark.parametrize(
    ("filter_", "cards"),
    [
        (None, {*OPTIONS, None}),
        (status(equals="Draft"), {"Draft"}),
        (status(equals=["Draft", "Queued"]), {"Draft", "Queued"}),
        ({"property": "st%3A1", "status": {"equals": "Draft"}}, {"Draft"}),
        (status(does_not_equal="Draft"), {"Queued", "Error: Retriable", None}),
        (status(is_empty=True), {None}),
        (status(is_not_empty=True), set(OPTIONS)),
        ({"or": [status(equals="Draft"), status(equals="Queued")]}, {"Draft", "Queued"}),
        (
            {"and": [status(is_not_empty=True), status(does_not_equal="Draft")]},
            {"Queued", "Error: Retriable"},
        ),
        (
            {"and": [status(equals=[]), {"property": "Topic", "rich_text": {"is_empty": True}}]},
            set(),
        ),
        (
            {
                "and": [
                    {"or": [status(equals="Draft"), status(equals="Queued")]},
                    status(equals="Draft"),
                ]
            },
            {"Draft"},
        ),
    ],
)
def test_what_a_filter_shows_is_known_however_it_is_said(
    filter_: Any, cards: set[str | None]
) -> None:
    assert shown(filter_) == cards


@pytest.mark.parametrize(
    "filter_",
    [
        {"property": "Topic", "rich_text": {"contains": "squid"}},
        {"and": [status(equals="Draft"), {"property": "Priority", "select": {"equals": "High"}}]},
        {"or": [status(is_not_empty=True), {"property": "Priority", "select": {"equals": "High"}}]},
        {"timestamp": "created_time", "created_time": {"past_week": {}}},
        status(),
        status(contains="Dra"),
    ],
)
def test_a_filter_that_depends_on_anything_else_is_not_decided(filter_: Any) -> None:
    assert shown(filter_) is None


@pytest.mark.parametrize("kind", ["select", "status"])
@pytest.mark.parametrize("wanted", [("Draft",), ("Draft", "Queued")])
def test_a_filter_that_we_make_shows_those_cards(kind: str, wanted: tuple[str, ...]) -> None:
    made = filter_of("st%3A1", kind, wanted)
    assert shown(made) == set(wanted)
    assert all(isinstance(part[kind]["equals"], str) for part in made.get("or", [made])), (
        "every API version takes it"
    )
