"""Laws of the codec over random texts: round trips, pieces, what PostgreSQL cannot store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from kit.cards import STATUSES, make_board, make_page

from models.rules.codec.read import plain_text, read_card, storable, to_minute
from models.rules.codec.write import rich_text, write_properties

PIECE = 2000
"""UTF-16 units that Notion takes in one piece of text."""

oddities = st.sampled_from(
    ["\x00", "\ud83d", "\ude00", "🎬", "👩\u200d👧", "\uffff", "\U0010ffff", "\u200d"]
)
awkward = st.lists(st.characters() | oddities, max_size=12).map("".join)
"""Any text, with lone surrogates, U+0000 and characters of two units more often than chance would
have them."""
around_a_border = st.builds(
    lambda pieces, off, text, rest: "a" * (pieces * PIECE + off) + text + "b" * rest,
    st.integers(1, 3),
    st.integers(-6, 1),
    awkward,
    st.integers(0, PIECE + 1),
)
"""Text in which something awkward stands where a piece ends."""
moments = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def as_notion_answers(written: dict[str, Any]) -> dict[str, Any]:
    """The written properties in the form of Notion's answers: with types, ids and plain text."""
    answer = {}
    for property_id, value in written.items():
        ((kind, content),) = value.items()
        if kind in {"title", "rich_text"}:
            content = [{**part, "plain_text": part["text"]["content"]} for part in content]
        answer[property_id.removeprefix("id-")] = {"type": kind, kind: content}
    return answer


@settings(deadline=None)
@given(around_a_border)
@example("a" * (PIECE - 1) + "🎬")
@example("a" * (PIECE - 1) + "\ud83d" + "\ude00")
def test_text_around_a_border_comes_back_in_pieces_that_notion_takes_and_no_more_than_it_needs(
    content: str,
) -> None:
    pieces = [part["text"]["content"] for part in rich_text(content)]
    assert "".join(pieces) == storable(content)
    assert plain_text(
        [{"type": "text", "text": {"content": piece}} for piece in pieces]
    ) == storable(content)
    assert all(0 < units(piece) <= PIECE for piece in pieces)
    assert all(units(piece) >= PIECE - 1 for piece in pieces[:-1]), (
        "a piece ends early only before a pair of units"
    )


@given(awkward)
def test_only_what_postgresql_cannot_hold_is_taken_out(content: str) -> None:
    kept = storable(content)
    assert kept == "".join(
        "\ufffd" if char == "\x00" or "\ud800" <= char <= "\udfff" else char for char in content
    )
    assert "\x00" not in kept.encode("utf-8").decode("utf-8")


@given(st.lists(awkward, max_size=6))
def test_text_reads_the_same_however_notion_cut_it(parts: list[str]) -> None:
    kinds = ("text", "mention", "equation")
    cut = [{"type": kinds[n % 3], "plain_text": part} for n, part in enumerate(parts)]
    assert plain_text(cut) == "".join(storable(part) for part in parts)


@settings(deadline=None)
@given(
    title=awkward,
    attention=st.one_of(awkward, around_a_border),
    status=st.sampled_from(STATUSES),
    priority=st.sampled_from([None, "Low", "Normal", "High"]),
    created=st.none() | moments,
    updated=st.none() | moments,
    kind=st.sampled_from(["select", "status"]),
)
def test_what_is_written_to_a_card_is_what_the_card_then_shows(
    title: str,
    attention: str,
    status: str,
    priority: str | None,
    created: datetime | None,
    updated: datetime | None,
    kind: str,
) -> None:
    board = make_board(Status=kind)
    values = {
        "Title": title,
        "Attention": attention,
        "Status": status,
        "Priority": priority,
        "Created": created,
        "Updated": updated,
    }
    written = write_properties(values, board)
    assert set(written) == {f"id-{name}" for name in values}
    card = read_card(make_page(as_notion_answers(written)), board)
    assert (card.title, card.attention) == (storable(title), storable(attention))
    assert (card.status, card.priority) == (status, priority)
    assert card.created == (to_minute(created) if created else None)
    assert card.updated == (to_minute(updated) if updated else None)
