"""Random histories, each from its seed: `python tests/simulation/simulate.py --seed N --trail` shows one of them."""

from __future__ import annotations

import os

import pytest
from database_of_histories import emptied
from histories import live

from models.database import Sessions

HISTORIES = int(os.environ.get("SHOWRUNNER_HISTORIES", "30"))
"""How many `make test` lives through: about half a minute's worth."""
STEPS = 100
AT_ONCE = 10
KEPT = {
    271: "a Priority whose type had changed was read as empty, and Normal was written over a person's Low",
    688: "an option deleted between our look at the board and our write was made anew by its name",
}
"""Seeds that found something, and what it was."""


@pytest.mark.parametrize("first", range(1, 1 + HISTORIES, AT_ONCE))
async def test_whatever_happens_the_laws_hold_once_the_world_calms_down(lasting: Sessions, first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        await emptied(lasting)
        lived = await live(lasting, seed, STEPS)
        assert lived.failures == [], f"seed {seed}"


@pytest.mark.parametrize("seed", KEPT)
async def test_what_a_history_found_once_stays_mended(lasting: Sessions, seed: int) -> None:
    await emptied(lasting)
    assert (await live(lasting, seed, STEPS)).failures == []


async def test_a_seed_is_the_same_history_each_time(lasting: Sessions) -> None:
    await emptied(lasting)
    once = await live(lasting, 7, STEPS)
    await emptied(lasting)
    again = await live(lasting, 7, STEPS)
    assert once.trail == again.trail
