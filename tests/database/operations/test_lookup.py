"""What an operator may type for a card."""

from __future__ import annotations

import pytest
from kit.rows import NOW, make_card, make_observation, settled
from sqlmodel import col, select

from models.errors import GiveUp
from models.operations.lookup import find_page
from models.postgres.engine import Sessions
from models.tables.task import Task
from models.tables.webhook_events import Delivery, put

PAGE = "1f0d872b-594c-80de-adbe-ef0123456789"
OTHER = "1f0e0000-594c-80de-adbe-ef0123456789"
BARE = PAGE.replace("-", "")


@pytest.fixture
async def cards(sessions: Sessions) -> Sessions:
    """Two cards with a task each."""
    await settled(sessions, make_observation(make_card(PAGE)), make_observation(make_card(OTHER)))
    return sessions


async def found(sessions: Sessions, wanted: str) -> str:
    async with sessions() as session:
        return await find_page(session, wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        PAGE,
        PAGE.upper(),
        BARE,
        "1f0d",
        "1f0d872b-59",
        "1f0d872b59",
        f"https://www.notion.so/team/Why-the-giant-squid-{BARE}",
        f"https://www.notion.so/{BARE}?pvs=4",
        f"https://www.notion.so/{PAGE}/",
        f"https://www.notion.so/team/{OTHER.replace('-', '')}?v=0123&p={BARE}&pm=s",
        f"  Why-the-giant-squid-{BARE}\n",
    ],
)
async def test_a_card_is_found_by_its_id_a_link_or_a_beginning(
    cards: Sessions, wanted: str
) -> None:
    assert await found(cards, wanted) == PAGE


async def test_a_card_is_found_by_its_task(cards: Sessions) -> None:
    async with cards() as session:
        task = (await session.scalars(select(Task).where(col(Task.notion_page_id) == PAGE))).one()
    for wanted in (str(task.id), task.id.hex, str(task.id)[:13]):
        assert await found(cards, wanted) == PAGE


async def test_a_page_never_read_is_found_by_the_events_about_it(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        delivery = Delivery(event_id="e", event_type="page.created", page_id=PAGE, payload={})
        await put(session, delivery, now=NOW, correlation_id="c")
    assert await found(sessions, BARE) == PAGE


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("1f0", "More than one card's id begins with 1f0"),
        ("zzz", "titles work only for tasks"),
        ("%", "titles work only for tasks"),
        ("0" * 32, "No card is known by 000"),
        (" - ", "Name a card by its link or page id; titles work only for tasks."),
        ("What a whale", "Name a card by its link or page id; titles work only for tasks."),
    ],
)
async def test_what_is_no_card_or_more_than_one_is_said(
    cards: Sessions, wanted: str, sentence: str
) -> None:
    with pytest.raises(GiveUp, match=sentence):
        await found(cards, wanted)
