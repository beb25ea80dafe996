"""A deliberate fault: one small edit of the product's source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulation.histories.crew import Kind


@dataclass(frozen=True)
class Mutation:
    """An edit of the product.

    Attributes:
        name: what is wrong then.
        file: in which file, from the project's root.
        old, new: the text that stands there once, and what stands there instead.
        often: weights of happenings in the histories that look for it, by name: without them what
            it needs comes together too rarely.
        kind: of the histories that look for it.
    """

    name: str
    file: str
    old: str
    new: str
    often: Mapping[str, float] = field(default_factory=dict)
    kind: Kind = "board"
