"""What a card must satisfy before the pipeline may work on it."""

from __future__ import annotations

from typing import Any

import pytest
from kit.cards import make_card

from models.rules.validation import validate_notion_entry

CHANNELS = ["history", "deep_sea"]


def broken(**values: Any) -> list[tuple[str, str]]:
    return [(v.field, v.reason) for v in validate_notion_entry(make_card(**values), CHANNELS)]


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        pytest.param({}, [], id="valid"),
        pytest.param({"title": ""}, [("Title", "missing")], id="no-title"),
        pytest.param({"title": " \n\t\u00a0"}, [("Title", "missing")], id="blank-title"),
        pytest.param({"title": "\u200b"}, [("Title", "missing")], id="invisible-title"),
        pytest.param({"topic": "\u2060 \ufeff"}, [("Topic", "missing")], id="invisible-topic"),
        pytest.param({"title": "\u200ba"}, [], id="title-with-something-invisible"),
        pytest.param({"title": "x"}, [], id="title-of-1"),
        pytest.param({"title": "x" * 255}, [], id="title-of-255"),
        pytest.param({"title": "🎬" * 255}, [], id="title-of-255-emoji"),
        pytest.param({"title": "x" * 256}, [("Title", "too_long")], id="title-of-256"),
        pytest.param({"topic": ""}, [("Topic", "missing")], id="no-topic"),
        pytest.param({"topic": "  "}, [("Topic", "missing")], id="blank-topic"),
        pytest.param({"topic": "x" * 1000}, [], id="topic-of-1000"),
        pytest.param({"topic": "x" * 1001}, [("Topic", "too_long")], id="topic-of-1001"),
        pytest.param({"topic": "**bold** <b> 'quoted' %s \\"}, [], id="topic-with-any-character"),
        pytest.param({"channel": None}, [("Channel", "missing")], id="no-channel"),
        pytest.param({"channel": ""}, [("Channel", "missing")], id="empty-channel"),
        pytest.param({"channel": " "}, [("Channel", "missing")], id="blank-channel"),
        pytest.param(
            {"channel": "unknown_channel"}, [("Channel", "unknown")], id="unknown-channel"
        ),
        pytest.param({"channel": "Deep_Sea"}, [], id="channel-in-other-case"),
        pytest.param({"channel": "deep_sea "}, [], id="channel-with-trailing-blank"),
        pytest.param(
            {"channel": "Select option..."}, [("Channel", "unknown")], id="channel-left-as-it-was"
        ),
        pytest.param({"story_direction": ""}, [], id="no-story-direction"),
        pytest.param({"story_direction": "x" * 100_000}, [], id="long-story-direction"),
        pytest.param(
            {"status": "Done", "priority": "Urgent"},
            [],
            id="status-and-priority-are-merges-business",
        ),
        pytest.param(
            {"topic": "", "title": "", "channel": None},
            [("Title", "missing"), ("Channel", "missing"), ("Topic", "missing")],
            id="all-at-once-in-the-boards-order",
        ),
    ],
)
def test_a_card_breaks_exactly_these_rules(
    values: dict[str, Any], rules: list[tuple[str, str]]
) -> None:
    assert broken(**values) == rules


def test_an_entry_without_title_fails_and_the_message_says_title() -> None:
    (violation,) = validate_notion_entry(make_card(title=""), CHANNELS)
    assert "Title" in violation.message


def test_an_entry_with_an_unknown_channel_fails_and_the_message_says_which_there_are() -> None:
    (violation,) = validate_notion_entry(make_card(channel="unknown_channel"), CHANNELS)
    assert (
        violation.message == "Unknown channel “unknown_channel”; choose one of: deep_sea, history."
    )


def test_a_text_that_is_too_long_says_by_how_much() -> None:
    (violation,) = validate_notion_entry(make_card(topic="x" * 1234), CHANNELS)
    assert violation.message == "Topic has 1,234 characters; 1,000 are allowed."


def test_every_message_is_a_sentence() -> None:
    cards = [make_card(title="", topic="x" * 2000, channel=c) for c in (None, "else")]
    assert all(
        v.message.endswith(".") for card in cards for v in validate_notion_entry(card, CHANNELS)
    )
