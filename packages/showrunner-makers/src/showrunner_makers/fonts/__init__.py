"""Fonts, and whether one has the glyphs that a text needs."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Final

from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont

BUNDLED: Final = Path(__file__).with_name("DejaVuSans.ttf")
"""DejaVu Sans: Latin, Greek, Cyrillic, Hebrew, Arabic, symbols. Neither Chinese, Japanese nor Korean."""
_NOT_DRAWN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Mn"})
"""Categories of Unicode whose characters leave no glyph of their own."""


def font_file(options_font: object) -> Path:
    """The font file of a channel.

    Args:
        options_font: what the channel's options say; None for the bundled font.

    Raises:
        ValueError: when it is no font that can be read.
    """
    if options_font is None:
        return BUNDLED
    path = Path(str(options_font)).expanduser()
    try:
        _characters(path)
    except (OSError, TTLibError) as error:
        raise ValueError(f"font: “{path}” is no TrueType or OpenType font ({error}).") from error
    return path


def missing(text: str, path: Path) -> str:
    """The characters of a text that a font lacks, each once, in their order."""
    there = _characters(path)
    wanted = (c for c in text if not c.isspace() and unicodedata.category(c) not in _NOT_DRAWN)
    return "".join(dict.fromkeys(c for c in wanted if ord(c) not in there))


@lru_cache(maxsize=8)
def sized(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels."""
    return ImageFont.truetype(str(path), size)


@lru_cache(maxsize=8)
def _characters(path: Path) -> frozenset[int]:
    with TTFont(path, lazy=True, fontNumber=0) as font:
        return frozenset(font.getBestCmap() or {})
