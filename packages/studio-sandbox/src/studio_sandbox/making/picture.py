"""Pictures: a PNG that shows the first words of its prompt."""

import asyncio
import colorsys
import hashlib
import io
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from studio_sandbox.store.files import Files

WORDS = 14
"""How many words of the prompt are shown."""
_LINE = 22
_ACROSS = 16
_NEAR, _FAR = 24, 128
"""How far the hues of ground and disc are from that of the sky, of 256."""
_PREVIEW = 704
_QUALITY = 80
Size = tuple[int, int]


async def picture(files: Files, prompt: str, size: Size, seed: str) -> Path:
    """The path of a PNG of this size in pixels.

    Args:
        seed: Decides its colours, together with the prompt.
    """

    async def make(target: Path) -> None:
        await asyncio.to_thread(_draw, target, prompt, size, seed)

    return await files.made(".png", ("picture", prompt, size, seed), make)


def _draw(target: Path, prompt: str, size: Size, seed: str) -> None:
    width, height = size
    digest = hashlib.sha256(f"{seed} {prompt}".encode()).digest()
    image = Image.new("RGB", size, _colour(digest[0], 0.25))
    draw = ImageDraw.Draw(image)
    bottom = (0, height * 2 // 3, width, height)
    draw.rectangle(bottom, fill=_colour(digest[0] + _NEAR, 0.4))
    centre = (width * digest[1] // 255, height * digest[2] // 255)
    draw.circle(centre, min(size) // 5, fill=_colour(digest[0] + _FAR, 0.6))
    words = " ".join(prompt.split()[:WORDS])
    font = ImageFont.load_default(max(12, width // _ACROSS))
    draw.multiline_text(
        (width / 2, height / 2),
        textwrap.fill(words, _LINE),
        font=font,
        fill="white",
        anchor="mm",
        align="center",
        stroke_width=max(1, width // 400),
        stroke_fill="black",
    )
    image.save(target, "PNG", compress_level=1)


def _colour(hue: int, light: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue % 256 / 256, light, 0.5)
    return int(red * 255), int(green * 255), int(blue * 255)


def preview(image: bytes) -> tuple[bytes, Size]:
    """A small JPEG of a picture, and the size of the whole one in pixels.

    Raises:
        ValueError: It is no PNG, JPEG or WebP.
    """
    try:
        with Image.open(io.BytesIO(image), formats=("PNG", "JPEG", "WEBP")) as opened:
            size = opened.size
            opened.thumbnail((_PREVIEW, _PREVIEW))
            small = opened.convert("RGB")
    except (OSError, Image.DecompressionBombError, SyntaxError) as error:
        raise ValueError("no picture") from error
    written = io.BytesIO()
    small.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue(), size
