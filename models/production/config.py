"""The `production:` block of a channel's file: whether and how Showrunner itself makes its videos.

    production:
      makers: {assets: frame, composites: frame, videos: ffmpeg, audio: ffmpeg, sfx: ffmpeg,
               assembly: ffmpeg}
      options:
        frame: {background: "#0b2545"}
      gates: [composites, assembly]
      at_once: 2
      budget: {video: 10, month: 300}

A channel without the block is served by outside workers, and so is one whose block names no makers:
it sets gates, `at_once` and a budget for them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.production.money import Cap
from models.production.paid_orders import RESUBMIT_BELOW
from models.production.steps import STEPS, Step
from models.production.story import MOST_SCENES
from models.rules.channels import Channel
from models.tables.reference_data import ChannelProduction

KEY: Final = "production"
MAKERS: Final = "showrunner.makers"
"""The group of entry points by which makers are found."""
PIECES_AT_ONCE: Final = 2
"""Pieces that a maker works on at a time unless the channel says otherwise."""
_MADE: Final = frozenset(Step) - {Step.UPLOAD}
"""The steps that need a maker. A channel without one for the upload ends at Review Approved."""

Dollars = Annotated[Decimal, Field(ge=0, le=100_000)]


class ProductionError(ValueError):
    """A production block that cannot be used; its text names each key that is wrong."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Budget(_Strict):
    """The most that is spent, in USD; None for no limit."""

    video: Dollars | None = None
    month: Dollars | None = None

    @property
    def limits(self) -> Mapping[Cap, Decimal]:
        """Those that are set."""
        named = {Cap.VIDEO: self.video, Cap.CHANNEL: self.month}
        return {cap: limit for cap, limit in named.items() if limit is not None}


class Production(_Strict):
    """A channel's production.

    Attributes:
        makers: the name of each step's maker; empty when outside workers make the videos.
        options: what is said to a maker, by its name.
        gates: the steps whose result a person approves.
        at_once: how many of the channel's videos may be in work at a time.
        scenes: how many scenes a video has at most.
        resubmit_below: USD below which a lost submission is sent once more.
        pieces_at_once: how many pieces a maker works on at a time, by its name: on this machine
            per process, at a service in all.
    """

    makers: Mapping[Step, Annotated[str, Field(min_length=1, max_length=100)]] = {}
    options: Mapping[str, Mapping[str, Any]] = {}
    gates: frozenset[Step] = frozenset(step for step, rule in STEPS.items() if rule.gate)
    at_once: Annotated[int, Field(ge=1, le=100)] = 2
    budget: Budget = Budget()
    scenes: Annotated[int, Field(ge=1, le=100)] = MOST_SCENES
    resubmit_below: Dollars = RESUBMIT_BELOW
    pieces_at_once: Mapping[str, Annotated[int, Field(ge=1, le=1000)]] = {}

    def at_once_for(self, maker: str) -> int:
        """How many pieces that maker works on at a time."""
        return self.pieces_at_once.get(maker, PIECES_AT_ONCE)

    @property
    def channel(self) -> ChannelProduction:
        """What the database keeps of it. Outside workers have no limit unless one is written."""
        limited = self.makers or "at_once" in self.model_fields_set
        # Outside workers wait at a gate only if the file says so: a budget alone adds none.
        gates = self.gates if self.makers or "gates" in self.model_fields_set else {Step.ASSEMBLY}
        return ChannelProduction(
            producer="showrunner" if self.makers else "workers",
            gates=tuple(step.value for step in Step if step in gates),
            at_once=self.at_once if limited else None,
            budget_video=self.budget.video,
            budget_month=self.budget.month,
        )

    @field_validator("makers")
    @classmethod
    def _complete(cls, makers: Mapping[Step, str]) -> Mapping[Step, str]:
        missing = [step for step in Step if step in _MADE - makers.keys()]
        if makers and missing:
            raise ValueError(f"no maker for {', '.join(missing)}")
        return makers

    @field_validator("gates")
    @classmethod
    def _reviewed(cls, gates: frozenset[Step]) -> frozenset[Step]:
        if Step.ASSEMBLY not in gates:
            raise ValueError("“assembly” is always a gate: nothing is published unseen")
        if Step.UPLOAD in gates:
            raise ValueError("“upload” is no gate: what it makes is published by then")
        return gates


def production_of(settings: Mapping[str, Any], installed: Collection[str]) -> Production | None:
    """A channel's production; None when outside workers serve it.

    Args:
        settings: the keys of the channel's file.
        installed: the names of the makers that are installed.

    Raises:
        ProductionError: when the block cannot be used, with every key that is wrong.
    """
    if settings.get(KEY) is None:
        return None
    try:
        found = Production.model_validate(settings[KEY])
    except ValidationError as error:
        raise ProductionError(" ".join(_sentence(fault) for fault in error.errors())) from error
    unknown = sorted(set(found.makers.values()) - set(installed))
    if unknown:
        there = ", ".join(sorted(installed)) or "none"
        raise ProductionError(
            f"{KEY}.makers: “{unknown[0]}” is not installed; installed are {there}."
        )
    for key, named in (("options", found.options), ("pieces_at_once", found.pieces_at_once)):
        unused = sorted(named.keys() - set(found.makers.values()))
        if unused:
            raise ProductionError(f"{KEY}.{key}: “{unused[0]}” makes no step of this channel.")
    return found


@cache
def installed_makers() -> frozenset[str]:
    """The names of the makers that were installed when this process first asked.

    Asking reads a file of every installed package, which took half of an idle cycle's time.
    """
    return frozenset(found.name for found in entry_points(group=MAKERS))


def check_block(settings: Mapping[str, Any]) -> None:
    """Check a file's production block, so that a wrong one is a fault of the file.

    Raises:
        ProductionError: when the block cannot be used, with every key that is wrong.
    """
    production_of(settings, installed_makers())


def channel_productions(channels: Mapping[str, Channel]) -> dict[str, ChannelProduction]:
    """Who makes each channel's videos, by id.

    A channel whose block cannot be used is left out: what the database keeps of it counts.
    """
    installed, found = installed_makers(), {}
    for id_, channel in channels.items():
        with suppress(ProductionError):
            block = production_of(channel.settings, installed)
            found[id_] = block.channel if block else ChannelProduction()
    return found


def _sentence(fault: Mapping[str, Any]) -> str:
    where = ".".join([KEY, *(str(part) for part in fault["loc"] if part != "[key]")])
    if fault["type"] == "extra_forbidden":
        return f"{where}: there is no such key."
    said = str(fault["msg"]).removeprefix("Value error, ")
    return f"{where}: {said[:1].lower()}{said[1:].rstrip('.')}."
