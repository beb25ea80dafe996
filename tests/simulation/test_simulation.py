"""Random histories; `python tests/simulation/simulate.py --seed N --trail` prints one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from simulation.histories.crew import STEPS, Account, Crew
from simulation.mutants.mutate import MUTATIONS, mutated
from simulation.mutants.mutation import Mutation

HISTORIES = int(os.environ.get("SHOWRUNNER_HISTORIES", "10"))
"""How many `make test` runs, half a minute of one core; `make prove` runs 300."""
BATCH = 20
SEEDS = range(1, 1 + HISTORIES)


def _lived(lives: Crew, seeds: Iterable[int]) -> list[Account]:
    return [one.result() for one in [lives.live(seed, STEPS["board"]) for seed in seeds]]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", SEEDS[::BATCH])
def test_whatever_happens_the_laws_hold_once_the_world_calms_down(lives: Crew, first: int) -> None:
    lived = _lived(lives, [seed for seed in SEEDS if first <= seed < first + BATCH])
    assert {one.seed: one.failures for one in lived if one.failures} == {}


@pytest.mark.timeout(600)
def test_a_seed_is_the_same_history_in_any_process(lives: Crew) -> None:
    """Whatever happened before in that process, and whatever seeds Python's hashes there."""
    some = range(2, 5)
    once, again = _lived(lives, some), _lived(lives, reversed(some))
    assert [one.digest for one in once] == [one.digest for one in reversed(again)]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_a_mutation_changes_is_still_there(mutation: Mutation) -> None:
    """`make mutate` shows that histories notice it, which takes minutes."""
    assert mutation.new in mutated(mutation)


def test_no_mutation_is_caught_only_because_it_names_what_is_not_there(tmp_path: Path) -> None:
    for number, mutation in enumerate(MUTATIONS):
        (tmp_path / f"{number}.py").write_text(mutated(mutation))
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "F821",
        str(tmp_path),
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[:2000]
