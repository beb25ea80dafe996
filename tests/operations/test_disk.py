"""What doctor says of the disks: `models.operations.health.disk`."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.operations.health.check import State
from models.operations.health.disk import GB, existing, judge_disks, one_per_disk

FILMS = Path("/films")


@pytest.mark.parametrize(
    ("free", "state"),
    [
        (50 * GB, State.OK),
        (2 * GB, State.OK),
        (2 * GB - 1, State.WARN),
        (GB // 5, State.WARN),
        (GB // 5 - 1, State.FAIL),
        (0, State.FAIL),
    ],
)
def test_a_disk_without_room_is_yellow_then_red_and_names_its_folder(
    free: int, state: State
) -> None:
    check = judge_disks({FILMS: free})
    assert check.state is state
    assert check.details["free"] == {"/films": free}
    assert f"{free / GB:,.1f} GB" in check.facts
    assert "/films" in check.facts
    assert bool(check.cures) is (state is not State.OK)


def test_of_two_disks_the_one_without_room_is_named() -> None:
    check = judge_disks({FILMS: 0, Path("/state"): 50 * GB})
    assert (check.state, check.facts) == (State.FAIL, "0.0 GB left for /films")


def test_a_folder_that_is_not_made_yet_stands_for_the_one_above(tmp_path: Path) -> None:
    assert existing(tmp_path / "films" / "of" / "today") == tmp_path
    folders = [tmp_path / "films", tmp_path / "state"]
    assert one_per_disk(folders) == folders[:1]
