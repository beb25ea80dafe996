"""Gates: finished steps whose result a person approves or rejects, on the board or elsewhere."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.production.steps import STEPS, Step, is_working, step_of
from models.rules.statuses import ERRORS, IN_WORK, PEOPLE_MAY_MOVE_AT_GATE, BoardStatus

DEFAULT_GATES: Final = frozenset(step for step, rule in STEPS.items() if rule.gate)


RETRIED: Final = frozenset({*ERRORS, BoardStatus.REVIEW_REJECTED})
"""Where a task may be retried: it goes to Queued, and resumes at what is missing."""


class Decision(StrEnum):
    """What a person decides, stored by value in `reviews`."""

    APPROVE = "approve"
    REJECT = "reject"
    STOP = "stop"
    RETRY = "retry"


class Outdated(Exception):
    """A decision about a gate or round that the task has left."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A gate at which a task waits.

    Attributes:
        step: the step whose result is looked at.
        round: how often that step was begun anew.
    """

    step: Step
    round: int


def gate_at(
    column: BoardStatus, round_: int, gates: Collection[Step] = DEFAULT_GATES
) -> Gate | None:
    """The gate at which a task in that column waits; None when it waits at none.

    An approved film waits for its upload, not for a person.

    Args:
        gates: the steps whose result is approved by a person in the task's channel.
    """
    step = step_of(column)
    decided = column is BoardStatus.REVIEW_APPROVED
    if step is None or step not in gates or is_working(column) or decided:
        return None
    return Gate(step=step, round=round_)


def gate_columns(gates: Collection[Step]) -> frozenset[BoardStatus]:
    """The columns in which a task waits for a person, of a channel with those gates."""
    return frozenset(column for column in BoardStatus if gate_at(column, 1, gates) is not None)


def moves_at(gate: Gate) -> dict[BoardStatus, Decision]:
    """Where people may drag a card that waits at a gate, and what each move decides.

    The review of the film keeps the moves of spec 1.2.
    """
    if gate.step is Step.ASSEMBLY:
        return {
            BoardStatus.REVIEW_APPROVED: Decision.APPROVE,
            BoardStatus.REVIEW_REJECTED: Decision.REJECT,
        }
    other = {BoardStatus.QUEUED: Decision.REJECT, BoardStatus.ARCHIVED: Decision.STOP}
    allowed = PEOPLE_MAY_MOVE_AT_GATE[STEPS[gate.step].done]
    return {column: other.get(column, Decision.APPROVE) for column in allowed}


def decision_of(from_: BoardStatus, to: BoardStatus, gate: Gate | None) -> Decision | None:
    """What a person decides by moving a card; None where a move is no decision.

    Args:
        gate: at which the card waited.
    """
    if gate is not None:
        return moves_at(gate).get(to)
    if to is BoardStatus.ARCHIVED and from_ in IN_WORK:
        return Decision.STOP
    if to is BoardStatus.QUEUED and from_ in RETRIED:
        return Decision.RETRY
    return None


def expect(gate: Gate | None, step: Step, round_: int) -> Gate:
    """The gate at which the task waits, if it is the one that was decided about.

    Raises:
        Outdated: when the task waits at another gate or round, or at none, with where it is.
    """
    if gate is None:
        raise Outdated(f"The task waits at no gate any more; it was asked about “{step}”.")
    if gate.step is not step or gate.round != round_:
        raise Outdated(
            f"The task waits at “{gate.step}”, round {gate.round}; "
            f"the decision is about “{step}”, round {round_}."
        )
    return gate


_NAMED: Final = re.compile(
    r"^\s*((?:\d+\s*(?:-\s*\d+\s*)?[,;\s]\s*)*\d+(?:\s*-\s*\d+)?)\s*:\s*(.*)$", re.DOTALL
)
_RANGE: Final = re.compile(r"(\d+)(?:\s*-\s*(\d+))?")


def named_pieces(comment: str, *, scenes: int) -> tuple[frozenset[int], str]:
    """The positions that a comment like `2, 5: hands` names, and what it says of them.

    A comment that names none is about all of them.

    Args:
        scenes: how many there are.

    Raises:
        ValueError: when it names one that is not there.
    """
    found = _NAMED.match(comment)
    if found is None:
        return frozenset(), comment.strip()
    ranges = [(int(first), int(last or first)) for first, last in _RANGE.findall(found[1])]
    wrong = [number for pair in ranges for number in pair if not 1 <= number <= scenes]
    if wrong:
        raise ValueError(f"There is no scene {wrong[0]}; the scenes are 1 to {scenes}.")
    named = {number for first, last in ranges for number in range(first, last + 1)}
    return frozenset(named), found[2].strip()
