"""One function decides about a task, whoever asks; on the board a move is the decision."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.production import Production
from kit.rows import make_card, make_observation, settled

from models.postgres.engine import Sessions
from models.production.gates import Decision, Outdated
from models.production.reviews import Decided, UnknownPiece, UnknownTask, decide
from models.production.steps import Step
from models.rules.statuses import BoardStatus

B = BoardStatus


@pytest.fixture(autouse=True)
def gates(worker: Production) -> None:
    """Composites and the film are gates of every channel."""
    worker.rows("UPDATE channels SET gates = '{composites,assembly}'")


@pytest.fixture
def waiting(worker: Production) -> UUID:
    """A task of three scenes that waits for a decision about its composites."""
    task = worker.add()
    assert worker.claimed() == task
    worker.ask("report", task=task, worker="ada", board_status="Composites Creating")
    for position in (1, 2, 3):
        worker.call(
            "attach",
            task=task,
            worker="ada",
            kind="composite",
            position=position,
            title="squid",
            path=f"{position}.png",
        )
    assert (
        worker.ask("report", task=task, worker="ada", board_status="Composites Ready") == "waiting"
    )
    return task


async def decided(sessions: Sessions, task: UUID, decision: Decision, **given: Any) -> Decided:
    usual: dict[str, Any] = {
        "gate": Step.COMPOSITES,
        "round": 1,
        "actor": "token:ed",
        "through": "http",
    }
    async with sessions.begin() as session:
        return await decide(session, task, decision=decision, **{**usual, **given})


def reviews(worker: Production, columns: str = "gate, round, decision, through") -> list[Any]:
    rows = worker.rows(f"SELECT {columns} FROM reviews ORDER BY id")
    return [tuple(row.values()) for row in rows]


async def test_an_approval_moves_the_task_on_and_offers_it_to_workers(
    worker: Production, sessions: Sessions, waiting: UUID
) -> None:
    made = await decided(sessions, waiting, Decision.APPROVE)
    assert (made.before, made.after) == (B.COMPOSITES_READY, B.VIDEOS_GENERATING)
    assert reviews(worker) == [("composites", 1, "approve", "http")]
    assert worker.claimed() == waiting


async def test_a_rejection_begins_the_step_anew_in_the_next_round(
    worker: Production, sessions: Sessions, waiting: UUID
) -> None:
    await decided(sessions, waiting, Decision.REJECT, pieces=[3, 1], note="hands")
    assert worker.column(waiting) == "Queued"
    assert reviews(worker, "decision, pieces, note") == [("reject", [1, 3], "hands")]
    worker.claimed()
    for column in ("Composites Creating", "Composites Ready"):
        worker.ask("report", task=waiting, worker="ada", board_status=column)
    with pytest.raises(Outdated, match="round 2; the decision is about “composites”, round 1"):
        await decided(sessions, waiting, Decision.APPROVE)
    await decided(sessions, waiting, Decision.APPROVE, round=2)
    assert reviews(worker)[1:] == [("composites", 2, "approve", "http")]


async def test_a_decision_about_a_round_that_never_was_counts_for_no_other(
    worker: Production, sessions: Sessions, waiting: UUID
) -> None:
    """A history approved round 0, and round 1 was approved."""
    with pytest.raises(Outdated, match="round 1; the decision is about “composites”, round 0"):
        await decided(sessions, waiting, Decision.APPROVE, round=0)
    assert reviews(worker) == []


async def test_of_two_approvals_at_once_one_wins(
    worker: Production, sessions: Sessions, waiting: UUID
) -> None:
    both = (decided(sessions, waiting, Decision.APPROVE) for _ in range(2))
    answers = await asyncio.gather(*both, return_exceptions=True)
    assert [type(answer) for answer in answers if not isinstance(answer, Decided)] == [Outdated]
    assert len(reviews(worker)) == 1


async def test_a_stop_waits_for_whoever_works_on_the_task(
    worker: Production, sessions: Sessions
) -> None:
    task = worker.add()
    worker.claimed()
    made = await decided(sessions, task, Decision.STOP, gate=None, round=None)
    assert made.stops == "ada"
    assert worker.ask("heartbeat", task=task, worker="ada") == "stop"
    assert reviews(worker) == [(None, 1, "stop", "http")]


async def test_a_retry_brings_an_error_back(worker: Production, sessions: Sessions) -> None:
    task = worker.add()
    worker.claimed()
    worker.ask("fail", task=task, worker="ada", kind="api_failure", reason="No money.")
    await decided(sessions, task, Decision.RETRY, gate=None, round=None)
    assert worker.column(task) == "Queued"
    assert reviews(worker) == [(None, 1, "retry", "http")]


@pytest.mark.parametrize(
    ("decision", "column", "said"),
    [
        (Decision.APPROVE, "Videos Generating", "waits at no gate"),
        (Decision.STOP, "Archived", "nothing to stop"),
        (Decision.STOP, "Draft", "nothing to stop"),
        (Decision.RETRY, "Processing", "only an error can be retried"),
    ],
)
async def test_what_cannot_be_decided_where_the_task_stands_is_refused(
    worker: Production, sessions: Sessions, decision: Decision, column: str, said: str
) -> None:
    task = worker.add(column=column)
    with pytest.raises(Outdated, match=said):
        await decided(sessions, task, decision, gate=None, round=None)
    assert reviews(worker) == []


async def test_a_scene_or_task_that_is_not_there_is_refused(
    worker: Production, sessions: Sessions, waiting: UUID
) -> None:
    with pytest.raises(UnknownPiece, match="no scene 4; the scenes are 1 to 3"):
        await decided(sessions, waiting, Decision.REJECT, pieces=[2, 4])
    with pytest.raises(UnknownTask, match="no task"):
        await decided(sessions, uuid4(), Decision.APPROVE)
    assert worker.column(waiting) == "Composites Ready"


@pytest.mark.parametrize(
    ("column", "decision", "pieces", "note"),
    [
        ("Videos Generating", "approve", [], ""),
        ("Queued", "reject", [1, 3], "hands"),
        ("Archived", "stop", [], ""),
    ],
)
async def test_a_drag_at_a_gate_is_the_decision_of_whoever_dragged(
    worker: Production,
    sessions: Sessions,
    waiting: UUID,
    column: str,
    decision: str,
    pieces: list[int],
    note: str,
) -> None:
    await on_the_board(worker, sessions, waiting)
    comments = {"page-1": "1, 3: hands"}
    dragged = make_observation(make_card(status=column, edited_by="ada"), at=worker.now)
    await settled(sessions, dragged, now=worker.now, comments=comments)
    assert worker.column(waiting) == column
    assert reviews(worker, "decision, actor, through, pieces, note") == [
        (decision, "person:ada", "board", pieces, note)
    ]
    assert (worker.lease(waiting)["approved_at"] is not None) is (decision == "approve")


async def test_a_comment_about_a_scene_that_is_not_there_rejects_all_and_says_so(
    worker: Production, sessions: Sessions, waiting: UUID
) -> None:
    await on_the_board(worker, sessions, waiting)
    dragged = make_observation(make_card(status="Queued", edited_by="ada"), at=worker.now)
    await settled(sessions, dragged, now=worker.now, comments={"page-1": "7: hands"})
    assert reviews(worker, "pieces, note") == [
        ([], "7: hands (There is no scene 7; the scenes are 1 to 3.)")
    ]


async def test_a_drag_to_archived_from_a_working_column_is_a_stop(
    worker: Production, sessions: Sessions
) -> None:
    task = worker.add()
    worker.claimed()
    worker.ask("report", task=task, worker="ada", board_status="Assets Generating")
    await on_the_board(worker, sessions, task)
    dragged = make_observation(make_card(status="Archived", edited_by="ada"), at=worker.now)
    await settled(sessions, dragged, now=worker.now)
    assert reviews(worker) == [(None, 1, "stop", "board")]
    assert worker.ask("heartbeat", task=task, worker="ada") == "stop"


async def on_the_board(worker: Production, sessions: Sessions, task: UUID) -> None:
    """The task gets a card that shows what it is."""
    row = worker.row("SELECT title, board_status FROM tasks WHERE id = %s", [task])
    with worker.taking_in():
        worker.rows("UPDATE tasks SET notion_page_id = 'page-1' WHERE id = %s", [task])
    worker.pass_(minutes=5)
    shown = make_card(title=row["title"], topic="topic", status=row["board_status"])
    await settled(sessions, make_observation(shown, at=worker.now), now=worker.now)
    worker.pass_(minutes=5)
