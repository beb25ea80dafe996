"""No gate is passed without a row of `reviews`."""

from __future__ import annotations

from typing import Final

from models.rules.statuses import AFTER_GATE, BoardStatus
from simulation.world.world import World

PASSED: Final = [
    *AFTER_GATE.items(),
    (BoardStatus.READY_FOR_REVIEW, BoardStatus.REVIEW_APPROVED),
    (BoardStatus.UNDER_REVIEW, BoardStatus.REVIEW_APPROVED),
]
"""Moves that people can make at a gate only, and that approve."""


async def broken(world: World) -> list[str]:
    """Gates that were passed without an approval."""
    return [*await _moved_unapproved(world), *await _approved_unseen(world)]


async def _approved_unseen(world: World) -> list[str]:
    """Gates that were passed without asking, though their pieces differ from the approved ones."""
    again = await world.rows(
        "SELECT r.task_id, r.gate, r.round, s.piece, (SELECT max(e.round) FROM reviews AS e "
        "WHERE e.task_id = r.task_id AND e.gate = r.gate AND e.decision = 'approve' "
        "AND e.round < r.round) AS seen FROM reviews AS r "
        "JOIN production_steps AS s ON s.name = r.gate WHERE r.actor = 'showrunner'"
    )
    found = []
    for row in again:
        world.happened["gates passed again"] += 1
        files = {
            round_: await world.rows(
                "SELECT position, sha256 FROM pieces WHERE task_id = :task AND kind = :kind "
                "AND round = :round ORDER BY position",
                task=row["task_id"],
                kind=row["piece"],
                round=round_,
            )
            for round_ in (row["round"], row["seen"])
        }
        if files[row["round"]] != files[row["seen"]]:
            found.append(
                f"round {row['round']} of {row['gate']} of task {row['task_id']} was passed like "
                f"round {row['seen']}, and differs"
            )
    return found


async def _moved_unapproved(world: World) -> list[str]:
    """Every task that people moved past a gate more often than they approved it."""
    moves = await world.rows(
        "SELECT task_id, old_value, new_value FROM task_history WHERE action = 'changed' "
        "AND property = 'Status' AND actor NOT IN ('pipeline', 'dispatcher', "
        "'operator:take-board') AND actor NOT LIKE 'worker:%' ORDER BY id"
    )
    approved = await world.rows(
        "SELECT task_id, count(*) AS times FROM reviews "
        "WHERE decision = 'approve' AND through <> 'sql' GROUP BY task_id"
    )
    left = {row["task_id"]: row["times"] for row in approved}
    found = []
    for row in moves:
        if (row["old_value"], row["new_value"]) not in PASSED:
            continue
        world.happened["gates passed by people"] += 1
        left[row["task_id"]] = left.get(row["task_id"], 0) - 1
        if left[row["task_id"]] < 0:
            found.append(
                f"task {row['task_id']} went from {row['old_value']} to {row['new_value']} "
                "by a person, and nobody approved that"
            )
    return found
