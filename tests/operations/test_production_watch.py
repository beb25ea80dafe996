"""Dead workers, silent ones and used-up budgets are an incident each, once, until they are over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from kit.production import Production
from sqlalchemy import URL

from models.operations.health.check import State
from models.operations.production import (
    judge_production,
    production_lines,
    read_production,
    task_production,
    troubles,
)
from models.postgres.engine import Sessions


@pytest.fixture
def worker(database: URL) -> Iterator[Production]:
    """A worker; the channel `deep_sea_stories` is configured."""
    made = Production(database)
    made.rows("INSERT INTO channels (id) VALUES ('deep_sea') ON CONFLICT DO NOTHING")
    yield made
    made.connection.close()


async def names(sessions: Sessions, worker: Production) -> list[str]:
    async with sessions() as session:
        return [one.name for one in await troubles(session, worker.now)]


async def test_a_worker_whose_lease_expired_is_lost_until_a_step_is_finished_again(
    worker: Production, sessions: Sessions
) -> None:
    task = worker.add()
    worker.claim()
    assert await names(sessions, worker) == []
    worker.pass_(minutes=11)
    assert await names(sessions, worker) == [f"worker_lost:{task}"]
    worker.call("return_expired_leases")
    worker.claim()
    assert await names(sessions, worker) == [f"worker_lost:{task}"]
    for column in ("Assets Generating", "Assets Ready"):
        worker.ask("report", task=task, worker="ada", board_status=column)
    assert await names(sessions, worker) == []


async def test_a_task_whose_workers_were_lost_three_times_is_told_until_a_person_moves_it(
    worker: Production, sessions: Sessions
) -> None:
    task = worker.add()
    for _ in range(3):
        worker.claim()
        worker.pass_(minutes=11)
        worker.call("return_expired_leases")
    assert worker.column(task) == "Error: Manual Review"
    assert await names(sessions, worker) == [f"worker_lost:{task}"]
    worker.move(task, "Queued")
    assert await names(sessions, worker) == []


async def test_a_worker_that_is_silent_within_a_long_lease_is_stuck(
    worker: Production, sessions: Sessions
) -> None:
    task = worker.add()
    worker.claim(lease=timedelta(hours=6))
    worker.pass_(minutes=59)
    assert await names(sessions, worker) == []
    worker.pass_(minutes=1)
    assert await names(sessions, worker) == [f"step_stuck:{task}"]
    worker.ask("heartbeat", task=task, worker="ada")
    assert await names(sessions, worker) == []


async def test_a_budget_that_is_used_up_is_named_until_it_is_raised(
    worker: Production, sessions: Sessions
) -> None:
    task = worker.add()
    worker.rows("UPDATE channels SET budget_month = 5, budget_video = 4")
    worker.rows(
        "INSERT INTO sync_state (key, value) VALUES ('production_daily_budget', '{\"usd\": 3}')"
    )
    worker.spent(5, task)
    assert await names(sessions, worker) == [
        "budget_reached:channel/deep_sea",
        "budget_reached:day",
        f"budget_reached:video/{task}",
    ]
    worker.pass_(days=40)
    assert await names(sessions, worker) == [f"budget_reached:video/{task}"]
    worker.rows("UPDATE channels SET budget_video = 6")
    assert await names(sessions, worker) == []


async def test_doctor_counts_what_is_in_production(worker: Production, sessions: Sessions) -> None:
    worker.add()
    worker.claim()
    worker.add()
    worker.add(column="Error: API Failure")
    async with sessions() as session:
        check = judge_production(await read_production(session, worker.now))
    assert check.state is State.OK
    assert check.facts == "1 in work, 1 waiting, 0 at a gate, 1 with an error"
    worker.pass_(minutes=11)
    async with sessions() as session:
        check = judge_production(await read_production(session, worker.now))
    assert check.state is State.WARN
    assert check.facts == "The worker of “squid” stopped answering at “Processing”."
    assert check.details["working"] == 1


async def test_card_show_says_who_works_on_it_what_it_cost_and_what_it_waits_for(
    worker: Production, sessions: Sessions
) -> None:
    task = worker.add()
    async with sessions() as session:
        assert await task_production(session, task) is None
    worker.claim()
    worker.ask("report", task=task, worker="ada", board_status="Assembling Video", detail="joining")
    worker.spent(1.5, task)
    async with sessions() as session:
        lines = production_lines(await task_production(session, task) or {})
    assert lines[0].startswith("“ada” works on it since ")
    assert lines[1:] == ["it says: joining", "83% made", "cost 1.50 USD"]
    worker.ask("report", task=task, worker="ada", board_status="Ready for Review")
    async with sessions() as session:
        lines = production_lines(await task_production(session, task) or {})
    assert lines[:3] == ["nobody works on it", "100% made", "cost 1.50 USD"]
    assert lines[3].startswith("waits: Watch the film")
