"""What people decide and do about videos in work, on the board and elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from models.production.gates import Decision, Outdated, gate_at
from models.production.reviews import UnknownPiece, UnknownTask, decide
from models.production.steps import Step
from models.rules.statuses import IN_WORK, BoardStatus, moves_of_people
from simulation.happenings.production.stories import a_story
from simulation.laws.task_history import GATES
from simulation.world.world import World

_TASKS: Final = (
    "SELECT t.id, t.board_status, t.notion_page_id, s.round FROM tasks AS t "
    "LEFT JOIN production_steps AS p ON p.done_column = t.board_status "
    "LEFT JOIN steps AS s ON s.task_id = t.id AND s.step = p.name "
    "ORDER BY t.notion_page_id, t.id"
)
_TELL = text("SELECT set_config('showrunner.now', :now, true)")
MOST_SCENES: Final = 3


async def somebody_decides(world: World) -> None:
    """Through HTTP or the command line: rightly, too late, or about what is not there."""
    rng = world.rng
    tasks = await world.rows(_TASKS)
    waiting = [task for task in tasks if gate_at(BoardStatus(task["board_status"]), 1)]
    if not tasks or (not waiting and rng.random() < 0.7):
        return
    task = rng.choice(waiting if waiting and rng.random() < 0.92 else tasks)
    await _decide(world, task, rng.choices(list(Decision), [65, 18, 8, 9])[0])


async def decides(
    world: World, task: UUID, decision: Decision, pieces: Collection[int] = ()
) -> None:
    """Decide about a task through the command line.

    Raises:
        Outdated: when it cannot be decided where the task stands.
    """
    async with world.databases.sessions.begin() as session:
        await session.execute(_TELL, {"now": world.clock().isoformat()})
        await decide(
            session,
            task,
            decision=decision,
            gate=None,
            round=None,
            actor="operator:ada",
            through="command",
            pieces=pieces,
        )
    world.turns.trail.append(f"    {decision} of {task} {sorted(pieces)}")


async def _decide(world: World, task: Any, decision: Decision) -> None:
    rng = world.rng
    gate = gate_at(BoardStatus(task["board_status"]), task["round"] or 1)
    step, round_ = (gate.step, gate.round) if gate else (rng.choice(list(Step)), 1)
    is_older = rng.random() < 0.3
    if is_older:
        step, round_ = rng.choice([(step, round_ + 1), (step, round_ - 1), (Step.UPLOAD, round_)])
    is_asked = is_older or rng.random() < 0.6
    pieces = rng.sample(range(1, MOST_SCENES + 1), rng.choice([0, 1, 1, 2]))
    through = rng.choice(["http", "command"])
    now = world.clock()
    try:
        async with world.databases.sessions.begin() as session:
            await session.execute(_TELL, {"now": now.isoformat()})
            decided = await decide(
                session,
                task["id"],
                decision=decision,
                gate=step if is_asked else None,
                round=round_ if is_asked else None,
                actor=f"token:{through}" if through == "http" else "operator:ada",
                through=through,
                pieces=pieces if decision is Decision.REJECT else (),
                note="hands" if pieces else "",
            )
    except (Outdated, UnknownPiece, UnknownTask) as error:
        said = type(error).__name__
    else:
        said = f"{decided.before} -> {decided.after}"
        is_about = decision in {Decision.APPROVE, Decision.REJECT} or is_asked
        if is_about and is_older:
            world.failures.append(f"{decision} of {step}, round {round_}, counts: {said}")
    world.happened[f"{decision} through {through}: {said if '->' not in said else 'done'}"] += 1
    world.turns.trail.append(f"    {decision} {step} {round_} of {task['id']}: {said}")


async def a_card_in_work_is_touched(world: World) -> None:
    """Drag a card at a gate or in work as people may, edit it, or trash it."""
    rng = world.rng
    shown = {page_id: world.ledger.written[page_id, "Status"][-1].value for page_id in world.cards}
    at_gate = [page_id for page_id, column in shown.items() if column in GATES]
    in_work = [page_id for page_id, column in shown.items() if column in IN_WORK]
    if not in_work and not at_gate:
        return
    page_id = rng.choice(at_gate if at_gate and rng.random() < 0.8 else in_work or at_gate)
    doing = rng.choices(["drag", "edit", "trash"], [75, 18, 7])[0]
    world.happened[f"cards in work: {doing}"] += 1
    if doing == "trash":
        await world.person("PATCH", f"/v1/pages/{page_id}", {"in_trash": True})
        world.trashed[page_id] = world.clock.now
    elif doing == "edit":
        await world.write(page_id, story=a_story(world), title=f"Edited {rng.randint(1, 99)}")
    else:
        await _drag(world, page_id, BoardStatus(shown[page_id]))


async def _drag(world: World, page_id: str, stands: BoardStatus) -> None:
    rng = world.rng
    allowed = sorted(moves_of_people(stands, gates=GATES))
    if not allowed:
        return
    to = rng.choice(allowed)
    if to in {BoardStatus.QUEUED, BoardStatus.REVIEW_REJECTED} and rng.random() < 0.6:
        said = rng.choice(["1: hands", "2, 1 : too dark", "9: none", "all of it"])
        comment = {"parent": {"page_id": page_id}, "rich_text": [{"text": {"content": said}}]}
        await world.person("POST", "/v1/comments", comment)
    await world.write(page_id, status=to.value)
