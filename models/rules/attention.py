"""The text of a card's Attention."""

from __future__ import annotations

from collections.abc import Sequence

from models.rules.validation import Violation


def attention(violations: Sequence[Violation], rejection: str, production: str = "") -> str:
    """The text for Attention; empty if no user need act.

    First what is wrong with the card, then what became of the last edit, then what production
    says: the board's cards show only the beginning.
    """
    sentences = [violation.message for violation in violations]
    sentences += [text for text in (rejection, production) if text]
    return " ".join(sentences)
