"""A deliberate fault: one small edit of the product's source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """An edit of the product.

    Attributes:
        name: what is wrong then.
        file: in which file, from the project's root.
        old, new: the text that stands there once, and what stands there instead.
    """

    name: str
    file: str
    old: str
    new: str
