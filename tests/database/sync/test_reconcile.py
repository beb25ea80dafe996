"""Settling looks: what becomes rows, what is recorded, and which looks do not count."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from kit.rows import (
    BOARD,
    EARLIER,
    MINUTE,
    NOW,
    SECOND,
    Worker,
    make_card,
    make_observation,
    settled,
)
from sqlalchemy import URL
from sqlmodel import select

from models.postgres.engine import Sessions
from models.sync.reconcile import reconcile
from models.sync.safety_stop import Waiting, waiting
from models.tables.card import Card
from models.tables.card_queries import card_and_task
from models.tables.push_queue import pending
from models.tables.task import Task

LATER = NOW + MINUTE


@pytest.fixture
def worker(database: URL) -> Iterator[Worker]:
    """A worker of the pipeline beside us."""
    made = Worker(database)
    yield made
    made.connection.close()


async def to_push(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        return await pending(session, BOARD, now=LATER, limit=100)


async def test_first_contact_with_a_valid_card_makes_its_task(
    sessions: Sessions, worker: Worker
) -> None:
    result = await settled(
        sessions,
        make_observation(make_card(status="Queued", priority="High", story_direction="Down")),
    )
    (outcome,) = result.outcomes
    assert (outcome.created, outcome.taken, result.reread) == (True, False, ())
    task = worker.task()
    assert task["id"] == outcome.task_id == worker.card()["task_id"]
    assert (task["notion_page_id"], task["title"], task["topic"]) == (
        "page-1",
        "The deep",
        "Anglerfish",
    )
    assert (task["channel_id"], task["story_direction"], task["priority"]) == (
        "deep_sea",
        "Down",
        "high",
    )
    assert (task["status"], task["board_status"]) == ("pending", "Queued")
    assert (task["created_at"], task["status_changed_at"]) == (EARLIER, make_card().edited_at)
    assert worker.history("actor", "action", "new_value", "correlation_id", "at") == [
        ("person:ada", "created", "Queued", "cycle-1", NOW),
    ]
    assert await to_push(sessions) == []


async def test_many_first_contacts_at_once_make_their_tasks(
    sessions: Sessions, worker: Worker
) -> None:
    observations = [
        make_observation(make_card(f"page-{n:03}", edited_by=f"person-{n % 3}")) for n in range(120)
    ]
    result = await settled(sessions, *observations)
    assert sum(outcome.created for outcome in result.outcomes) == 120
    assert (
        worker.row(
            "SELECT count(*) n FROM cards c JOIN tasks t ON t.id = c.task_id AND t.notion_page_id "
            "= c.notion_page_id"
        )["n"]
        == 120
    )


async def test_a_card_that_is_not_valid_is_kept_without_a_task(
    sessions: Sessions, worker: Worker
) -> None:
    (outcome,) = (
        await settled(sessions, make_observation(make_card(topic="", channel="Else")))
    ).outcomes
    assert [v.field for v in outcome.newly_invalid] == ["Channel", "Topic"]
    assert worker.rows("SELECT * FROM tasks") == []
    card = worker.card()
    assert [v["reason"] for v in card["violations"]] == ["unknown", "missing"]
    assert (
        card["violation_text"] == "Unknown channel “Else”; choose one of: deep_sea. Topic is empty."
    )
    (reread,) = (
        await settled(sessions, make_observation(make_card(topic="", channel="Else"), LATER))
    ).outcomes
    assert reread.newly_invalid == ()


async def test_an_unchanged_look_changes_nothing_but_when_it_was_seen(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    task, card, history = worker.task(), worker.card(), worker.history("*")
    (outcome,) = (await settled(sessions, make_observation(make_card(), LATER), now=LATER)).outcomes
    assert (outcome.created, outcome.taken) == (False, False)
    assert (worker.task(), worker.history("*")) == (task, history)
    assert {**worker.card(), "recent_activity": {}} == {
        **card,
        "last_read_at": LATER + SECOND,
        "recent_activity": {},
    }


async def test_a_persons_move_is_taken_and_counts_from_now(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    (outcome,) = (
        await settled(sessions, make_observation(make_card(status="Queued"), LATER), now=LATER)
    ).outcomes
    assert outcome.taken
    task = worker.task()
    assert (task["status"], task["board_status"], task["status_changed_at"]) == (
        "pending",
        "Queued",
        LATER,
    )
    assert task["updated_at"] == LATER
    assert worker.history("actor", "action", "property", "old_value", "new_value", "at")[1:] == [
        ("person:ada", "changed", "Status", "Draft", "Queued", LATER),
    ]
    assert worker.card("base_status, notion_status") == {
        "base_status": "Queued",
        "notion_status": "Queued",
    }


async def test_an_edited_text_is_taken_and_is_no_status_change(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    await settled(sessions, make_observation(make_card(title="Deeper"), LATER), now=LATER)
    task = worker.task()
    assert (task["title"], task["updated_at"], task["status_changed_at"]) == (
        "Deeper",
        LATER,
        make_card().edited_at,
    )
    assert worker.history("property", "old_value", "new_value")[1:] == [
        ("Title", "The deep", "Deeper")
    ]


async def test_a_refused_move_is_recorded_with_what_was_asked_for(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    result = await settled(
        sessions, make_observation(make_card(status="Uploading"), LATER), now=LATER
    )
    assert not result.outcomes[0].taken
    assert worker.task("board_status") == {"board_status": "Draft"}
    assert worker.history(
        "actor", "action", "property", "old_value", "new_value", "lost_value", "reason"
    )[1:] == [
        ("person:ada", "refused", "Status", "Draft", "Draft", "Uploading", "not_yours"),
    ]
    assert await to_push(sessions) == ["page-1"]
    assert worker.card("held_at") == {"held_at": None}


async def test_a_refused_move_that_nobody_watched_waits_and_a_trashed_card_waits_for_nothing(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    await settled(
        sessions, make_observation(make_card(status="Uploading"), LATER), now=LATER, watched=False
    )
    assert worker.card("held_at") == {"held_at": LATER}
    assert await to_push(sessions) == []
    async with sessions() as session:
        assert await waiting(session) == Waiting(moves=1, deletions=0)
    await settled(
        sessions, make_observation(make_card(status="Uploading", in_trash=True), LATER + MINUTE)
    )
    async with sessions() as session:
        assert not await waiting(session)


async def test_what_a_pipeline_agrees_to_waits_no_longer(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    await settled(
        sessions, make_observation(make_card(status="Uploading"), LATER), now=LATER, watched=False
    )
    worker.rows("UPDATE tasks SET board_status = 'Uploading'")
    assert await to_push(sessions) == ["page-1"]


async def test_an_overruled_move_is_recorded(sessions: Sessions, worker: Worker) -> None:
    await settled(sessions, make_observation(make_card(status="Queued")))
    worker.rows("UPDATE tasks SET status = 'processing'")
    await settled(sessions, make_observation(make_card(status="Draft"), LATER), now=LATER)
    assert worker.task("board_status") == {"board_status": "Processing"}
    assert worker.history("actor", "action", "lost_value", "reason")[1:] == [
        ("pipeline", "changed", None, None),
        ("person:ada", "overruled", "Draft", "both_changed"),
    ]


@pytest.mark.parametrize(
    ("edited_by", "how", "actor"),
    [
        ("ada", {}, "person:ada"),
        ("bot", {"bot_ids": {"bot"}}, "board"),
        (None, {}, "board"),
        ("ada", {"importing": True}, "import"),
    ],
)
async def test_the_history_says_who(
    sessions: Sessions,
    worker: Worker,
    edited_by: str | None,
    how: dict[str, Any],
    actor: str,
) -> None:
    await settled(sessions, make_observation(make_card(edited_by=edited_by)), **how)
    assert worker.history("actor") == [(actor,)]


async def test_each_change_of_a_batch_is_recorded_under_its_own_author(
    sessions: Sessions, worker: Worker
) -> None:
    observations = [
        make_observation(make_card(f"page-{who}", edited_by=who)) for who in ("cy", "ada", "ben")
    ]
    await settled(sessions, *observations)
    assert sorted(worker.history("notion_page_id", "actor")) == [
        ("page-ada", "person:ada"),
        ("page-ben", "person:ben"),
        ("page-cy", "person:cy"),
    ]


# Several at once


async def test_two_sessions_that_settle_the_same_new_page_at_once_make_one_task(
    sessions: Sessions,
    worker: Worker,
) -> None:
    both = await asyncio.gather(
        *(settled(sessions, make_observation(make_card(), NOW + n * MINUTE)) for n in range(2))
    )
    assert len(worker.rows("SELECT * FROM tasks")) == 1
    assert sum(outcome.created for result in both for outcome in result.outcomes) == 1


async def test_many_sessions_that_settle_the_same_pages_in_any_order_neither_block_nor_double(
    sessions: Sessions,
    worker: Worker,
) -> None:
    cards = [make_card(f"page-{n}") for n in range(20)]
    batches = [cards, cards[::-1], cards[10:] + cards[:10], cards[5:]]
    observations = [
        [make_observation(card, NOW + n * MINUTE) for card in batch]
        for n, batch in enumerate(batches)
    ]
    await asyncio.gather(*(settled(sessions, *batch) for batch in observations))
    assert worker.row("SELECT count(*) n FROM tasks")["n"] == 20


async def test_a_session_that_read_a_card_before_still_decides_on_the_newest_row(
    sessions: Sessions,
    worker: Worker,
) -> None:
    await settled(sessions, make_observation(make_card(status="Queued")))
    async with sessions() as session:
        held = [await card_and_task(session, "page-1"), (await session.scalars(select(Task))).one()]
        await session.commit()
        worker.rows("UPDATE tasks SET status = 'processing'")
        observation = make_observation(make_card(status="Draft"), LATER)
        result = await reconcile(session, [observation], now=LATER, correlation_id=None)
        await session.commit()
    assert held
    assert [
        lost.reason for outcome in result.outcomes if outcome.plan for lost in outcome.plan.lost
    ] == ["both_changed"]
    assert worker.task("board_status") == {"board_status": "Processing"}


async def test_a_task_whose_card_is_not_remembered_is_found_by_its_page(
    sessions: Sessions, worker: Worker
) -> None:
    with worker.taking_in():
        worker.rows(
            "INSERT INTO tasks (notion_page_id, title, channel_id, topic, status) "
            "VALUES ('page-1', 'a', 'b', 'c', 'failed')",
        )
    (outcome,) = (await settled(sessions, make_observation(make_card(status=None)))).outcomes
    assert (outcome.created, outcome.taken) == (False, True)
    assert worker.task("title, board_status") == {
        "title": "The deep",
        "board_status": "Error: Manual Review",
    }
    assert worker.history("action", "lost_value")[-1][0] != "overruled"
    assert await to_push(sessions) == ["page-1"]


async def test_importing_a_valid_board_makes_no_difference_whatever_it_lacks(
    sessions: Sessions,
) -> None:
    bare: dict[str, Any] = {"created": None, "updated": None, "priority": None}
    cards = [
        make_card("full", status="Under Review"),
        make_card("bare", **bare, status=None),
        make_card("old", **bare, status="Archived"),
        make_card("spelled", priority="high"),
    ]
    await settled(sessions, *map(make_observation, cards), importing=True, watched=False)
    assert await to_push(sessions) == []
    async with sessions() as session:
        assert not await waiting(session)


async def test_columns_of_an_old_board_that_we_do_not_know_count_as_no_put_back(
    sessions: Sessions,
) -> None:
    await settled(
        sessions,
        *(make_observation(make_card(f"page-{n}", status="Ideas")) for n in range(30)),
        importing=True,
        watched=False,
    )
    async with sessions() as session:
        assert not await waiting(session)


async def test_nothing_is_stored_unless_the_caller_commits(
    sessions: Sessions, worker: Worker
) -> None:
    async with sessions() as session:
        await reconcile(session, [make_observation(make_card())], now=NOW, correlation_id=None)
    assert worker.rows("SELECT * FROM cards") == []


async def test_settling_nothing_is_nothing(sessions: Sessions) -> None:
    assert await settled(sessions) == await settled(sessions)


async def test_a_card_waits_longer_after_every_failed_push_but_at_most_an_hour() -> None:
    card = Card(notion_page_id="p")
    waits = []
    for _ in range(9):
        card.failed("x" * 3000, NOW)
        assert card.next_attempt_at is not None
        waits.append(card.next_attempt_at - NOW)
    assert waits == [timedelta(seconds=s) for s in (30, 60, 120, 240, 480, 960, 1920, 3600, 3600)]
    assert len(card.last_error or "") == 2000
    card.succeeded()
    assert (card.attempts, card.next_attempt_at, card.last_error) == (0, None, None)
