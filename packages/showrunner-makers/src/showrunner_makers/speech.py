"""How long a text takes to speak, in any script."""

from __future__ import annotations

import unicodedata
from typing import Final

WORDS_A_SECOND: Final = 2.5
LETTERS_A_SECOND: Final = 18.0
"""For long words, and for scripts that are written without blanks."""
_SYLLABLE: Final = 3.5
"""How many letters a Chinese, Japanese or Korean character counts for."""
SHORTEST, LONGEST = 3.0, 120.0
"""Seconds of a scene."""


def speech_seconds(text: str) -> float:
    """How long a text takes to speak, within what a scene may last."""
    by_words = len(text.split()) / WORDS_A_SECOND
    by_letters = sum(map(_weight, text)) / LETTERS_A_SECOND
    return min(max(by_words, by_letters, SHORTEST), LONGEST)


def _weight(one: str) -> float:
    if unicodedata.east_asian_width(one) in {"W", "F"}:
        return _SYLLABLE
    return 1.0 if unicodedata.category(one)[0] in {"L", "N"} else 0.0
