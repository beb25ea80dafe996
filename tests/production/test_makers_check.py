"""What doctor says of the makers of each channel: `cli.commands.production.makers`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from kit.makers import Plain
from kit.own_production import LOCAL
from pydantic import SecretStr

from cli.commands.production import makers as doctor
from models.operations.health.check import Check, State
from models.rules.channels import Channel
from tasks.production import makers


@dataclass
class Keyed(Plain):
    """A maker that needs a key, or a login."""

    lacking: str | None = None
    needs_login: bool = False
    asked: list[SecretStr | None] = field(default_factory=list)

    def check(self, options: Mapping[str, Any]) -> None:
        if options.get("model") == "old":
            raise ValueError("model: “old” has no known price.")

    def missing(self, login: SecretStr | None) -> str | None:
        self.asked.append(login)
        if self.needs_login:
            return None if login is not None else "The channel is not connected."
        return self.lacking


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> Keyed:
    made = Keyed()
    there: dict[str, Any] = {"plain": Plain(), "keyed": made}
    monkeypatch.setattr(makers, "_load", there.__getitem__)
    monkeypatch.setattr(doctor, "installed_makers", lambda: frozenset({*there, "gone"}))
    return made


def channel(name: str, **block: Any) -> Channel:
    usual = {"makers": {**LOCAL, "assets": "keyed"}}
    return Channel(id=name, display_name=name, settings={"production": {**usual, **block}})


def judged(*channels: Channel, **logins: str) -> Check:
    known = {name: {"keyed": SecretStr(text)} for name, text in logins.items()}
    return doctor.judge_makers({one.id: one for one in channels}, known)


@pytest.mark.usefixtures("keyed")
def test_makers_that_can_work_are_named_with_their_channels() -> None:
    found = judged(channel("b"), channel("a"))
    assert (found.state, found.facts) == (State.OK, "keyed for a, b; plain for a, b")


def test_a_key_that_is_not_set_is_yellow_and_named(keyed: Keyed) -> None:
    keyed.lacking = "X_API_KEY is not set."
    found = judged(channel("a"))
    assert (found.state, found.facts) == (State.WARN, "a: X_API_KEY is not set")


def test_a_channel_that_is_not_connected_is_named_alone(keyed: Keyed) -> None:
    keyed.needs_login = True
    found = judged(channel("a"), channel("b"), b="1//x")
    assert (found.state, found.facts) == (State.WARN, "a: The channel is not connected")
    assert "1//x" not in repr(found)


@pytest.mark.usefixtures("keyed")
def test_an_option_that_cannot_be_used_is_named_with_its_key() -> None:
    found = judged(channel("a", options={"keyed": {"model": "old"}}))
    assert found.facts == "a: production.options.keyed.model: “old” has no known price"


@pytest.mark.usefixtures("keyed")
def test_a_maker_that_is_not_installed_is_yellow() -> None:
    found = judged(channel("a", makers={**LOCAL, "assets": "gone"}))
    assert found.state is State.WARN
    assert "“gone” is not installed" in found.facts


@pytest.mark.usefixtures("keyed")
def test_channels_of_outside_workers_have_no_makers() -> None:
    outside = Channel(id="a", display_name="A", settings={})
    found = judged(outside, channel("b", makers={}), channel("c", makers={"assets": "plain"}))
    assert (found.state, found.facts) == (State.OK, "no channel is produced here")
