"""How long each step of a video took, and how much of it was spent inside the makers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from benchmarks.production.timed_makers import BEGAN, ENDED
from models.production.steps import STEPS, Step

_MOVES = """
SELECT new_value, at FROM task_history
WHERE task_id = %s AND property = 'Status' ORDER BY id
"""
_NOTES = "SELECT notes FROM pieces WHERE task_id = %s AND kind = %s"


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """The seconds of one step.

    Attributes:
        total: from the moment when it could begin until its done column.
        makers: during which at least one piece was being made.
    """

    step: Step
    total: float
    makers: float

    @property
    def ours(self) -> float:
        """What was spent outside the makers."""
        return self.total - self.makers


async def step_times(connection: AsyncConnection[Any], task: object) -> list[StepTime]:
    """The times of all steps but the upload, in order.

    A step can begin when the one before is done; the first one when the card is queued; one after a
    gate when the gate was approved.
    """
    rows = await (await connection.execute(_MOVES, [task])).fetchall()
    moved = {str(column): at for column, at in rows}
    gate = moved[STEPS[Step.VIDEOS].working]
    begins, found = moved["Queued"], []
    for step in Step:
        if step is Step.UPLOAD:
            break
        ends = moved[STEPS[step].done]
        notes = await connection.execute(_NOTES, [task, STEPS[step].piece.value])
        pieces = [row[0] for row in await notes.fetchall()]
        total = (ends - begins).total_seconds()
        found.append(StepTime(step=step, total=total, makers=_busy(pieces)))
        begins = gate if step is Step.COMPOSITES else ends
    return found


def _busy(pieces: Sequence[dict[str, Any]]) -> float:
    """Seconds in which at least one of the pieces was being made."""
    spans = sorted(
        (datetime.fromisoformat(one[BEGAN]), datetime.fromisoformat(one[ENDED])) for one in pieces
    )
    seconds, until = 0.0, None
    for began, ended in spans:
        first = began if until is None else max(began, until)
        seconds += max((ended - first).total_seconds(), 0.0)
        until = ended if until is None else max(ended, until)
    return seconds
