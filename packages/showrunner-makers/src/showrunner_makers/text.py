"""Text in a picture: as large as fits into a box, broken into lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from showrunner_makers.colours import Colour
from showrunner_makers.fonts import Typeface, needs_shaping

LARGEST, SMALLEST = 84, 20
"""Sizes in pixels. The longest narration that a scene may have fits at the smallest."""
_STEP: Final = 8
_COMFORTABLE: Final = 44
"""Down to this size the text is made smaller before a long word is broken."""
_LEADING: Final = 0.3
"""Space between lines, in ems."""
_ELLIPSIS: Final = "…"

Box = tuple[int, int, int, int]
"""Left, top, right and bottom edge."""


@dataclass(kw_only=True)
class _Face:
    """A font at a size, which measures each word once."""

    font: ImageFont.FreeTypeFont
    size: int
    widths: dict[str, float] = field(default_factory=dict)

    def width(self, word: str) -> float:
        """Of a word, in pixels."""
        if word not in self.widths:
            self.widths[word] = self.font.getlength(word)
        return self.widths[word]

    def height(self, lines: int) -> float:
        """Of so many lines, in pixels."""
        ascent, descent = self.font.getmetrics()
        return (lines - 1) * (ascent + self.spacing) + ascent + descent

    @property
    def spacing(self) -> float:
        """Between lines, in pixels."""
        return self.size * _LEADING


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """Lines of a text at a size."""

    lines: list[str]
    face: _Face

    @property
    def height(self) -> float:
        return self.face.height(len(self.lines))


def draw_text(picture: Image.Image, text: str, face: Typeface, box: Box, colour: Colour) -> None:
    """Write a text into the middle of a box; what does not fit at the smallest size is cut.

    Args:
        picture: is drawn on.
        text: without characters that the font lacks; see `fonts.drawable`.
        face: the font.
        box: in pixels of the picture.
        colour: of the letters.
    """
    setting = _fitting(text, face, width=box[2] - box[0], height=box[3] - box[1])
    ImageDraw.Draw(picture).multiline_text(
        ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2),
        "\n".join(setting.lines),
        font=setting.face.font,
        fill=colour,
        anchor="mm",
        align="center",
        spacing=setting.face.spacing,
    )


def _fitting(text: str, face: Typeface, *, width: int, height: int) -> _Setting:
    """The largest setting that fits; one without broken words before one with them."""
    for setting in _settings(text, face, width):
        if setting.height <= height:
            return setting
    return _cut(setting, height)


def _cut(setting: _Setting, height: int) -> _Setting:
    """As many lines as fit, the last with an ellipsis."""
    fitting = [n for n in range(1, len(setting.lines)) if setting.face.height(n) <= height]
    kept = setting.lines[: max(fitting, default=1)]
    return _Setting(lines=[*kept[:-1], kept[-1][:-1] + _ELLIPSIS], face=setting.face)


def _settings(text: str, face: Typeface, width: int) -> Iterator[_Setting]:
    shaped = needs_shaping(text)
    sizes = range(LARGEST, SMALLEST - 1, -_STEP)
    faces = [_Face(font=face.sized(size, shaped=shaped), size=size) for size in sizes]
    words = text.split(" ")
    for one in faces:
        if one.size >= _COMFORTABLE and max(map(one.width, words)) <= width:
            yield _Setting(lines=_lines(words, one, width), face=one)
    for one in faces:
        parts = [part for word in words for part in _parts(word, one, width)]
        yield _Setting(lines=_lines(parts, one, width), face=one)


def _lines(words: list[str], face: _Face, width: int) -> list[str]:
    """Fill lines with words; a word that is too long has a line of its own."""
    lines: list[list[str]] = [[]]
    used = 0.0
    for word in words:
        longer = used + face.width(" ") + face.width(word)
        if lines[-1] and longer > width:
            lines.append([])
        used = longer if lines[-1] else face.width(word)
        lines[-1].append(word)
    return [" ".join(line) for line in lines]


def _parts(word: str, face: _Face, width: int) -> Iterator[str]:
    """A word, in parts if it is longer than a line."""
    if face.width(word) <= width:
        yield word
        return
    part = ""
    for letter in _letters(word):
        if part and face.font.getlength(part + letter) > width:
            yield part
            part = ""
        part += letter
    yield part


def _letters(word: str) -> Iterator[str]:
    """The characters of a word, each with the marks that combine with it."""
    letter = ""
    for one in word:
        if letter and not unicodedata.category(one).startswith("M"):
            yield letter
            letter = ""
        letter += one
    yield letter
