"""The contact sheet: every scene at its place, small enough for any workspace."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from PIL import Image

from showrunner_makers.sheet import CELL, contact_sheet

FREE_WORKSPACE = 5 * 1024 * 1024


def painted(folder: Path, number: int, colour: str) -> Path:
    path = folder / f"{number}.png"
    Image.new("RGB", (1920, 1080), colour).save(path)
    return path


def colour_at(sheet: Path, row: int, column: int) -> tuple[int, int, int]:
    picture = Image.open(sheet)
    at = (16 + column * (CELL[0] + 16) + 320, 16 + row * (CELL[1] + 16) + 180)
    found = picture.getpixel(at)
    assert isinstance(found, tuple)
    return (found[0], found[1], found[2])


def test_scenes_stand_in_rows_of_three_in_their_order(tmp_path: Path) -> None:
    colours = {4: "#0000ff", 1: "#ff0000", 2: "#00ff00", 3: "#ffffff"}
    pictures = {number: painted(tmp_path, number, colour) for number, colour in colours.items()}
    sheet = tmp_path / "sheet.jpg"
    contact_sheet(pictures, sheet)
    seen = [colour_at(sheet, *at) for at in ((0, 0), (0, 1), (0, 2), (1, 0))]
    assert [max(range(3), key=each.__getitem__) for each in seen] == [0, 1, 0, 2]
    assert min(seen[2]) > 240


def test_a_sheet_of_eighteen_detailed_scenes_fits_a_free_workspace(tmp_path: Path) -> None:
    noise = tmp_path / "noise.png"
    Image.effect_noise((1920, 1080), 90).save(noise)
    sheet = tmp_path / "sheet.jpg"
    contact_sheet(dict.fromkeys(range(1, 19), noise), sheet)
    assert sheet.stat().st_size < FREE_WORKSPACE


def test_a_picture_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    (broken := tmp_path / "broken.png").write_text("no picture")
    sheet = tmp_path / "sheet.jpg"
    contact_sheet({1: broken, 2: painted(tmp_path, 2, "#ff0000")}, sheet)
    assert colour_at(sheet, 0, 1)[0] > 240


def test_showrunner_finds_it_by_its_entry_point() -> None:
    (found,) = metadata.entry_points(group="showrunner.contact_sheets")
    assert found.load() is contact_sheet
