"""Text as Markdown, where it is shown as Markdown."""

from __future__ import annotations

import re
from typing import Final

_MARKS: Final = re.compile(r"([!-/:-@\[-`{-~])")
"""ASCII's punctuation: whatever means something in Markdown or HTML, and links, is among it."""


def as_text(text: str) -> str:
    """Markdown that shows this text as it is, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def as_link(text: str, address: str) -> str:
    """Markdown of a link that shows this text."""
    return f"[{as_text(text)}](<{address}>)"
