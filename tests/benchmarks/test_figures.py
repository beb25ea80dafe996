"""What a figure is judged by, and how the table comes into docs/benchmarks.md."""

from __future__ import annotations

from importlib import import_module
from inspect import iscoroutinefunction
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.kit.figures import Figure, as_table, most_in_any_window, percentile
from benchmarks.kit.places import ROOT
from benchmarks.run import BEGIN, END, PAGE, WAVES, write_into

MOMENTS = st.lists(st.integers(0, 20_000), min_size=1, max_size=40)


@given(MOMENTS, st.integers(0, 1000))
def test_the_fullest_window_is_found_whatever_the_order(moments: list[int], seed: int) -> None:
    shuffled = list(moments)
    Random(seed).shuffle(shuffled)
    slow = max(sum(start <= moment < start + 1000 for moment in moments) for start in moments)
    assert most_in_any_window(shuffled, 1000) == slow


def test_four_evenly_spread_over_a_second_are_three_in_any_second() -> None:
    assert most_in_any_window([0.0, 1 / 3, 2 / 3, 1.0], 1) == 3
    assert most_in_any_window([0.0, 1 / 3, 2 / 3, 0.999], 1) == 4


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)) == (
        51,
        100,
        100,
    )
    assert percentile([3.0], 0.95) == 3.0


def test_a_figure_that_falls_short_says_so() -> None:
    good = Figure(what="a", limit="1 s", measured="0.9 s", ratio=0.9, good=True)
    bad = Figure(what="b", limit="1 s", measured="2 s", good=False, note="Two disks")
    assert as_table([good, bad]).splitlines()[2:] == [
        "| a | 1 s | 0.9 s | 0.90 | ✓ |",
        "| b | 1 s | 2 s. Two disks |  | **falls short** |",
    ]


def test_the_table_replaces_the_one_before_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_into(page, "new")
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="lacks the marks"):
        write_into(page, "new")


def test_the_page_has_a_place_for_the_table() -> None:
    assert PAGE.read_text().count(BEGIN) == PAGE.read_text().count(END) == 1


@pytest.mark.parametrize("name", [name for wave in WAVES for row in wave for name in row])
def test_every_benchmark_that_is_run_exists(name: str) -> None:
    package = (ROOT / "benchmarks" / name).is_dir()
    module = import_module(f"benchmarks.{name}.__main__" if package else f"benchmarks.{name}")
    assert iscoroutinefunction(module.measure)
