"""Our own writes come back as webhooks: they are kept like any other, done as they are stored, and start no run."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from door_kit import Sender, inbox_rows, notion_event, served
from fastapi import FastAPI

from models.database import Sessions
from models.sync_state import BOT, remember

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
    ids=["ours alone", "ours and a person's", "another bot's", "nobody's", "before we know who we are"],
)
async def test_only_an_event_that_is_ours_alone_is_done_as_it_is_stored_and_starts_no_run(
    make_app: Callable[..., FastAPI],
    sessions: Sessions,
    kicks: list[str],
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
    assert len(kicks) == runs
