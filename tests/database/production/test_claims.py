"""`showrunner.claim_task`: which task is given out, and which is not."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.clock import NOW
from kit.production import Production
from sqlalchemy import URL

from models.production.queue import Waiting, next_task
from models.rules.statuses import Priority

INCIDENT = (
    "INSERT INTO incidents (name, level, title, began_at, facts) "
    "SELECT 'safety_stop:{0}', 'ERROR', 't', now(), '{{}}' WHERE %s IS NOT NULL"
)
CARD = "INSERT INTO cards (notion_page_id, task_id, {0}) VALUES ('p', %s, {1})"


def test_a_queued_task_is_taken_once_with_all_that_a_worker_needs(worker: Production) -> None:
    task = worker.add("Giant squid", priority="high")
    worker.rows("UPDATE tasks SET story_direction = 'Deep.'")
    assert worker.claim("ada", lease=timedelta(minutes=5)) == {
        "task_id": task,
        "title": "Giant squid",
        "channel_id": "deep_sea",
        "topic": "topic",
        "story_direction": "Deep.",
        "priority": "high",
        "board_status": "Processing",
        "attempt": 1,
        "lease_until": NOW + timedelta(minutes=5),
    }
    assert worker.column(task) == "Processing"
    assert worker.claim("bob") is None
    lease = worker.lease(task)
    assert (lease["worker"], lease["returns_to"], lease["taken_at"]) == ("ada", "Queued", NOW)
    assert worker.history("actor", "new_value")[-1] == ("worker:ada", "Processing")


def test_a_lease_lasts_ten_minutes_unless_the_worker_asks_for_another_length(
    worker: Production,
) -> None:
    worker.add()
    found = worker.claim()
    assert found is not None
    assert found["lease_until"] == NOW + timedelta(minutes=10)


def test_nothing_waits_nothing_is_given(worker: Production) -> None:
    for column in ("Draft", "Processing", "Ready for Review", "Error: Retriable", "Archived"):
        worker.add(column=column)
    assert worker.claim() is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"worker": ""}, "A worker has a name of 1 to 100 characters"),
        ({"worker": " \t"}, "A worker has a name of 1 to 100 characters"),
        ({"worker": None}, "A worker has a name of 1 to 100 characters"),
        ({"worker": "x" * 101}, "A worker has a name of 1 to 100 characters"),
        ({"lease": timedelta(days=365)}, "A lease lasts between 5 seconds and 6 hours"),
        ({"lease": timedelta(seconds=4)}, "A lease lasts between 5 seconds and 6 hours"),
        ({"lease": timedelta(seconds=-60)}, "A lease lasts between 5 seconds and 6 hours"),
        ({"lease": None}, "A lease lasts between 5 seconds and 6 hours"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    worker: Production, given: dict[str, Any], words: str
) -> None:
    worker.add()
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=words):
        worker.claim(**{"worker": "ada", **given})


@pytest.mark.parametrize(
    "statement",
    [
        CARD.format("trashed_at", "now()"),
        CARD.format("missing_at", "now()"),
        CARD.format("violation_text", "'Topic is empty.'"),
        "INSERT INTO leases (task_id, worker, until) VALUES (%s, 'bob', now())",
        "INSERT INTO leases (task_id, stop_requested_at) VALUES (%s, now())",
        "INSERT INTO leases (task_id, next_attempt_at) VALUES (%s, '2026-11-23T10:00:31Z')",
        "UPDATE channels SET configured = false WHERE %s IS NOT NULL",
        "UPDATE channels SET producer = 'showrunner' WHERE %s IS NOT NULL",
        INCIDENT.format("moves"),
        INCIDENT.format("gone"),
        "INSERT INTO sync_state (key) SELECT 'last_good_cycle' WHERE %s IS NOT NULL",
    ],
    ids=[
        "trashed",
        "not found",
        "invalid",
        "leased, though the lease expired",
        "stopped",
        "due later",
        "channel not configured",
        "made by Showrunner",
        "held moves",
        "held deletions",
        "no cycle since a backup was restored",
    ],
)
def test_what_must_not_be_worked_on_is_never_given(worker: Production, statement: str) -> None:
    task = worker.add()
    worker.rows(statement, [task])
    assert worker.claim() is None
    assert worker.column(task) == "Queued"


def test_what_stood_in_the_way_and_is_over_does_not(worker: Production) -> None:
    task = worker.add()
    worker.rows("INSERT INTO leases (task_id, next_attempt_at) VALUES (%s, %s)", [task, worker.now])
    worker.rows("INSERT INTO sync_state (key, value) VALUES ('last_good_cycle', '{}')")
    worker.rows(
        "INSERT INTO incidents (name, level, title, began_at, ended_at, facts) VALUES "
        "('safety_stop:moves', 'ERROR', 't', now(), now(), '{}'), "
        "('card_failing:p', 'ERROR', 't', now(), NULL, '{}')"
    )
    worker.rows("INSERT INTO cards (notion_page_id, task_id) VALUES ('p', %s)", [task])
    assert worker.claimed() == task


def test_a_channel_has_as_many_tasks_in_work_as_it_allows(worker: Production) -> None:
    for number in range(3):
        worker.add(str(number))
    other = worker.add(channel="b")
    worker.rows("UPDATE channels SET at_once = 2 WHERE id = 'deep_sea'")
    first, second = worker.claimed(channels=["deep_sea"]), worker.claimed(channels=["deep_sea"])
    assert worker.claimed(channels=["deep_sea"]) is None
    assert worker.claimed() == other
    worker.move(first or other, "Error: Manual Review")
    assert worker.claimed(channels=["deep_sea"]) not in {None, first, second}


@pytest.mark.parametrize("budget", ["video", "month", "day"])
@pytest.mark.parametrize(
    ("limit", "spent", "is_given"), [(10, 9.99, True), (10, 10, False), (0, 0, True), (0, 1, False)]
)
def test_nothing_is_begun_when_a_budget_is_used_up(
    worker: Production,
    budget: str,
    limit: float,
    spent: float,
    is_given: bool,  # noqa: FBT001
) -> None:
    task = worker.add()
    if budget == "day":
        worker.rows(
            "INSERT INTO sync_state (key, value) VALUES ('production_daily_budget', "
            "jsonb_build_object('usd', %s::text))",
            [limit],
        )
    else:
        worker.rows(f"UPDATE channels SET budget_{budget} = %s", [limit])
    worker.spent(spent, task)
    assert (worker.claimed() == task) is is_given


def test_budgets_are_of_the_calendar_in_utc_and_of_the_channel_and_video(
    worker: Production,
) -> None:
    task, other = worker.add(), worker.add(channel="b", column="Draft")
    worker.rows("UPDATE channels SET budget_month = 5, budget_video = 5")
    worker.rows(
        "INSERT INTO sync_state (key, value) VALUES ('production_daily_budget', '{\"usd\": \"5\"}')"
    )
    worker.rows("SET TimeZone = 'Pacific/Auckland'")
    worker.at(NOW.replace(day=1, hour=0, minute=0, second=0) - timedelta(seconds=1))
    worker.spent(5, other)
    worker.at(NOW - timedelta(days=1))
    worker.spent(5, other, channel="b")
    worker.at(NOW)
    assert worker.claimed() == task


def test_an_estimate_counts_until_it_is_released(worker: Production) -> None:
    task = worker.add()
    worker.rows("UPDATE channels SET budget_video = 5")
    spend = (
        "INSERT INTO spends (task_id, task_title, channel_id, what, kind, usd) "
        "VALUES (%s, 't', 'deep_sea', 'clip 1', %s, 5)"
    )
    worker.rows(spend, [task, "estimated"])
    assert worker.claim() is None
    worker.rows(spend, [task, "released"])
    assert worker.claimed() == task


def test_an_approved_film_is_given_out_and_keeps_its_column(worker: Production) -> None:
    task = worker.add(column="Ready for Review")
    worker.acts_as("person:ada")
    worker.move(task, "Review Approved")
    found = worker.claim()
    assert found is not None
    assert (found["task_id"], found["board_status"]) == (task, "Review Approved")
    assert worker.claim() is None
    assert worker.lease(task)["returns_to"] == "Review Approved"


def test_a_task_that_passed_a_gate_is_given_out_in_the_column_after_it(worker: Production) -> None:
    worker.rows("UPDATE channels SET gates = '{composites,assembly}'")
    task = worker.add(column="Composites Ready")
    assert worker.claim() is None
    worker.acts_as("person:ada")
    worker.move(task, "Videos Generating")
    found = worker.claim()
    assert found is not None
    assert (found["task_id"], found["board_status"]) == (task, "Videos Generating")
    assert worker.claim() is None


def test_approved_and_queued_tasks_stand_in_one_order(worker: Production) -> None:
    approved = worker.add(column="Ready for Review")
    worker.move(approved, "Review Approved")
    worker.pass_(minutes=1)
    queued = worker.add("queued")
    high = worker.add("urgent", priority="high")
    assert [worker.claimed() for _ in range(3)] == [high, approved, queued]


def test_of_the_first_six_claims_the_channel_with_two_has_two(worker: Production) -> None:
    for number in range(10):
        worker.add(str(number))
    for number in range(2):
        worker.add(str(number), channel="b")
    taken = [worker.claim() for _ in range(6)]
    assert Counter(task["channel_id"] for task in taken if task) == {"deep_sea": 4, "b": 2}


tasks = st.lists(
    st.tuples(
        st.sampled_from(["b", "deep_sea", "third"]),
        st.sampled_from(list(Priority)),
        st.integers(0, 5),
    ),
    max_size=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tasks, st.none() | st.frozensets(st.sampled_from(["b", "deep_sea", "third", "none"])))
def test_tasks_are_given_out_in_the_order_of_the_rule(
    worker: Production, wanted: list[tuple[str, Priority, int]], channels: frozenset[str] | None
) -> None:
    worker.rows("DELETE FROM tasks")
    worker.rows("INSERT INTO channels (id) VALUES ('third') ON CONFLICT DO NOTHING")
    worker.rows("UPDATE channels SET served_at = NULL")
    waiting = []
    for channel, priority, minutes in wanted:
        queued = NOW - timedelta(minutes=minutes)
        worker.at(queued)
        task = worker.add(channel=channel, priority=priority)
        waiting.append(
            Waiting(task_id=str(task), channel_id=channel, priority=priority, queued_at=queued)
        )
    worker.at(NOW)
    while True:
        served = {
            row["id"]: row["served_at"]
            for row in worker.rows("SELECT * FROM channels WHERE served_at IS NOT NULL")
        }
        due = next_task(waiting, served, channels=channels)
        given_out = worker.claimed(channels=None if channels is None else sorted(channels))
        assert str(given_out) == (due.task_id if due else "None")
        if due is None:
            break
        waiting.remove(due)


def test_no_task_is_given_to_two_workers_that_ask_at_once(
    database: URL, worker: Production
) -> None:
    for number in range(20):
        worker.add(str(number))

    def take(name: str) -> list[Any]:
        mine = Production(database)
        found = [mine.claimed(name) for _ in range(8)]
        mine.connection.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        found = [task for tasks in pool.map(take, "abcd") for task in tasks if task is not None]
    assert (len(found), len(set(found))) == (20, 20)


def test_a_task_that_somebody_is_moving_is_passed_over_and_not_waited_for(
    database: URL, worker: Production
) -> None:
    first = worker.add("first")
    worker.pass_(minutes=1)
    second = worker.add("second")
    other = Production(database)
    other.rows("SET lock_timeout = '1s'")
    with worker.connection.transaction():
        worker.move(first, "Draft")
        assert other.claimed() == second
        assert other.claim() is None
    assert other.claim() is None
    other.connection.close()


def test_a_claim_looks_at_no_more_tasks_than_there_are_channels_however_many_wait(
    worker: Production,
) -> None:
    worker.rows("INSERT INTO channels (id) SELECT 'c' || n FROM generate_series(1, 8) AS n")
    worker.rows(
        "INSERT INTO tasks (title, channel_id, topic, board_status, priority) "
        "SELECT 't', 'c' || 1 + n %% 8, 't', 'Queued', "
        "(ARRAY['low', 'normal', 'high'])[1 + n %% 3] FROM generate_series(1, 10000) AS n"
    )
    counted = "SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'tasks'"
    for _ in range(2):
        with worker.connection.transaction():
            before = worker.row(counted)
            assert worker.claim() is not None
            after = worker.row(counted)
        assert after["seq_scan"] == before["seq_scan"]
        assert after["idx_tup_fetch"] - before["idx_tup_fetch"] <= 20
        worker.rows("ANALYZE tasks")
