"""Echoes of our own writes are stored as processed and start no run."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from kit.clock import Clock
from kit.deliveries import SECRET, Sender, inbox_rows, notion_event, served

from models.errors import NotionUnavailable
from models.postgres.engine import Sessions
from models.settings import Settings
from models.tables.notion_users import record_bot
from models.tables.sync_state import BOT, remember
from webhook.app import create_app
from webhook.bots import Bots

ME = {"id": "bot-1", "type": "bot"}
ADA = {"id": "person-1", "type": "person"}


@pytest.mark.parametrize(
    ("known", "authors", "runs"),
    [
        (True, [ME], 0),
        (True, [ME, ADA], 1),
        (True, [{"id": "bot-2", "type": "bot"}], 1),
        (True, [], 1),
        (False, [ME], 1),
    ],
    ids=[
        "ours alone",
        "ours and a person's",
        "another bot's",
        "nobody's",
        "before we know who we are",
    ],
)
async def test_only_an_event_that_is_ours_alone_is_done_as_it_is_stored_and_starts_no_run(
    make_app: Callable[..., FastAPI],
    sessions: Sessions,
    run_requests: list[str],
    known: bool,  # noqa: FBT001 - a column of the table above
    authors: list[dict[str, str]],
    runs: int,
) -> None:
    if known:
        async with sessions.begin() as session:
            await remember(session, BOT, value={"id": "bot-1"})
    async with served(make_app(sessions)) as url, httpx.AsyncClient(base_url=url) as http:
        answer = await Sender(http).signed(notion_event(authors=authors))
    assert answer.status_code == 200
    (row,) = await inbox_rows(sessions)
    assert (row.processed, row.outcome, row.processed_at is None) == (
        (False, None, True) if runs else (True, "own_write", False)
    )
    assert len(run_requests) == runs


async def test_a_receiver_that_stays_open_learns_whose_token_another_process_was_started_with(
    sessions: Sessions, clock: Clock
) -> None:
    bots = Bots(sessions)
    app = create_app(
        Settings(notion_webhook_secret=SECRET),
        sessions,
        clock=clock,
        trigger=lambda: None,
        bots=bots,
    )
    async with served(app) as url, httpx.AsyncClient(base_url=url) as http:
        await Sender(http).signed(notion_event(id="before", authors=[ME]))
        async with sessions.begin() as session:
            await record_bot(session, "ntn_former", "bot-0")
            await record_bot(session, "ntn_new", "bot-1")
        await bots.refresh()
        await Sender(http).signed(notion_event(id="new", authors=[ME]))
        await Sender(http).signed(
            notion_event(id="former", authors=[{"id": "bot-0", "type": "bot"}])
        )
    assert [(row.event_id, row.outcome) for row in await inbox_rows(sessions)] == [
        ("before", None),
        ("former", "own_write"),
        ("new", "own_write"),
    ]


async def test_a_receiver_asks_notion_once_whose_its_token_is_and_again_only_after_no_answer(
    sessions: Sessions,
) -> None:
    answers: list[Exception | None] = [NotionUnavailable("no answer"), None]
    asked = []

    async def ask() -> None:
        asked.append("users/me")
        if (error := answers.pop(0)) is not None:
            raise error
        async with sessions.begin() as session:
            await record_bot(session, "ntn_new", "bot-1")

    bots = Bots(sessions, ask)
    seen = []
    for _ in range(3):
        await bots.refresh()
        seen.append(bots.ids)
    assert seen == [frozenset(), {"bot-1"}, {"bot-1"}]
    assert len(asked) == 2
