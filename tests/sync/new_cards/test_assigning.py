"""Which page of our making is the card of which task: `models.sync.adopt_page.match_creations`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from kit.cards import NOW, make_card

from models.sync.adopt_page import match_creations
from models.sync.observations import Observation
from models.sync.writes.recent import as_json
from models.tables.card_creation import CardCreation

MINE = "bot"
OWN: dict[str, Any] = {"created_by": MINE, "created_time": NOW.replace(second=0, microsecond=0)}
SENT: dict[str, Any] = {
    "Title": "Kraken",
    "Topic": "Deep",
    "Channel": "history",
    "Created": NOW.replace(second=0),
}


def sent(number: int, **values: Any) -> CardCreation:
    return CardCreation(
        task_id=UUID(int=number), sent_at=NOW, sent_by=MINE, sent=as_json({**SENT, **values})
    )


def observation(page_id: str, task: int | None = None, **values: Any) -> Observation:
    shown = {
        "title": "Other",
        "topic": "Else",
        "channel": "deep_sea",
        "created": None,
        **OWN,
        **values,
    }
    card = make_card(page_id=page_id, **shown)
    task_id = UUID(int=task) if task is not None else None
    return Observation(card=card, violations=(), began=NOW, ended=NOW, by_id=True, task_id=task_id)


def assigned(observations: list[Observation], *creations: CardCreation) -> dict[str, int]:
    found = match_creations({each.card.page_id: each for each in observations}, creations)
    return {page_id: creation.task_id.int for page_id, creation in found.items()}


def test_the_answer_to_a_creation_is_its_card_whatever_it_shows() -> None:
    assert assigned(
        [observation("p", task=1), observation("q", title="Kraken")], sent(1), sent(2, Title="Eel")
    ) == {"p": 1}


def test_a_page_of_the_title_that_was_sent_is_its_card() -> None:
    creations = (sent(1), sent(2, Title="Eel"))
    assert assigned(
        [observation("p", title="Eel"), observation("q", title="Kraken")], *creations
    ) == {
        "p": 2,
        "q": 1,
    }


def test_titles_that_differ_by_a_blank_are_distinguished_and_a_lost_blank_is_tolerated() -> None:
    assert assigned(
        [observation("p", title="Kraken "), observation("q", title="Kraken")],
        sent(1),
        sent(2, Title="Kraken "),
    ) == {
        "p": 2,
        "q": 1,
    }
    assert assigned([observation("p", title="Kraken")], sent(1, Title=" Kraken\n")) == {"p": 1}


def test_a_page_that_people_renamed_is_known_by_what_else_was_written() -> None:
    assert assigned([observation("p", topic="Deep", channel="history")], sent(1)) == {"p": 1}
    assert assigned([observation("p", created=SENT["Created"])], sent(1)) == {"p": 1}


def test_a_page_that_may_be_of_two_tasks_is_of_neither() -> None:
    assert (
        assigned([observation("p", created=SENT["Created"])], sent(1), sent(2, Title="Eel")) == {}
    )


def test_what_others_made_or_what_is_older_is_nobodys_card() -> None:
    older = OWN["created_time"] - timedelta(minutes=3)
    assert assigned([observation("p", title="Kraken", created_by="ada")], sent(1)) == {}
    assert assigned([observation("p", title="Kraken", created_by=None)], sent(1)) == {}
    assert assigned([observation("p", title="Kraken", created_time=older)], sent(1)) == {}
