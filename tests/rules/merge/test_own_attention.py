"""What a card is told is recognised as ours, and what people write is not."""

from __future__ import annotations

from itertools import product

import pytest
from kit.cards import agreed_on, make_base, make_card, make_task

from models.rules.attention import attention
from models.rules.first_contact import is_our_attention
from models.rules.merge import plan
from models.rules.statuses import BoardStatus, Priority
from models.rules.validation import validate_notion_entry
from models.sync.writes.lost_updates import LostUpdate


def every_attention() -> set[str]:
    """By the rules of a card, by every move of a person, and by what was overwritten unseen."""
    shown: set[str] = set()
    texts = product(["", "x" * 300], [None, "cooking", "a.b", "deep_sea"], ["", "y" * 1100, "z"])
    for title, channel, topic in texts:
        card = make_card(title=title, channel=channel, topic=topic)
        shown.add(attention(validate_notion_entry(card, ["deep_sea", "a.b"]), ""))
    for agreed, asked in product(BoardStatus, [None, "Done. Or not", *BoardStatus]):
        base, task = agreed_on(agreed)
        for current in (
            task,
            make_task(board_status=BoardStatus.UPLOADING, priority=Priority.HIGH),
        ):
            shown.add(plan(base, make_card(status=asked, priority="Urgent"), current, []).attention)
            shown.add(plan(base, make_card(status=asked, priority="Low"), current, []).attention)
        shown.add(plan(None, make_card(status=asked, topic=""), None, []).attention)
    shown.add(
        plan(
            make_base(), make_card(priority="Low"), make_task(priority=Priority.HIGH), []
        ).attention
    )
    for known in (True, False):
        shown.add(
            LostUpdate(
                name="Status or Priority", written="Draft, High", value="Queued", known=known
            ).sentence
        )
    return shown - {""}


def test_every_message_for_attention_is_recognized_as_ours() -> None:
    texts = every_attention()
    assert len(texts) > 100
    assert [text for text in texts if not is_our_attention(text)] == []


@pytest.mark.parametrize(
    "text", ["", "ask Ada", "Ada: Topic is empty.", "topic is empty", "“Draft” is what Ben wants"]
)
def test_what_people_write_is_theirs(text: str) -> None:
    assert not is_our_attention(text)
