"""A channel's production block is used, or every key that is wrong is named."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import yaml

from models.production.config import (
    Production,
    ProductionError,
    channel_productions,
    production_of,
)
from models.production.money import Cap
from models.production.steps import Step
from models.rules.channels import Channel
from models.tables.reference_data import ChannelProduction

INSTALLED = {"frame", "ffmpeg"}
MAKERS = {
    "assets": "frame",
    "composites": "frame",
    "videos": "ffmpeg",
    "audio": "ffmpeg",
    "sfx": "ffmpeg",
    "assembly": "ffmpeg",
}


def block(**keys: Any) -> Production:
    found = production_of({"production": {"makers": MAKERS, **keys}}, INSTALLED)
    assert found is not None
    return found


@pytest.mark.parametrize("settings", [{}, {"production": None}, {"voice": "calm"}])
def test_a_channel_without_the_block_is_served_by_outside_workers(settings: dict[str, Any]) -> None:
    assert production_of(settings, INSTALLED) is None


def test_a_block_of_makers_alone_has_the_defaults() -> None:
    found = block()
    assert found.makers[Step.VIDEOS] == "ffmpeg"
    assert (found.gates, found.at_once, found.scenes) == ({Step.COMPOSITES, Step.ASSEMBLY}, 2, 18)
    assert found.budget.limits == {}


def test_the_example_of_the_docstring_is_right() -> None:
    import models.production.config as module  # noqa: PLC0415

    text = (module.__doc__ or "").split("\n\n")[1]
    found = production_of(yaml.safe_load(text), INSTALLED)
    assert found is not None
    assert found.budget.limits == {Cap.VIDEO: Decimal(10), Cap.CHANNEL: Decimal(300)}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"speed": 2}, "production.speed: there is no such key."),
        ({"makers": {**MAKERS, "titles": "frame"}}, "production.makers.titles: input should be"),
        ({"makers": {"assets": "frame"}}, "production.makers: no maker for composites, videos"),
        ({"makers": {**MAKERS, "videos": "kling"}}, "“kling” is not installed; installed are"),
        ({"options": {"kling": {}}}, "production.options: “kling” makes no step of this channel."),
        ({"gates": ["composites"]}, "“assembly” is always a gate"),
        ({"gates": ["assembly", "upload"]}, "“upload” is no gate"),
        ({"gates": ["assembly", "lunch"]}, "production.gates.1: input should be"),
        ({"at_once": 0}, "production.at_once: input should be greater than or equal to 1."),
        ({"budget": {"video": -1}}, "production.budget.video: input should be greater than"),
        ({"budget": {"week": 1}}, "production.budget.week: there is no such key."),
        ({"scenes": "many"}, "production.scenes: input should be a valid integer"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ProductionError) as caught:
        block(**keys)
    assert said in str(caught.value)


@pytest.mark.parametrize("value", ["frame", [], 3, True])
def test_a_block_that_is_no_mapping_is_refused(value: object) -> None:
    with pytest.raises(ProductionError, match=r"^production: "):
        production_of({"production": value}, INSTALLED)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ProductionError) as caught:
        block(at_once=0, scenes=0, speed=1)
    assert [key in str(caught.value) for key in ("at_once", "scenes", "speed")] == [True] * 3


def test_a_block_without_makers_sets_limits_for_outside_workers() -> None:
    found = production_of({"production": {"budget": {"month": 30}, "gates": ["assembly"]}}, ())
    assert found is not None
    assert found.channel == ChannelProduction(budget_month=Decimal(30))
    limited = production_of({"production": {"at_once": 3}}, ())
    assert limited is not None
    assert limited.channel == ChannelProduction(at_once=3)


def test_a_block_with_makers_is_made_by_showrunner() -> None:
    assert block(budget={"video": "1.5"}).channel == ChannelProduction(
        producer="showrunner",
        gates=("composites", "assembly"),
        at_once=2,
        budget_video=Decimal("1.5"),
    )


def test_a_channel_whose_block_is_wrong_keeps_what_is_stored() -> None:
    files = {"good": {"production": {"at_once": 1}}, "wrong": {"production": 3}, "none": {}}
    channels = {id_: Channel(id=id_, display_name="x", settings=s) for id_, s in files.items()}
    found = channel_productions(channels)
    assert sorted(found) == ["good", "none"]
    assert found["none"] == ChannelProduction()


def test_a_budget_alone_adds_no_gate_for_outside_workers() -> None:
    found = production_of({"production": {"budget": {"month": 30}}}, ())
    assert found is not None
    assert found.channel.gates == ("assembly",)
