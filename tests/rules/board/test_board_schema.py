"""The board's shape: what is found, under which id, and what is said when it cannot be followed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kit.cards import KINDS, STATUSES

from models.errors import BoardError
from models.rules.board_schema import Board, read_board
from models.rules.new_board import board_schema


def source(
    *, without: tuple[str, ...] = (), rename: dict[str, str] | None = None, **kinds: Any
) -> dict[str, Any]:
    """A data source object that has every property, with the id of its first name."""
    called = rename or {}
    wanted = {
        name: kinds.get(name.replace(" ", "_"), kind)
        for name, kind in KINDS.items()
        if name not in without
    }
    properties = {
        called.get(name, name): {
            "id": f"%3A{name}",
            "name": called.get(name, name),
            "type": kind,
            kind: {},
        }
        for name, kind in wanted.items()
    }
    for name in ("Status", "Priority", "Channel"):
        if name in wanted:
            properties[called.get(name, name)][wanted[name]] = {
                "options": [{"name": "Draft"}, {"name": "Low"}]
            }
    return {"object": "data_source", "id": "source-1", "properties": properties}


@pytest.mark.parametrize("kind", ["select", "status"])
def test_status_may_be_a_select_or_a_status(kind: str) -> None:
    status = read_board(source(Status=kind)).properties["Status"]
    assert (status.type, status.options, status.writable) == (kind, ("Draft", "Low"), True)


def test_notions_own_times_are_read_and_never_written() -> None:
    board = read_board(source(Created="created_time", Updated="last_edited_time"))
    assert (board.shows("Created"), board.shows("Updated"), board.shows("Status")) == (
        False,
        False,
        True,
    )


def test_what_is_not_needed_may_be_missing() -> None:
    optional = (
        "Story Direction",
        "Priority",
        "Created",
        "Updated",
        "Attention",
        "Assets",
        "Videos",
        "Audio",
    )
    board = read_board(source(without=optional))
    assert sorted(board.properties) == ["Channel", "Status", "Title", "Topic"]
    assert not any(board.shows(name) for name in optional)


def test_the_title_is_found_by_its_type() -> None:
    assert read_board(source(rename={"Title": "Name"})).properties["Title"].name == "Name"


def test_a_renamed_property_is_found_by_the_id_it_is_known_by() -> None:
    known = read_board(source())
    renamed = read_board(source(rename={"Topic": "Stoff"}), known)
    assert (renamed.properties["Topic"].id, renamed.properties["Topic"].name) == (
        "%3ATopic",
        "Stoff",
    )


@pytest.mark.parametrize("meanwhile", [{"Priority": "number"}, {"without": ("Priority",)}])
def test_a_property_that_comes_back_under_another_name_is_found_by_its_id(
    meanwhile: dict[str, Any],
) -> None:
    away = read_board(source(**meanwhile), read_board(source()))
    assert "Priority" not in away.properties
    stored = Board.from_json(away.as_json())
    back = read_board(source(rename={"Priority": "Urgency"}), stored)
    assert (back.properties["Priority"].id, back.properties["Priority"].name) == (
        "%3APriority",
        "Urgency",
    )


def test_a_board_stored_without_ids_has_those_of_its_properties() -> None:
    stored = {name: kept for name, kept in read_board(source()).as_json().items() if name != "ids"}
    assert Board.from_json(stored) == read_board(source())


def test_a_property_made_anew_under_the_old_name_is_found_by_that_name() -> None:
    known = read_board(source())
    remade = source()
    remade["properties"]["Topic"]["id"] = "new"
    assert read_board(remade, known).properties["Topic"].id == "new"


def test_a_relations_name_on_a_property_of_another_type_is_somebody_elses_and_left_alone() -> None:
    assert "Assets" not in read_board(source(Assets="files")).properties


@pytest.mark.parametrize("name", ["Channel", "Topic", "Status"])
def test_a_needed_property_that_is_missing_is_named_with_what_there_is(name: str) -> None:
    with pytest.raises(BoardError) as caught:
        read_board(source(rename={name: "Else"}))
    assert f"it has no property “{name}”" in str(caught.value)
    assert "it has: Assets, " in str(caught.value)
    assert "Else" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "kind", "cure"),
    [
        ("Channel", "rich_text", "select"),
        ("Topic", "number", "rich_text"),
        ("Status", "multi_select", "select or status"),
    ],
)
def test_a_needed_property_of_the_wrong_type_is_named_with_the_cure(
    name: str, kind: str, cure: str
) -> None:
    wrong: dict[str, Any] = {name: kind}
    with pytest.raises(BoardError) as caught:
        read_board(source(**wrong))
    assert f"its “{name}” is of type {kind}; change it to {cure}." in str(caught.value)


@pytest.mark.parametrize(
    ("name", "kind", "cure"),
    [
        ("Story Direction", "url", "rich_text"),
        ("Priority", "number", "select"),
        ("Created", "rich_text", "created_time or date"),
        ("Updated", "created_time", "date or last_edited_time"),
        ("Attention", "checkbox", "rich_text"),
    ],
)
def test_a_property_that_is_not_needed_stops_nothing_whatever_its_type(
    name: str, kind: str, cure: str
) -> None:
    wrong: dict[str, Any] = {name.replace(" ", "_"): kind}
    board = read_board(source(**wrong), read_board(source()))
    assert name not in board.properties
    assert board.ignored == (f"its “{name}” is of type {kind}; change it to {cure}.",)
    assert Board.from_json(board.as_json()) == board


def test_everything_wrong_with_a_board_is_said_at_once() -> None:
    with pytest.raises(BoardError) as caught:
        read_board(source(without=("Topic",), Channel="rich_text", Status="checkbox"))
    assert all(word in str(caught.value) for word in ("“Topic”", "“Channel”", "“Status”"))


def test_a_board_in_the_trash_is_not_followed() -> None:
    with pytest.raises(BoardError, match="trash"):
        read_board({**source(), "in_trash": True})


def test_what_notion_computes_is_known_as_nobodys() -> None:
    made = source(Created="created_time")
    made["properties"]["Time in Status"] = {
        "id": "time",
        "name": "Time in Status",
        "type": "formula",
        "formula": {},
    }
    assert read_board(made).computed_ids == {"%3ACreated", "time"}


def options(*named: tuple[str, str]) -> Board:
    raw = source()
    raw["properties"]["Status"]["select"] = {
        "options": [{"id": id_, "name": name} for id_, name in named]
    }
    return read_board(raw)


def test_a_board_change_that_changes_cards_is_distinguished_from_a_mere_addition() -> None:
    before = options(("1", "Draft"), ("2", "Queued"))
    assert not options(("2", "Queued"), ("1", "Draft"), ("3", "Paused")).changed_cards(before)
    assert options(("1", "Draft")).changed_cards(before)
    assert options(("1", "Draft"), ("2", "In the queue")).changed_cards(before)
    assert options(("1", "Draft"), ("9", "Queued")).changed_cards(before)
    assert not read_board(source(rename={"Topic": "Stoff"}), read_board(source())).changed_cards(
        read_board(source())
    )
    assert read_board(source(without=("Priority",))).changed_cards(read_board(source()))
    assert read_board(source()).changed_cards(read_board(source(without=("Priority",))))
    assert read_board(source(Status="status")).changed_cards(read_board(source()))


def test_a_board_survives_being_stored() -> None:
    board = read_board(source())
    assert Board.from_json(json.loads(json.dumps(board.as_json()))) == board


def test_options_that_the_pipeline_needs_and_the_board_lacks_are_listed() -> None:
    missing = read_board(source()).missing_options()
    assert missing[0] == "Status: Ready for Planning"
    assert missing[-2:] == ("Priority: Normal", "Priority: High")
    assert len(missing) == 25 + 2
    assert read_board(source(without=("Priority",))).missing_options()[-1] == "Status: Archived"


def test_a_new_board_has_the_columns_in_order_and_what_the_spec_asks() -> None:
    schema = board_schema(["deep_sea", "history"])
    assert [option["name"] for option in schema["Status"]["select"]["options"]] == list(STATUSES)
    assert [option["name"] for option in schema["Priority"]["select"]["options"]] == [
        "Low",
        "Normal",
        "High",
    ]
    assert [option["name"] for option in schema["Channel"]["select"]["options"]] == [
        "deep_sea",
        "history",
    ]
    assert {name: next(iter(shape)) for name, shape in schema.items()} == {
        "Title": "title",
        "Channel": "select",
        "Topic": "rich_text",
        "Story Direction": "rich_text",
        "Status": "select",
        "Priority": "select",
        "Created": "date",
        "Updated": "date",
        "Time in Status": "formula",
        "Attention": "rich_text",
        "Progress": "number",
        "Cost": "number",
        "Preview": "files",
        "Video": "url",
    }
    assert 'dateBetween(now(), prop("Updated")' in schema["Time in Status"]["formula"]["expression"]


def test_a_new_board_can_be_followed_and_lacks_no_option() -> None:
    properties = {
        name: {"id": name, "name": name, "type": next(iter(shape)), **shape}
        for name, shape in board_schema(["deep_sea"]).items()
    }
    board = read_board({"id": "source-1", "properties": properties})
    assert board.missing_options() == ()
    assert "Time in Status" not in board.properties
