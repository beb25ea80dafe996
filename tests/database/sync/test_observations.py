"""Which reads of a card are accepted: stale reads, pages in the trash, our own writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kit.rows import BOARD, MINUTE, NOW, SECOND, Worker, make_card, make_observation, settled
from sqlalchemy import URL

from models.postgres.engine import Sessions
from models.sync.card_changes import mark_deleted
from models.sync.observations import changed_pages
from models.tables.card_queries import card_and_task, count_cards
from models.tables.push_queue import pending

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


# Which looks count


async def test_a_look_that_began_before_the_last_one_ended_is_void(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card(), NOW))
    overlapping = make_observation(make_card(status="Queued"), NOW + SECOND / 2)
    result = await settled(sessions, overlapping)
    assert (result.outcomes, result.reread) == ((), ("page-1",))
    assert worker.task("board_status") == {"board_status": "Draft"}


async def test_a_void_look_that_says_nothing_new_needs_no_second_reading(
    sessions: Sessions,
) -> None:
    await settled(sessions, make_observation(make_card(priority="high"), NOW))
    result = await settled(sessions, make_observation(make_card(priority="high"), NOW))
    assert (result.outcomes, result.reread) == ((), ())


async def test_of_two_looks_at_once_the_one_that_began_later_counts(
    sessions: Sessions, worker: Worker
) -> None:
    newer, older = (
        make_observation(make_card(title="new"), LATER),
        make_observation(make_card(title="old"), NOW),
    )
    result = await settled(sessions, newer, older)
    assert len(result.outcomes) == 1
    assert worker.task("title") == {"title": "new"}


async def test_a_querys_row_that_is_older_than_the_card_is_ignored(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    stale = make_card(title="stale", edited_at=make_card().edited_at - MINUTE)
    result = await settled(sessions, make_observation(stale, LATER, by_id=False))
    assert (result.outcomes, result.reread) == ((), ())
    assert worker.task("title") == {"title": "The deep"}


async def test_a_querys_row_of_the_same_minute_counts_only_when_it_says_nothing_new(
    sessions: Sessions,
) -> None:
    await settled(sessions, make_observation(make_card(priority="high")))
    same = await settled(sessions, make_observation(make_card(priority="high"), LATER, by_id=False))
    assert (len(same.outcomes), same.reread) == (1, ())
    doubtful = await settled(
        sessions, make_observation(make_card(title="new"), LATER + MINUTE, by_id=False)
    )
    assert (doubtful.outcomes, doubtful.reread) == ((), ("page-1",))


async def test_a_querys_row_of_a_later_minute_counts(sessions: Sessions, worker: Worker) -> None:
    await settled(sessions, make_observation(make_card()))
    newer = make_card(title="new", edited_at=make_card().edited_at + MINUTE)
    assert len((await settled(sessions, make_observation(newer, LATER, by_id=False))).outcomes) == 1
    assert worker.task("title") == {"title": "new"}


async def test_news_are_cards_unknown_or_different(sessions: Sessions) -> None:
    await settled(
        sessions, make_observation(make_card("known")), make_observation(make_card("changed"))
    )
    async with sessions() as session:
        assert await changed_pages(session, []) == set()
        cards = [make_card("known"), make_card("changed", title="new"), make_card("unknown")]
        assert await changed_pages(session, cards) == {"changed", "unknown"}


# The trash


async def test_a_card_in_the_trash_keeps_its_task_and_is_not_pushed(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    worker.rows("UPDATE tasks SET status = 'processing'")
    assert await to_push(sessions) == ["page-1"]
    (outcome,) = (
        await settled(sessions, make_observation(make_card(in_trash=True), LATER), now=LATER)
    ).outcomes
    assert outcome.trashed
    assert worker.card("trashed_at") == {"trashed_at": LATER}
    assert worker.task("board_status") == {"board_status": "Processing"}
    assert await to_push(sessions) == []
    (reread,) = (
        await settled(sessions, make_observation(make_card(in_trash=True), LATER + MINUTE))
    ).outcomes
    assert not reread.trashed
    assert worker.history("action", "actor")[-1] == ("trashed", "person:ada")


async def test_a_restored_card_is_followed_again_from_what_was_agreed(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    await settled(sessions, make_observation(make_card(in_trash=True), LATER))
    (outcome,) = (
        await settled(sessions, make_observation(make_card(status="Queued"), LATER + MINUTE))
    ).outcomes
    assert (outcome.restored, outcome.created, outcome.taken) == (True, False, True)
    assert worker.card("trashed_at") == {"trashed_at": None}
    assert [action for (action,) in worker.history("action")] == [
        "created",
        "trashed",
        "restored",
        "changed",
    ]


async def test_a_card_first_seen_in_the_trash_is_a_first_contact_when_it_is_restored(
    sessions: Sessions,
    worker: Worker,
) -> None:
    bare: dict[str, Any] = {"created": None, "updated": None}
    await settled(sessions, make_observation(make_card(in_trash=True, **bare)))
    (outcome,) = (
        await settled(sessions, make_observation(make_card(**bare), LATER), now=LATER)
    ).outcomes
    assert (outcome.restored, outcome.created) == (True, True)
    assert worker.task("status_changed_at") == {"status_changed_at": make_card().edited_at}
    assert await to_push(sessions) == ["page-1"], "its dates"


async def test_a_page_that_is_not_found_is_marked_once_and_its_task_stays(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    for trashed in (True, False):
        async with sessions() as session, session.begin():
            (outcome,) = await mark_deleted(session, ["page-1"], now=LATER, correlation_id="c")
        assert outcome.trashed is trashed
    assert worker.card("trashed_at") == {"trashed_at": LATER}
    assert len(worker.rows("SELECT * FROM tasks")) == 1
    async with sessions() as session:
        assert await count_cards(session) == 0


async def test_a_page_never_read_and_not_found_is_never_pushed(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        assert await mark_deleted(session, ["nobody"], now=NOW, correlation_id=None) == []
    assert await to_push(sessions) == []


# Writes


async def test_a_written_look_agrees_with_the_database_and_clears_failures(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    worker.rows("UPDATE tasks SET status = 'processing', status_changed_at = %s", [NOW])
    async with sessions() as session, session.begin():
        found = await card_and_task(session, "page-1")
        assert found is not None
        found[0].failed("Notion said 502", NOW)
    assert worker.card("attempts, last_error") == {"attempts": 1, "last_error": "Notion said 502"}
    written = {"Status": "Processing", "Updated": NOW.replace(second=0)}
    answer = make_card(status="Processing", updated=NOW.replace(second=0), edited_by="bot")
    result = await settled(
        sessions, make_observation(answer, LATER, written=written), bot_ids={"bot"}
    )
    assert result.outcomes[0].plan is not None
    assert result.outcomes[0].plan.lost == ()
    assert worker.card("attempts, next_attempt_at, last_error, base_status") == {
        "attempts": 0,
        "next_attempt_at": None,
        "last_error": None,
        "base_status": "Processing",
    }
    assert await to_push(sessions) == []


async def test_a_task_that_moved_on_while_it_was_written_is_pushed_again(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    worker.rows("UPDATE tasks SET board_status = 'Assets Ready'")
    answer = make_card(status="Processing", edited_by="bot")
    result = await settled(
        sessions, make_observation(answer, LATER, written={"Status": "Processing"}), bot_ids={"bot"}
    )
    assert result.outcomes[0].plan is not None
    assert result.outcomes[0].plan.lost == ()
    assert worker.task("board_status") == {"board_status": "Assets Ready"}
    assert await to_push(sessions) == ["page-1"]
