"""frame: a picture per scene and its 1920x1080 composite, drawn from the scene's text.

It needs no account and costs nothing. The pictures show the text in the channel's colours, so that
a whole production can be seen before anything is paid for.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageColor, ImageDraw

from models.production.making import Failure, Made, MakerError, Request
from models.production.steps import PieceKind, Step
from showrunner_makers.fonts import font_file, missing, sized

VERSION: Final = "frame 1"
IMAGE: Final = (1536, 1024)
COMPOSITE: Final = (1920, 1080)
COLOURS: Final = {"background": "#0b2545", "foreground": "#eef4ed", "accent": "#8da9c4"}
"""Where the channel says nothing else."""
_MARGIN: Final = 90
_LARGEST, _SMALLEST = 84, 24
"""Sizes of text in pixels."""


class Frame:
    """Makes images and composites."""

    name = "frame"
    steps = frozenset({Step.ASSETS, Step.COMPOSITES})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the key, when options cannot be used."""
        unknown = sorted(options.keys() - {*COLOURS, "font"})
        if unknown:
            known = ", ".join([*COLOURS, "font"])
            raise ValueError(f"{unknown[0]}: is no option of “frame”; it has {known}.")
        for name in COLOURS:
            _colour(options, name)
        font_file(options.get("font"))

    def inputs(self, request: Request) -> Mapping[str, Any]:
        """Everything that changes the picture."""
        found: dict[str, Any] = {
            "maker": VERSION,
            "text": _text(request),
            "options": dict(request.options),
        }
        source = request.of_kind(PieceKind.IMAGE, request.position)
        return found | ({"image": source.sha256} if source is not None else {})

    async def make(self, request: Request) -> Made:
        """Draw the picture.

        Raises:
            MakerError: when the font lacks a character, or the image that it is made from is gone.
        """
        return await asyncio.to_thread(_make, request)


def _make(request: Request) -> Made:
    font = font_file(request.options.get("font"))
    if lacking := missing(_text(request), font):
        raise MakerError(
            Failure.INVALID_INPUT,
            f"Scene {request.position} has characters that the font lacks: {' '.join(lacking)}. "
            "Write it otherwise, or name a font that has them (makers, frame, font) in the "
            "channel's file.",
        )
    picture = _image(request, font) if request.step is Step.ASSETS else _composite(request, font)
    path = request.folder / f"{request.step}-{request.position:02}.png"
    picture.save(path)
    return Made(path=path, media_type="image/png")


def _text(request: Request) -> str:
    return request.scene.image or request.scene.narration


def _image(request: Request, font: Path) -> Image.Image:
    picture = _background(request, IMAGE)
    _draw_text(picture, _text(request), font, _box(IMAGE), _colour(request.options, "foreground"))
    return picture


def _composite(request: Request, font: Path) -> Image.Image:
    source = request.of_kind(PieceKind.IMAGE, request.position)
    if source is None or not source.path.is_file():
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"The image of scene {request.position} is not there any more; "
            "drag the card to Queued to make it again.",
        )
    picture = _background(request, COMPOSITE)
    with Image.open(source.path) as image:
        image.thumbnail((COMPOSITE[0] - 2 * _MARGIN, COMPOSITE[1] - 3 * _MARGIN))
        left = (COMPOSITE[0] - image.width) // 2
        picture.paste(image.convert("RGB"), (left, _MARGIN))
    number = f"{request.position} / {len(request.scenes)}"
    box = (_MARGIN, COMPOSITE[1] - 2 * _MARGIN + 20, COMPOSITE[0] - _MARGIN, COMPOSITE[1] - 30)
    _draw_text(picture, number, font, box, _colour(request.options, "accent"))
    return picture


def _background(request: Request, size: tuple[int, int]) -> Image.Image:
    """A gradient of the channel's colours with a few discs, placed by the scene's text."""
    top, accent = _colour(request.options, "background"), _colour(request.options, "accent")
    bottom = tuple((a + 2 * b) // 3 for a, b in zip(accent, top, strict=True))
    mask = Image.linear_gradient("L").resize(size)
    picture = Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), mask)
    seed = hashlib.sha256(request.scene.narration.encode()).digest()
    discs = Image.new("L", size, 0)
    draw = ImageDraw.Draw(discs)
    for x, y, radius in zip(seed[0:6], seed[6:12], seed[12:18], strict=True):
        centre = (x * size[0] // 255, y * size[1] // 255)
        draw.circle(centre, 40 + radius, fill=28)
    picture.paste(Image.new("RGB", size, accent), mask=discs)
    return picture


def _box(size: tuple[int, int]) -> tuple[int, int, int, int]:
    return _MARGIN, _MARGIN, size[0] - _MARGIN, size[1] - _MARGIN


def _draw_text(
    picture: Image.Image,
    text: str,
    font: Path,
    box: tuple[int, int, int, int],
    colour: tuple[int, int, int],
) -> None:
    """Write a text into the middle of a box, as large as fits; what does not fit ends with “…”."""
    draw = ImageDraw.Draw(picture)
    width, height = box[2] - box[0], box[3] - box[1]
    centre = (box[0] + width / 2, box[1] + height / 2)
    for size in range(_LARGEST, _SMALLEST - 1, -6):
        lines = _wrapped(draw, text, font, size, width)
        if len(lines) * size * 1.3 <= height:
            break
    else:
        lines = [*lines[: max(1, int(height / (size * 1.3))) - 1], "…"]
    draw.multiline_text(
        centre,
        "\n".join(lines),
        font=sized(font, size),
        fill=colour,
        anchor="mm",
        align="center",
        spacing=size * 0.3,
    )


def _wrapped(draw: ImageDraw.ImageDraw, text: str, font: Path, size: int, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or draw.textlength(longer, font=sized(font, size)) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _colour(options: Mapping[str, Any], name: str) -> tuple[int, int, int]:
    value = str(options.get(name, COLOURS[name]))
    try:
        found = ImageColor.getcolor(value, "RGB")
    except ValueError as error:
        raise ValueError(f"{name}: “{value}” is no colour; write it as #0b2545.") from error
    assert isinstance(found, tuple)  # noqa: S101 - RGB has three values
    return found[0], found[1], found[2]
