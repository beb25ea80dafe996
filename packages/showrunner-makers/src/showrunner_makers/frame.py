"""frame: a picture per scene and its 1920x1080 composite, drawn from the scene's text.

It needs no account and costs nothing. The pictures show the text in the channel's colours, so that
a whole production can be seen before anything is paid for. The same input makes the same bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from models.production.making import Failure, Made, MakerError, Request
from models.production.steps import PieceKind, Step
from showrunner_makers.colours import DEFAULTS, Colours, colours_of
from showrunner_makers.fonts import Typeface, can_shape, drawable, needs_shaping, typeface
from showrunner_makers.text import draw_text

VERSION: Final = "frame 1"
"""Part of every input hash: raise it when a picture would come out otherwise."""
IMAGE: Final = (1536, 1024)
COMPOSITE: Final = (1920, 1080)
_OPTIONS: Final = (*DEFAULTS, "font")
_MARGIN: Final = 90
_CARD: Final = (1480, 960)
"""The room for a scene's image in its composite."""
_CORNER: Final = 28
_BADGE: Final = 62
"""Radius of the disc with the scene's number."""
_NAMED: Final = 10
"""How many missing characters an error names."""


class Frame:
    """Makes images and composites."""

    name = "frame"
    steps = frozenset({Step.ASSETS, Step.COMPOSITES})

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the key, when options cannot be used."""
        unknown = [key for key in options if key not in _OPTIONS]
        if unknown:
            raise ValueError(
                f"{unknown[0]}: is no option of “frame”; it has {', '.join(_OPTIONS)}."
            )
        colours_of(options)
        typeface(options.get("font"))

    def inputs(self, request: Request) -> Mapping[str, Any]:
        """Everything that changes the picture; raises ValueError as `check`."""
        colours = colours_of(request.options)
        found: dict[str, Any] = {
            "maker": VERSION,
            "step": request.step,
            "colours": [colours.background, colours.foreground, colours.accent],
            "font": typeface(request.options.get("font")).sha256,
        }
        if request.step is Step.ASSETS:
            return found | {"text": _text(request)}
        source = request.of_kind(PieceKind.IMAGE, request.position)
        return found | {
            "number": request.position,
            "image": source.sha256 if source is not None else None,
        }

    async def make(self, request: Request) -> Made:
        """Draw the picture.

        Raises:
            MakerError: when the font lacks a character, the image that a composite is made from
                cannot be read, or the picture cannot be written.
        """
        return await asyncio.to_thread(_make, request)


def _make(request: Request) -> Made:
    try:
        colours, face = colours_of(request.options), typeface(request.options.get("font"))
    except ValueError as error:
        raise MakerError(Failure.MANUAL_REVIEW, f"Options of “frame”: {error}") from error
    draw = {Step.ASSETS: _image, Step.COMPOSITES: _composite}[request.step]
    picture = draw(request, colours, face)
    path = request.folder / f"{request.step}-{request.position:02}.png"
    try:
        picture.save(path)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"The picture of scene {request.position} cannot be written to {request.folder}: "
            f"{error.strerror}. Mend that, then drag the card to Queued.",
        ) from error
    return Made(path=path, media_type="image/png")


def _text(request: Request) -> str:
    return drawable(request.scene.image or request.scene.narration)


def _image(request: Request, colours: Colours, face: Typeface) -> Image.Image:
    text = _text(request)
    _check_text(request.position, text, face)
    picture = _background(text, colours)
    box = (_MARGIN, _MARGIN, IMAGE[0] - _MARGIN, IMAGE[1] - _MARGIN)
    draw_text(picture, text, face, box, colours.foreground)
    return picture


def _check_text(position: int, text: str, face: Typeface) -> None:
    if lacking := face.lacks(text):
        named = ", ".join(f"{one} (U+{ord(one):04X})" for one in lacking[:_NAMED])
        more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
        raise MakerError(
            Failure.INVALID_INPUT,
            f"Scene {position} has characters that the font lacks: {named}{more}. Write it "
            "without them, or name a font that has them in the channel's file "
            "(production, options, frame, font).",
        )
    if needs_shaping(text) and not can_shape():
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"Scene {position} is in a script that runs from right to left or combines its "
            "letters. To draw it, install the library FriBiDi (libfribidi0) where pictures are "
            "made, and drag the card to Queued.",
        )


def _composite(request: Request, colours: Colours, face: Typeface) -> Image.Image:
    """The image as a card before a blurred copy of itself, with the number of the scene."""
    _check_text(request.position, str(request.position), face)
    image = _source_image(request)
    picture = _blurred(image, colours)
    card = ImageOps.contain(image, _CARD)
    left, top = (COMPOSITE[0] - card.width) // 2, (COMPOSITE[1] - card.height) // 2
    mask = Image.new("L", card.size, 0)
    edges = (0, 0, card.width - 1, card.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(edges, _CORNER, fill=255)
    picture.paste(card, (left, top), mask)
    draw = ImageDraw.Draw(picture)
    around = (left - 2, top - 2, left + card.width + 1, top + card.height + 1)
    draw.rounded_rectangle(around, _CORNER + 2, outline=colours.accent, width=4)
    _draw_number(picture, request.position, colours, face)
    return picture


def _draw_number(picture: Image.Image, number: int, colours: Colours, face: Typeface) -> None:
    centre = (_MARGIN + _BADGE // 2, COMPOSITE[1] - _MARGIN - _BADGE // 2)
    ImageDraw.Draw(picture).circle(centre, _BADGE, fill=colours.accent)
    half = _BADGE * 2 // 3
    box = (centre[0] - half, centre[1] - half, centre[0] + half, centre[1] + half)
    draw_text(picture, str(number), face, box, colours.on_accent)


def _source_image(request: Request) -> Image.Image:
    source = request.of_kind(PieceKind.IMAGE, request.position)
    if source is None or not source.path.is_file():
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"The image of scene {request.position} is not there any more; "
            "drag the card to Queued to make it again.",
        )
    try:
        with Image.open(source.path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"The image of scene {request.position} cannot be read: {error}",
        ) from error


def _background(text: str, colours: Colours) -> Image.Image:
    """A gradient of the channel's colours with a few discs, placed by the text."""
    upper = Image.new("RGB", IMAGE, colours.background)
    lower = Image.new("RGB", IMAGE, colours.lower)
    picture = Image.composite(lower, upper, Image.linear_gradient("L").resize(IMAGE))
    seed = hashlib.sha256(text.encode()).digest()
    discs = Image.new("L", IMAGE, 0)
    draw = ImageDraw.Draw(discs)
    for x, y, radius in zip(seed[0:6], seed[6:12], seed[12:18], strict=True):
        centre = (x * IMAGE[0] // 255, y * IMAGE[1] // 255)
        draw.circle(centre, 40 + radius, fill=28)
    picture.paste(Image.new("RGB", IMAGE, colours.accent), mask=discs)
    return picture


def _blurred(image: Image.Image, colours: Colours) -> Image.Image:
    small = ImageOps.fit(image, (COMPOSITE[0] // 8, COMPOSITE[1] // 8))
    soft = small.filter(ImageFilter.GaussianBlur(8)).resize(COMPOSITE, Image.Resampling.BICUBIC)
    return Image.blend(soft, Image.new("RGB", COMPOSITE, colours.background), 0.5)
