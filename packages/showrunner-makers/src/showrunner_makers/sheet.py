"""A contact sheet: the pictures of a video's scenes side by side, with their numbers.

Showrunner's core finds the function `contact_sheet` by the entry point `showrunner.contact_sheets`
and attaches the sheet to the card, so that one small file shows what a gate is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from showrunner_makers.fonts import Typeface, typeface
from showrunner_makers.text import draw_text

COLUMNS: Final = 3
CELL: Final = (640, 360)
_GAP: Final = 16
_BADGE: Final = 26
"""Radius of the disc with a scene's number."""
_BEHIND: Final = (16, 20, 24)
_QUALITY: Final = 85
"""Of the JPEG: 18 scenes stay well below the 5 MiB that a free workspace takes."""


def contact_sheet(pictures: Mapping[int, Path], sheet: Path) -> None:
    """Write a JPEG with the pictures in rows of three, in the order of the scenes.

    A picture that cannot be read leaves its place empty, but for the number.

    Args:
        pictures: by the number of the scene.
        sheet: where the JPEG is written.
    """
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // COLUMNS)
    step = (CELL[0] + _GAP, CELL[1] + _GAP)
    whole = Image.new("RGB", (columns * step[0] + _GAP, rows * step[1] + _GAP), _BEHIND)
    face = typeface(None)
    for index, number in enumerate(sorted(pictures)):
        row, column = divmod(index, COLUMNS)
        corner = (_GAP + column * step[0], _GAP + row * step[1])
        cell = _cell(pictures[number])
        whole.paste(cell, (corner[0] + (CELL[0] - cell.width) // 2, corner[1]))
        _draw_number(whole, number, corner, face)
    whole.save(sheet, "JPEG", quality=_QUALITY)


def _cell(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            return ImageOps.contain(ImageOps.exif_transpose(picture).convert("RGB"), CELL)
    except (OSError, Image.DecompressionBombError):
        return Image.new("RGB", CELL, "#2b3036")


def _draw_number(whole: Image.Image, number: int, corner: tuple[int, int], face: Typeface) -> None:
    x, y = corner[0] + _BADGE + 8, corner[1] + _BADGE + 8
    ImageDraw.Draw(whole).circle((x, y), _BADGE, fill="#ffffff")
    half = _BADGE * 2 // 3
    draw_text(whole, str(number), face, (x - half, y - half, x + half, y + half), _BEHIND)
