"""Which pieces can be used again: those that would come out the same, and nobody rejected."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from models.production.steps import Step


def input_hash(inputs: Mapping[str, Any]) -> str:
    """What stands for everything that a piece is made from.

    Two pieces with the same hash come out the same, as far as the maker can promise that.

    Args:
        inputs: prompt, model, seed, size, the hashes of the pieces that it is made from, and
            whatever else changes the result. JSON values.
    """
    text = json.dumps(inputs, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


Takes = Mapping[Step, int]
"""By step, how often a person asked for a scene's piece to be made anew."""


def rejected_steps(gate: Step, gates: Collection[Step], *, named: bool) -> frozenset[Step]:
    """The steps whose pieces a rejection at a gate has made anew.

    When scenes are named: all that was made for them since the gate before. Else the gate's own
    step.
    """
    if not named:
        return frozenset({gate})
    found: set[Step] = set()
    for step in Step:
        found.add(step)
        if step is gate:
            break
        if step in gates:
            found.clear()
    return frozenset(found)


def more_takes(before: Takes, steps: Collection[Step]) -> dict[Step, int]:
    """The takes of a scene after a rejection that has these steps made anew."""
    return {**before, **{step: before.get(step, 0) + 1 for step in steps}}
