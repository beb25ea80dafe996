"""Fonts: which characters one lacks, and text made ready to be drawn with it."""

from __future__ import annotations

import hashlib
import struct
import unicodedata
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont, features

BUNDLED: Final = Path(__file__).with_name("DejaVuSans.ttf")
"""Latin, Greek, Cyrillic, Hebrew, Arabic, symbols. Neither Chinese, Japanese nor Korean."""
_UNREADABLE: Final = (OSError, TTLibError, ImportError, struct.error, AssertionError, KeyError)
"""What the two libraries raise for a file that is no font, or a damaged one."""
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_MARKS: Final = frozenset({"Mn", "Mc", "Me"})
_INVISIBLE: Final = frozenset({"Cc", "Cf"})
_JOINERS: Final = frozenset("\u200c\u200d")
"""They have no glyph, and decide how the letters beside them are written."""
_SELECTORS: Final = frozenset(map(chr, range(0xFE00, 0xFE10)))
"""Variation selectors, which follow an emoji or a symbol."""


@dataclass(frozen=True, kw_only=True)
class Typeface:
    """A font that was read once, so that a replaced file cannot change it under way.

    Attributes:
        content: the file's bytes.
        characters: the code points for which it has glyphs.
    """

    content: bytes = field(repr=False)
    characters: frozenset[int] = field(repr=False)

    @property
    def sha256(self) -> str:
        """The hash of its file."""
        return hashlib.sha256(self.content).hexdigest()

    def lacks(self, text: str) -> list[str]:
        """The characters of a text for which it has no glyph, each once, in their order."""
        wanted = (one for one in text if not one.isspace() and one not in _JOINERS)
        return list(dict.fromkeys(one for one in wanted if ord(one) not in self.characters))

    def sized(self, size: int, *, shaped: bool) -> ImageFont.FreeTypeFont:
        """The font at a size in pixels.

        Args:
            size: of an em.
            shaped: whether the text needs more than one glyph after the other: see `needs_shaping`.
        """
        engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
        return ImageFont.truetype(BytesIO(self.content), size, layout_engine=engine)


def typeface(option: object) -> Typeface:
    """The font of a channel.

    Args:
        option: the path that the channel's options name; None for the bundled font.

    Raises:
        ValueError: when it is no font that can be read.
    """
    path = BUNDLED if option is None else Path(str(option)).expanduser()
    if not path.is_absolute():
        raise ValueError(f"font: “{option}” must be a whole path, which begins with / or ~.")
    try:
        content = path.read_bytes()
        ImageFont.truetype(BytesIO(content), 12)
        with TTFont(BytesIO(content), lazy=True, fontNumber=0) as font:
            characters = frozenset(font.getBestCmap() or {})
    except _UNREADABLE as error:
        raise ValueError(
            f"font: “{option}” cannot be read as a TrueType or OpenType font ({error})."
        ) from error
    return Typeface(content=content, characters=characters)


def drawable(text: str) -> str:
    """A text with composed letters and single blanks, without characters that leave no mark."""
    composed = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(one for one in composed if _leaves_a_mark(one))


def needs_shaping(text: str) -> bool:
    """Whether a text runs from right to left, or combines characters to other glyphs."""
    return any(
        one in _JOINERS
        or unicodedata.category(one) in _MARKS
        or unicodedata.bidirectional(one) in _RIGHT_TO_LEFT
        for one in text
    )


def can_shape() -> bool:
    """Whether this machine has what right-to-left and combining scripts need: Raqm and FriBiDi."""
    return bool(features.check("raqm") and features.check("fribidi"))


def _leaves_a_mark(one: str) -> bool:
    if one in _JOINERS:
        return True
    return one not in _SELECTORS and unicodedata.category(one) not in _INVISIBLE
