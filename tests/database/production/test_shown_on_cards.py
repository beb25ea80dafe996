"""What a card shows of its task's production, and when that makes a difference to push."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from kit.production import Production
from kit.rows import BOARD, make_card, make_observation, settled

from models.postgres.engine import Sessions
from models.rules.board_schema import Board, Property
from models.rules.merge_base import PUSHED
from models.sync.writes.pending import pending_write_of
from models.tables.card_queries import card_and_task
from models.tables.push_queue import pending

FACTS = Board(
    data_source_id=BOARD.data_source_id,
    properties={
        **BOARD.properties,
        **{name: Property(id=name, name=name, type="number") for name in ("Progress", "Cost")},
        "Video": Property(id="Video", name="Video", type="url"),
    },
)


@pytest.fixture
async def task(worker: Production, sessions: Sessions) -> UUID:
    """A task with a card, which “ada” has taken; composites are a gate."""
    worker.rows("UPDATE channels SET gates = '{composites,assembly}'")
    made = worker.add()
    with worker.taking_in():
        worker.rows("UPDATE tasks SET notion_page_id = 'page-1'")
    shown = make_card(title="squid", topic="topic", status="Queued")
    await settled(sessions, make_observation(shown, at=worker.now), now=worker.now)
    assert worker.claimed() == made
    return made


def text(worker: Production) -> str:
    return str(worker.card("production_text")["production_text"])


def report(worker: Production, task: UUID, *columns: str) -> None:
    for column in columns:
        worker.ask("report", task=task, worker="ada", board_status=column)


def attach(worker: Production, task: UUID, kind: str, position: int, **more: Any) -> None:
    usual = {"title": "", "path": "x"}
    worker.call(
        "attach", task=task, worker="ada", kind=kind, position=position, **{**usual, **more}
    )


async def written(sessions: Sessions, board: Board) -> dict[str, Any]:
    async with sessions() as session:
        found = await card_and_task(session, "page-1")
        assert found is not None
        change = pending_write_of(*found, board)
    return dict(change.values) if change else {}


async def due(sessions: Sessions, worker: Production, board: Board) -> bool:
    async with sessions() as session:
        return await pending(session, board, now=worker.now, limit=9) == ["page-1"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("invalid_input", "Failed: No story. Correct the card, then drag it to Queued."),
        ("api_failure", "Failed: No story. Drag the card to Queued to try again."),
        (
            "manual_review",
            (
                "Failed: No story. Look into it, then drag the card to Queued to go on, or to "
                "Archived to give it up."
            ),
        ),
        (
            "retriable",
            (
                "Failed: No story. It is tried again at {} UTC (attempt 2 of 5); drag the card to "
                "Queued to try at once."
            ),
        ),
    ],
)
async def test_an_error_says_what_failed_and_what_to_do(
    worker: Production, task: UUID, kind: str, said: str
) -> None:
    worker.ask("fail", task=task, worker="ada", kind=kind, reason="No story")
    moved = worker.now + timedelta(minutes=1)
    assert text(worker) == said.format(f"{moved:%Y-%m-%d %H:%M}")
    worker.move(task, "Queued")
    assert text(worker) == ""


def test_an_error_without_a_reason_says_that_there_is_none(worker: Production, task: UUID) -> None:
    worker.move(task, "Error: API Failure")
    assert text(worker) == (
        "Failed: no reason was given. Look into it, then drag the card to Queued to try again."
    )
    worker.move(task, "Queued")
    assert text(worker) == ""


def test_a_used_up_budget_is_said_while_nobody_works_on_the_task_and_until_it_is_raised(
    worker: Production, task: UUID
) -> None:
    worker.rows("UPDATE channels SET budget_video = 5")
    attach(worker, task, "image", 1, cost_usd=5.5)
    assert text(worker) == ""
    worker.move(task, "Queued")
    assert text(worker) == (
        "Waits: its budget of 5.00 USD is used up (5.50 USD spent or reserved). Raise the budget "
        "of a video in the channel's file, or drag the card to Archived."
    )
    worker.rows("UPDATE channels SET budget_video = 6")
    assert text(worker) == ""
    worker.rows("UPDATE channels SET budget_video = NULL")
    assert text(worker) == ""


async def test_a_gate_says_what_to_look_at_what_going_on_costs_and_which_moves_decide(
    worker: Production, task: UUID
) -> None:
    other = worker.add()
    worker.rows(
        "INSERT INTO spends (task_id, task_title, channel_id, what, kind, usd) VALUES "
        "(%s, '', 'deep_sea', 'clip 1, round 1', 'charged', 9.9), "
        "(%s, '', 'deep_sea', 'image 1, round 1', 'charged', 1), "
        "(%s, '', 'b', 'clip 1, round 1', 'charged', 100)",
        [other] * 3,
    )
    report(worker, task, "Composites Creating", "Composites Ready")
    assert text(worker) == (
        "Look at the composites, then move the card: “Videos Generating” goes on, “Queued” has "
        "them made anew, “Archived” stops. Going on costs about 9.90 USD. To reject some scenes "
        "only, write a comment first, for example “2, 5: hands”."
    )
    worker.rows("UPDATE leases SET estimate = 12.5")
    assert "about 12.50 USD" in text(worker)


async def test_a_second_round_is_named_at_its_gate(worker: Production, task: UUID) -> None:
    worker.rows("UPDATE channels SET gates = '{assembly}'")
    report(worker, task, "Assembling Video", "Ready for Review")
    assert text(worker).startswith("Watch the film, then move the card: “Review Approved” ")
    worker.move(task, "Review Rejected")
    worker.move(task, "Queued")
    worker.claimed()
    report(worker, task, "Assembling Video", "Ready for Review")
    assert text(worker).startswith("Watch the film (round 2), then")


async def test_a_column_that_is_no_gate_and_a_task_without_a_worker_say_nothing(
    worker: Production, task: UUID
) -> None:
    report(worker, task, "Assets Generating", "Assets Ready")
    assert text(worker) == ""
    worker.rows("DELETE FROM leases")
    worker.move(task, "Composites Ready")
    assert text(worker) == ""


async def test_a_stop_is_said_until_the_worker_has_stopped(worker: Production, task: UUID) -> None:
    worker.move(task, "Archived")
    assert text(worker) == "Stopping: “ada” was asked to stop, and ends what it has begun."
    report(worker, task, "Assets Generating")
    assert text(worker) == ""


async def test_an_edit_of_a_task_in_work_is_kept_for_the_next_round(
    worker: Production, task: UUID, sessions: Sessions
) -> None:
    worker.pass_(minutes=5)
    edited = make_card(title="kraken", topic="eyes", status="Queued")
    await settled(sessions, make_observation(edited, at=worker.now), now=worker.now)
    assert worker.task("title, topic") == {"title": "kraken", "topic": "eyes"}
    assert text(worker) == (
        "Edited while the video is in work: Title, Topic. The next round has it."
    )
    worker.move(task, "Queued")
    assert text(worker) == ""


async def test_progress_cost_and_film_are_written_where_the_board_has_them(
    worker: Production, task: UUID, sessions: Sessions
) -> None:
    worker.rows("UPDATE channels SET gates = '{assembly}'")
    report(worker, task, "Assets Generating", "Assets Ready", "Composites Creating")
    attach(worker, task, "image", 2)
    attach(worker, task, "composite", 1, cost_usd=0.124)
    made = await written(sessions, FACTS)
    assert (made["Progress"], made["Cost"]) == (0.25, 0.12)
    assert not {"Progress", "Cost"} & (await written(sessions, BOARD)).keys()
    report(worker, task, "Assembling Video")
    attach(worker, task, "film", 0, path=None, url="https://films.example/1.mp4")
    report(worker, task, "Ready for Review")
    made = await written(sessions, FACTS)
    assert (made["Progress"], made["Video"]) == (1.0, "https://films.example/1.mp4")


async def test_a_rejected_film_begins_at_nothing(worker: Production, task: UUID) -> None:
    worker.rows("UPDATE channels SET gates = '{assembly}'")
    report(worker, task, "Assembling Video", "Ready for Review")
    assert worker.card("task_progress") == {"task_progress": 1.0}
    worker.move(task, "Review Rejected")
    assert worker.card("task_progress") == {"task_progress": 0.0}


async def test_progress_alone_is_written_once_a_minute_and_other_changes_at_once(
    worker: Production, task: UUID, sessions: Sessions
) -> None:
    report(worker, task, "Assets Generating")
    values = await written(sessions, FACTS)
    shown = {name.lower(): value for name, value in values.items() if name in PUSHED}
    pushed = make_card(title="squid", topic="topic", **shown)
    worker.pass_(seconds=5)
    await settled(sessions, make_observation(pushed, at=worker.now, written=values), now=worker.now)
    worker.rows("UPDATE cards SET facts_written_at = %s", [worker.now])
    assert not await due(sessions, worker, FACTS)
    worker.spent(1, task)
    assert not await due(sessions, worker, FACTS)
    worker.pass_(minutes=1)
    assert await due(sessions, worker, FACTS)
    assert not await due(sessions, worker, BOARD)
    worker.rows("UPDATE cards SET facts_written_at = %s", [worker.now])
    report(worker, task, "Assets Ready")
    assert await due(sessions, worker, FACTS)


def test_a_card_that_is_made_later_shows_its_production(worker: Production) -> None:
    task = worker.add()
    worker.claimed()
    worker.ask("fail", task=task, worker="ada", kind="api_failure", reason="No money.")
    worker.rows("INSERT INTO cards (notion_page_id, task_id) VALUES ('page-1', %s)", [task])
    assert text(worker) == "Failed: No money. Drag the card to Queued to try again."
