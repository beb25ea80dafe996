"""Random histories of paid production; `simulate.py --studio --seed N --trail` prints one."""

from __future__ import annotations

import os

import pytest

from simulation.histories.crew import STEPS, Account, Crew

pytest.importorskip("studio_sandbox")

HISTORIES = int(os.environ.get("SHOWRUNNER_STUDIO_HISTORIES", "8"))


def _lived(lives: Crew, seeds: list[int]) -> list[Account]:
    going = [lives.live(seed, STEPS["studio"], kind="studio") for seed in seeds]
    return [one.result() for one in going]


@pytest.mark.timeout(900)
def test_whatever_breaks_each_piece_is_charged_once_and_booked_as_charged(lives: Crew) -> None:
    lived = _lived(lives, list(range(1, 1 + HISTORIES)))
    assert {one.seed: one.failures for one in lived if one.failures} == {}
    assert sum(one.happened.get("killed", 0) for one in lived) > HISTORIES


@pytest.mark.timeout(600)
def test_a_seed_is_the_same_history_of_production_in_any_process(lives: Crew) -> None:
    once, again = _lived(lives, [2, 3]), _lived(lives, [3, 2])
    assert [one.digest for one in once] == [one.digest for one in reversed(again)]
