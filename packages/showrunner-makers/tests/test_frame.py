"""The pictures show the scene's text whole, in the channel's colours, and always the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fontTools import subset
from fontTools.ttLib import TTFont
from media_kit import WHALE, WORMS, request_for, source, source_of
from PIL import Image, ImageChops

from models.production.making import Failure, MakerError, Request
from models.production.reuse import input_hash
from models.production.steps import PieceKind, Step
from models.production.story import NARRATION_MAX, Scene
from showrunner_makers.colours import DEFAULTS, LEAST_CONTRAST, colours_of, contrast
from showrunner_makers.fonts import BUNDLED, can_shape
from showrunner_makers.frame import Frame

COLOURS = {"background": "#102030", "foreground": "#ffffff", "accent": "#ff8800"}
LONG = "Lanternfish rise every night from the dark to feed near the surface, and sink again. "
ADDRESS = "https://example.org/" + "a-very-long-address-without-any-blank/" * 6


async def drawn(folder: Path, text: str, **options: Any) -> Image.Image:
    made = await Frame().make(request_for(Step.ASSETS, folder, text, options=options))
    assert made.media_type == "image/png"
    return Image.open(made.path)


async def composed(folder: Path, *texts: str, position: int = 1, **options: Any) -> Image.Image:
    asked = request_for(Step.ASSETS, folder, *texts, position=position, options=options)
    image = source_of(asked, await Frame().make(asked))
    asked = request_for(
        Step.COMPOSITES, folder, *texts, position=position, options=options, sources=(image,)
    )
    return Image.open((await Frame().make(asked)).path)


def ink(picture: Image.Image, colour: str) -> tuple[int, int, int, int] | None:
    """The box around the pixels of exactly that colour."""
    plain = Image.new("RGB", picture.size, colour)
    far = ImageChops.difference(picture.convert("RGB"), plain).convert("L")
    return far.point(lambda value: 255 if value == 0 else 0).getbbox()


async def test_images_and_composites_have_their_sizes(tmp_path: Path) -> None:
    assert (await drawn(tmp_path, WHALE)).size == (1536, 1024)
    assert (await composed(tmp_path, WHALE)).size == (1920, 1080)


async def test_the_same_input_makes_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for number in (1, 2):
        (folder := tmp_path / str(number)).mkdir()
        await composed(folder, WHALE, "עברית", **COLOURS)
        made.append([path.read_bytes() for path in sorted(folder.iterdir())])
    assert len(made[0]) == 2
    assert made[0] == made[1]


@pytest.mark.parametrize(
    "text",
    [WHALE, "Ja.", (LONG * 30)[:NARRATION_MAX], ADDRESS, "W" * 400, f"A word and {ADDRESS}"],
    ids=["a line", "a word", "the longest", "an address", "wide letters", "both"],
)
async def test_text_stays_within_the_margins(tmp_path: Path, text: str) -> None:
    box = ink(await drawn(tmp_path, text, **COLOURS), "#ffffff")
    assert box is not None
    assert 80 <= box[0] < box[2] <= 1536 - 80
    assert 80 <= box[1] < box[3] <= 1024 - 80


async def test_a_short_text_is_large(tmp_path: Path) -> None:
    box = ink(await drawn(tmp_path, "Whale", **COLOURS), "#ffffff")
    assert box is not None
    assert box[3] - box[1] >= 50


async def test_text_that_fits_at_no_size_ends_with_dots(tmp_path: Path) -> None:
    much = request_for(
        Step.ASSETS, tmp_path, scenes=(Scene(position=1, narration="x", image=LONG * 90),)
    )
    box = ink(Image.open((await Frame().make(much)).path), DEFAULTS["foreground"])
    assert box is not None
    assert box[3] <= 1024 - 80


async def test_the_pictures_are_in_the_channels_colours(tmp_path: Path) -> None:
    image = await drawn(tmp_path, WHALE, **COLOURS)
    assert ink(image, COLOURS["background"]) is not None
    assert ink(image, COLOURS["foreground"]) is not None
    assert ink(await composed(tmp_path, WHALE, **COLOURS), COLOURS["accent"]) is not None


async def test_a_composite_has_the_number_of_its_scene(tmp_path: Path) -> None:
    """Two scenes with the same text differ in the number's disc only."""
    one = await composed(tmp_path, WHALE, WHALE, position=1)
    two = await composed(tmp_path, WHALE, WHALE, position=2)
    box = ImageChops.difference(one, two).getbbox()
    assert box is not None
    assert 50 <= box[0] < box[2] <= 190
    assert 890 <= box[1] < box[3] <= 1030


async def test_the_number_is_not_cut_in_a_video_of_a_hundred_scenes(tmp_path: Path) -> None:
    texts = ["x"] * 100
    one = await composed(tmp_path, *texts, position=100)
    other = await composed(tmp_path, *texts, position=99)
    box = ImageChops.difference(one, other).getbbox()
    assert box is not None
    assert 60 <= box[0] < box[2] <= 182


@pytest.mark.parametrize("size", [(64, 64), (300, 2000), (4000, 500)])
async def test_an_image_of_any_size_fills_its_card(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "foreign.webp"
    Image.new("RGBA", size, "#ff0000").save(path, lossless=True)
    image = source(PieceKind.IMAGE, 1, path)
    asked = request_for(Step.COMPOSITES, tmp_path, WHALE, sources=(image,))
    picture = Image.open((await Frame().make(asked)).path)
    box = ink(picture, "#ff0000")
    assert box is not None
    width, height = box[2] - box[0], box[3] - box[1]
    assert width == pytest.approx(1480, abs=12) or height == pytest.approx(960, abs=12)
    assert width / height == pytest.approx(size[0] / size[1], rel=0.05)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("鯨は海。", "鯨 (U+9BE8), は (U+306F), 海 (U+6D77), 。 (U+3002)."),
        ("A whale 鯨 and 鯨", "鯨 (U+9BE8)."),
        ("고래", "고 (U+ACE0), 래 (U+B798)."),
        ("a whale \U0001f433\ufe0f", "\U0001f433 (U+1F433)."),
        ("हिम", "ह (U+0939), ि (U+093F), म (U+092E)."),
        ("".join(map(chr, range(0x4E00, 0x4E10))), "(U+4E09) and 6 more."),
    ],
    ids=["japanese", "mixed", "korean", "emoji", "hindi", "many"],
)
async def test_characters_that_the_font_lacks_are_named_with_their_scene(
    tmp_path: Path, text: str, said: str
) -> None:
    asked = request_for(Step.ASSETS, tmp_path, WHALE, text, position=2)
    with pytest.raises(MakerError) as refused:
        await Frame().make(asked)
    assert str(refused.value).startswith("Scene 2 has characters that the font lacks: ")
    assert said in str(refused.value)
    assert "name a font that has them" in str(refused.value)
    assert refused.value.failure is Failure.INVALID_INPUT
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("nai\u0308ve", "naïve"),
        ("a\u200bb\ufeff", "ab"),
        ("a\u00a0b\u2028c\td", "a b c d"),
        ("\u2764\ufe0f", "\u2764"),
    ],
    ids=["decomposed", "zero width", "blanks", "selector"],
)
async def test_characters_without_a_mark_leave_none(
    tmp_path: Path, text: str, same_as: str
) -> None:
    shown = (await drawn(tmp_path, text)).tobytes()
    assert shown == (await drawn(tmp_path, same_as)).tobytes()


@pytest.mark.skipif(not can_shape(), reason="this machine has no FriBiDi")
async def test_hebrew_runs_from_right_to_left(tmp_path: Path) -> None:
    """The first letter is wide, the others are narrow: most of the ink is on the right."""
    picture = await drawn(tmp_path, "שיייי", **COLOURS)
    box = ink(picture, "#ffffff")
    assert box is not None
    centre = (box[0] + box[2]) // 2
    low = (box[1] * 1 + box[3] * 3) // 4
    left = picture.crop((box[0], low, centre, box[3]))
    right = picture.crop((centre, low, box[2], box[3]))
    assert ink(left, "#ffffff") is None
    assert ink(right, "#ffffff") is not None


@pytest.mark.parametrize(
    "text", ["לווייתן", "حوت", "x\u0323\u030a"], ids=["hebrew", "arabic", "marks"]
)
async def test_without_fribidi_such_text_is_refused_and_the_library_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("PIL.features.check", lambda feature: feature != "fribidi")
    with pytest.raises(MakerError, match="Scene 1 .*install the library FriBiDi") as refused:
        await drawn(tmp_path, text)
    assert refused.value.failure is Failure.MANUAL_REVIEW
    await drawn(tmp_path, WHALE)


def small_font(path: Path, letters: str) -> Path:
    """A font with those letters only."""
    with TTFont(BUNDLED) as font:
        cutter = subset.Subsetter()
        cutter.populate(text=letters)
        cutter.subset(font)
        font.save(path)
    return path


async def test_a_font_of_the_channels_own_is_used(tmp_path: Path) -> None:
    font = small_font(tmp_path / "my font.otf", "WORMS1")
    await drawn(tmp_path, "WORMS", font=str(font))
    with pytest.raises(MakerError, match=r"lacks: h \(U\+0068\)\. "):
        await drawn(tmp_path, "WhORMS", font=str(font))
    with pytest.raises(MakerError, match=r"Scene 2 .*lacks: 2 \(U\+0032\)\. "):
        await composed(tmp_path, "WORMS", "WORMS", position=2, font=str(font))


async def test_a_font_that_was_removed_stops_the_card(tmp_path: Path) -> None:
    with pytest.raises(MakerError, match="Options of “frame”: font: “/gone.ttf”") as refused:
        await drawn(tmp_path, WHALE, font="/gone.ttf")
    assert refused.value.failure is Failure.MANUAL_REVIEW


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colour": "red"}, "colour: is no option of “frame”; it has background, foreground"),
        ({"accent": "bluish"}, "accent: “bluish” is no colour; write it as #0b2545."),
        ({"background": 12}, "background: “12” is no colour"),
        ({"background": None}, "background: “None” is no colour"),
        ({"foreground": "#123456"}, "foreground: text can hardly be read"),
        ({"background": "#ffffff", "foreground": "#fefefe"}, "foreground: text can hardly"),
        ({"background": "#000", "foreground": "#555", "accent": "#fff"}, "foreground: "),
        ({"font": "fonts/my.ttf"}, "font: “fonts/my.ttf” must be a whole path"),
        ({"font": "/nowhere/my.ttf"}, "font: “/nowhere/my.ttf” cannot be read"),
        ({"font": "/"}, "font: “/” cannot be read"),
        ({"font": __file__}, "font: “" + __file__),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="^[a-z]+: ") as refused:
        Frame().check(options)
    assert str(refused.value).startswith(said)


def test_a_damaged_font_is_refused(tmp_path: Path) -> None:
    content = BUNDLED.read_bytes()
    for number, damaged in enumerate([b"", content[:40], content[:3000], b"wOF2" + content[4:]]):
        (path := tmp_path / f"{number}.ttf").write_bytes(damaged)
        with pytest.raises(ValueError, match="^font: .* cannot be read"):
            Frame().check({"font": str(path)})


@pytest.mark.parametrize(
    "options", [{}, COLOURS, {"accent": "hsl(20, 80%, 60%)"}, {"font": str(BUNDLED)}]
)
def test_options_that_can_be_used_are_accepted(options: dict[str, Any]) -> None:
    Frame().check(options)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)
    for accent in ("#000000", "#ffffff", "#808080"):
        found = colours_of({"accent": accent, "background": "#102030"})
        assert contrast(found.on_accent, found.accent) >= LEAST_CONTRAST


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        (None, "The image of scene 1 is not there any more; drag the card to Queued"),
        (b"", "The image of scene 1 cannot be read"),
        (b"\x89PNG\r\n\x1a\n and no more", "The image of scene 1 cannot be read"),
    ],
    ids=["gone", "empty", "damaged"],
)
async def test_an_image_that_cannot_be_used_is_named(
    tmp_path: Path, contents: bytes | None, said: str
) -> None:
    (path := tmp_path / "image.png").write_bytes(contents or b"")
    image = source(PieceKind.IMAGE, 1, path)
    if contents is None:
        path.unlink()
    asked = request_for(Step.COMPOSITES, tmp_path, WHALE, sources=(image,))
    with pytest.raises(MakerError) as refused:
        await Frame().make(asked)
    assert str(refused.value).startswith(said)
    assert refused.value.failure is Failure.MANUAL_REVIEW


async def test_a_picture_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "assets-01.png").symlink_to("/dev/full")
    with pytest.raises(
        MakerError, match="scene 1 cannot be written to .*: No space left"
    ) as refused:
        await drawn(tmp_path, WHALE)
    assert refused.value.failure is Failure.MANUAL_REVIEW
    assert list(tmp_path.iterdir()) == []


def hashed(request: Request) -> str:
    return input_hash(Frame().inputs(request))


def test_an_image_is_made_anew_only_when_it_would_look_otherwise(tmp_path: Path) -> None:
    def asked(*texts: str, **more: Any) -> str:
        return hashed(request_for(Step.ASSETS, tmp_path, *texts, **more))

    first = asked(WHALE)
    assert asked(WHALE, WORMS) == first, "another scene was added"
    assert asked(WORMS, WHALE, position=2) == first, "it has moved"
    assert asked(WHALE, options={"accent": DEFAULTS["accent"]}) == first, "the default, named"
    assert asked(WHALE, options={"font": str(BUNDLED)}) == first, "the same font, named"
    assert asked(WORMS) != first
    assert asked(WHALE, options=COLOURS) != first
    seen = Scene(position=1, narration=WORMS, image=WHALE)
    assert asked(scenes=(seen,)) == first, "only what is drawn counts"


def test_a_composite_is_made_anew_with_its_image_its_number_or_its_colours(tmp_path: Path) -> None:
    def asked(content: bytes, *texts: str, position: int = 1, **options: Any) -> str:
        (path := tmp_path / "image.png").write_bytes(content)
        image = source(PieceKind.IMAGE, position, path)
        return hashed(
            request_for(
                *(Step.COMPOSITES, tmp_path, *texts),
                position=position,
                sources=(image,),
                options=options,
            )
        )

    first = asked(b"a", WHALE)
    assert asked(b"a", WHALE, WORMS) == first
    assert asked(b"b", WHALE) != first
    assert asked(b"a", WORMS, WHALE, position=2) != first
    assert asked(b"a", WHALE, **COLOURS) != first


def test_a_replaced_font_counts_as_another(tmp_path: Path) -> None:
    font = small_font(tmp_path / "font.ttf", "WORMS")
    asked = request_for(Step.ASSETS, tmp_path, "WORMS", options={"font": str(font)})
    first = hashed(asked)
    small_font(font, "WORMSX")
    assert hashed(asked) != first
