"""The codec: Notion's property JSON to Python's values and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.cards import NOW, make_board, make_page

from models.rules.board_schema import Board, Property
from models.rules.codec.read import (
    parse_time,
    plain_text,
    read_card,
    read_value,
    storable,
    to_minute,
)
from models.rules.codec.write import rich_text, write_properties


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "text": {"content": content}, "plain_text": content}


def utf16(piece: str) -> int:
    return len(piece.encode("utf-16-le")) // 2


# Reading


@pytest.mark.parametrize(
    ("prop", "value"),
    [
        pytest.param(
            {"type": "title", "title": [text("The "), text("deep")]},
            "The deep",
            id="title-of-two-parts",
        ),
        pytest.param({"type": "rich_text", "rich_text": []}, "", id="empty-text"),
        pytest.param(
            {
                "type": "rich_text",
                "rich_text": [text("a"), {"type": "mention", "plain_text": "@Ada"}],
            },
            "a@Ada",
            id="mention",
        ),
        pytest.param(
            {"type": "rich_text", "rich_text": [{"type": "equation", "plain_text": "e=mc^2"}]},
            "e=mc^2",
            id="equation",
        ),
        pytest.param(
            {"type": "select", "select": {"id": "1", "name": "High", "color": "red"}},
            "High",
            id="select",
        ),
        pytest.param({"type": "select", "select": None}, None, id="empty-select"),
        pytest.param({"type": "status", "status": {"name": "Queued"}}, "Queued", id="status"),
        pytest.param({"type": "date", "date": None}, None, id="empty-date"),
        pytest.param(
            {"type": "date", "date": {"start": "2026-11-23"}},
            datetime(2026, 11, 23, tzinfo=UTC),
            id="day",
        ),
        pytest.param(
            {"type": "date", "date": {"start": "2026-11-23T12:00:30.500+02:00", "end": None}},
            NOW,
            id="offset-and-milliseconds",
        ),
        pytest.param(
            {"type": "date", "date": {"start": "9999-12-31T23:59:00.000-12:00"}},
            None,
            id="day-beyond-the-calendar",
        ),
        pytest.param(
            {"type": "date", "date": {"start": "0001-01-01T00:00:00.000+12:00"}},
            None,
            id="day-before-the-calendar",
        ),
        pytest.param(
            {"type": "date", "date": {"start": "+012026-01-01"}},
            None,
            id="day-of-a-five-digit-year",
        ),
        pytest.param(
            {"type": "created_time", "created_time": "2026-11-23T10:00:00.000Z"},
            NOW,
            id="created-time",
        ),
        pytest.param(
            {"type": "last_edited_time", "last_edited_time": "2026-11-23T10:00:59.000Z"},
            NOW,
            id="edited",
        ),
        pytest.param(
            {"type": "formula", "formula": {"type": "string", "string": "12 min"}},
            "12 min",
            id="formula-text",
        ),
        pytest.param(
            {"type": "formula", "formula": {"type": "number", "number": 12.5}},
            12.5,
            id="formula-number",
        ),
        pytest.param(
            {"type": "formula", "formula": {"type": "boolean", "boolean": False}},
            False,
            id="formula-boolean",
        ),
        pytest.param(
            {
                "type": "formula",
                "formula": {"type": "date", "date": {"start": "2026-11-23T10:00:00Z"}},
            },
            NOW,
            id="formula-date",
        ),
        pytest.param(
            {"type": "formula", "formula": {"type": "string", "string": None}},
            None,
            id="empty-formula",
        ),
        pytest.param(
            {"type": "relation", "relation": [{"id": "a"}, {"id": "b"}], "has_more": False},
            ("a", "b"),
            id="relation",
        ),
        pytest.param({"type": "relation", "relation": []}, (), id="empty-relation"),
        pytest.param({"type": "number", "number": 7}, 7, id="number"),
        pytest.param(
            {"type": "hologram", "hologram": {"depth": 3}}, {"depth": 3}, id="type-of-tomorrow"
        ),
        pytest.param({"type": "hologram"}, None, id="type-of-tomorrow-without-value"),
        pytest.param({}, None, id="nothing-at-all"),
    ],
)
def test_a_property_is_read_as_pythons_value(prop: dict[str, Any], value: object) -> None:
    assert read_value(prop) == value


def test_a_part_without_plain_text_is_read_from_its_content() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": {"content": "a"}},
        {"type": "equation", "equation": {"expression": "b"}},
        {"type": "mention"},
    ]
    assert plain_text(parts) == "ab"


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        pytest.param("a\x00b", "a\ufffdb", id="nul"),
        pytest.param("a\ud83d", "a\ufffd", id="lone-high-surrogate"),
        pytest.param("\ude00a", "\ufffda", id="lone-low-surrogate"),
        pytest.param("🎬\n\t", "🎬\n\t", id="everything-else-stays"),
    ],
)
def test_what_postgresql_cannot_hold_is_taken_out_of_text_and_options(raw: str, kept: str) -> None:
    assert read_value({"type": "rich_text", "rich_text": [text(raw)]}) == kept
    assert read_value({"type": "select", "select": {"name": raw}}) == kept
    assert read_value({"type": "formula", "formula": {"type": "string", "string": raw}}) == kept


def test_a_whole_page_is_read_once() -> None:
    page = make_page(
        {
            "Title": {"type": "title", "title": [text("The deep")]},
            "Channel": {"type": "select", "select": {"name": "deep_sea"}},
            "Topic": {"type": "rich_text", "rich_text": [text("Fish")]},
            "Story Direction": {"type": "rich_text", "rich_text": [text("Down")]},
            "Status": {"type": "status", "status": {"name": "Queued"}},
            "Priority": {"type": "select", "select": {"name": "High"}},
            "Created": {"type": "date", "date": {"start": "2026-11-20"}},
            "Updated": {"type": "date", "date": {"start": "2026-11-23T10:00:45+00:00"}},
            "Attention": {"type": "rich_text", "rich_text": [text("Look")]},
            "Assets": {"type": "relation", "relation": [{"id": "x"}], "has_more": True},
            "Videos": {"type": "relation", "relation": [], "has_more": False},
        },
    )
    card = read_card(page, make_board(Status="status", without=["Audio"]))
    assert (card.page_id, card.title, card.channel, card.topic) == (
        "page-1",
        "The deep",
        "deep_sea",
        "Fish",
    )
    assert (card.story_direction, card.status, card.priority, card.attention) == (
        "Down",
        "Queued",
        "High",
        "Look",
    )
    assert (card.created, card.updated) == (datetime(2026, 11, 20, tzinfo=UTC), NOW)
    assert (card.created_time, card.edited_at) == (
        datetime(2026, 11, 20, 8, 15, tzinfo=UTC),
        NOW - timedelta(minutes=1),
    )
    assert (card.edited_by, card.in_trash) == ("ada", False)
    assert card.relations == {"Assets": ("x",), "Videos": ()}
    assert card.cut == {"Assets"}
    assert card.computed == {"Audio", "Progress", "Cost", "Preview", "Video"}


def test_an_empty_page_is_read_as_empty_values() -> None:
    card = read_card(make_page({}), make_board(without=["Assets", "Videos", "Audio"]))
    assert (card.title, card.channel, card.topic, card.story_direction) == ("", None, "", "")
    assert (card.status, card.priority, card.created, card.updated, card.attention) == (
        None,
        None,
        None,
        None,
        "",
    )
    assert card.relations == {}


@pytest.mark.parametrize("name", ["Title", "Channel", "Topic", "Status"])
@pytest.mark.parametrize("instead", [None, {"type": "number", "number": 3}])
def test_a_page_without_a_needed_property_is_not_mistaken_for_an_empty_card(
    name: str, instead: Any
) -> None:
    page = make_page({})
    page["properties"][name] = (
        {"id": f"id-{name}", **instead} if instead else {"id": "gone", "type": "url"}
    )
    with pytest.raises(ValueError, match=f"shows no {name}"):
        read_card(page, make_board())


def test_null_values_are_empty() -> None:
    kinds = {
        "Title": "title",
        "Topic": "rich_text",
        "Channel": "select",
        "Status": "select",
        "Created": "date",
    }
    card = read_card(
        make_page({name: {"type": kind, kind: None} for name, kind in kinds.items()}), make_board()
    )
    assert (card.title, card.topic, card.channel, card.status, card.created) == (
        "",
        "",
        None,
        None,
        None,
    )


def test_a_renamed_property_is_found_by_its_id() -> None:
    page = make_page({})
    page["properties"]["Stoff"] = {
        "id": "id-Topic",
        "type": "rich_text",
        "rich_text": [text("Fish")],
    }
    page["properties"]["Topic"] = {
        "id": "other",
        "type": "rich_text",
        "rich_text": [text("a property people added")],
    }
    assert read_card(page, make_board()).topic == "Fish"


def test_an_id_is_taken_as_notion_spells_it_and_given_back_so() -> None:
    board = Board(
        data_source_id="source-1",
        properties={"Topic": Property(id="f%5C%5C%3Ap", name="Topic", type="rich_text")},
    )
    page = make_page({})
    page["properties"]["Topic"] = {
        "id": "f%5C%5C%3Ap",
        "type": "rich_text",
        "rich_text": [text("Fish")],
    }
    assert read_card(page, board).topic == "Fish"
    assert list(write_properties({"Topic": "Squid"}, board)) == ["f%5C%5C%3Ap"]


@pytest.mark.parametrize("flag", ["in_trash", "archived"])
def test_a_page_in_the_trash_says_so_in_either_words(flag: str) -> None:
    assert read_card(make_page({}, **{flag: True}), make_board()).in_trash


@pytest.mark.parametrize("editor", [None, {}, {"object": "user"}])
def test_a_page_may_hide_its_editor(editor: dict[str, str] | None) -> None:
    assert read_card(make_page({}, last_edited_by=editor), make_board()).edited_by is None


@pytest.mark.parametrize(
    "page",
    [
        pytest.param({}, id="empty"),
        pytest.param({"object": "error", "status": 404}, id="an-error"),
        pytest.param({"id": "p", "properties": {}}, id="no-times"),
        pytest.param({"id": "p", "properties": None}, id="no-properties"),
        pytest.param([], id="a-list"),
    ],
)
def test_what_is_no_page_is_refused(page: Any) -> None:
    with pytest.raises(ValueError, match="not a page object"):
        read_card(page, make_board())


@pytest.mark.parametrize("naive", ["2026-11-23T10:00:00", "2026-11-23T10:00:00.000"])
def test_a_moment_without_offset_is_utc(naive: str) -> None:
    assert parse_time(naive) == NOW


@given(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_every_moment_is_read_back_to_the_minute(naive: datetime, offset: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert parse_time(moment.isoformat()) == moment
    written = write_properties({"Created": moment}, make_board())["id-Created"]
    assert read_value({"type": "date", **written}) == to_minute(moment).astimezone(UTC)


# Writing


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        pytest.param(
            "Title", "A", {"title": [{"type": "text", "text": {"content": "A"}}]}, id="title"
        ),
        pytest.param(
            "Attention", "A", {"rich_text": [{"type": "text", "text": {"content": "A"}}]}, id="text"
        ),
        pytest.param("Attention", "", {"rich_text": []}, id="empty-text"),
        pytest.param("Attention", None, {"rich_text": []}, id="no-text"),
        pytest.param("Status", "Queued", {"select": {"name": "Queued"}}, id="select"),
        pytest.param("Status", None, {"select": None}, id="no-select"),
        pytest.param(
            "Created",
            NOW.replace(second=9),
            {"date": {"start": "2026-11-23T10:00:00+00:00", "end": None, "time_zone": None}},
            id="date",
        ),
        pytest.param("Created", None, {"date": None}, id="no-date"),
        pytest.param("Assets", ("a", "b"), {"relation": [{"id": "a"}, {"id": "b"}]}, id="relation"),
    ],
)
def test_a_value_is_written_as_its_property_wants_it(
    name: str, value: object, written: dict[str, Any]
) -> None:
    assert write_properties({name: value}, make_board()) == {f"id-{name}": written}


def test_status_is_written_in_the_type_the_board_has() -> None:
    board = make_board(Status="status")
    assert write_properties({"Status": "Queued"}, board) == {
        "id-Status": {"status": {"name": "Queued"}}
    }


@pytest.mark.parametrize(
    ("name", "option"), [("Status", "Done"), ("Status", "queued"), ("Priority", "Urgent")]
)
def test_an_option_the_board_lacks_is_never_written(name: str, option: str) -> None:
    with pytest.raises(ValueError, match=f"{name} has no option “{option}”"):
        write_properties({name: option}, make_board())


def test_what_the_board_lacks_or_computes_is_never_written() -> None:
    with pytest.raises(ValueError, match="Attention cannot be written"):
        write_properties({"Attention": ""}, make_board(without=["Attention"]))
    with pytest.raises(ValueError, match="Updated cannot be written"):
        write_properties({"Updated": NOW}, make_board(Updated="last_edited_time"))


@pytest.mark.parametrize(
    ("content", "pieces"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("a" * 2000, ["a" * 2000], id="just-fits"),
        pytest.param("a" * 2001, ["a" * 2000, "a"], id="one-too-many"),
        pytest.param("a" * 1998 + "🎬b", ["a" * 1998 + "🎬", "b"], id="emoji-ends-the-piece"),
        pytest.param("a" * 1999 + "🎬", ["a" * 1999, "🎬"], id="emoji-is-not-split"),
    ],
)
def test_text_is_cut_into_pieces_that_notion_takes(content: str, pieces: list[str]) -> None:
    assert [part["text"]["content"] for part in rich_text(content)] == pieces


def test_a_text_of_100_pieces_is_written_and_a_longer_one_refused() -> None:
    assert len(rich_text("a" * 200_000)) == 100
    with pytest.raises(ValueError, match="longer than Notion takes"):
        rich_text("a" * 200_001)


@given(st.text(st.characters(), max_size=50), st.integers(1, 90))
def test_text_comes_back_as_it_was_stored(content: str, times: int) -> None:
    parts = rich_text(content * times)
    assert plain_text(parts) == storable(content * times)
    assert all(0 < utf16(part["text"]["content"]) <= 2000 for part in parts)


@given(st.text(st.characters()))
def test_storable_text_stays_as_it_is(content: str) -> None:
    kept = storable(content)
    assert storable(kept) == kept
    assert kept.encode("utf-8").count(0) == 0


# Where a page lies


@pytest.mark.parametrize(
    "parent",
    [
        {"type": "data_source_id", "data_source_id": "source-2", "database_id": "database-1"},
        {"type": "database_id", "database_id": "database-1"},
        {"type": "page_id", "page_id": "page-2"},
        {"type": "block_id", "block_id": "block-1"},
        {"type": "workspace", "workspace": True},
        {"type": "agent_id", "agent_id": "agent-1"},
    ],
)
def test_a_page_that_lies_anywhere_but_on_the_board_is_away_whatever_it_shows(
    parent: dict[str, Any],
) -> None:
    other = {"Name": {"id": "title", "type": "title", "title": []}}
    card = read_card({**make_page({}), "properties": other, "parent": parent}, make_board())
    assert (card.away, card.in_trash, card.page_id) == (True, True, "page-1")
    assert (card.title, card.status, card.edited_by) == ("", None, "ada")


def test_a_page_of_the_board_is_not_away_be_it_in_the_trash() -> None:
    assert not read_card(make_page({}, in_trash=True), make_board()).away


@pytest.mark.parametrize("parent", [None, "source-1", []])
def test_what_does_not_say_where_it_lies_is_no_page(parent: object) -> None:
    with pytest.raises(ValueError, match="not a page object"):
        read_card({**make_page({}), "parent": parent}, make_board())
