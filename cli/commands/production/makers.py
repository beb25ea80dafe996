"""What doctor says of the makers: whether each can work. No request is sent to a service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import SecretStr

from models.errors import ChannelConfigError
from models.operations.health.check import Check, Finding, checked, skipped, warning
from models.production.config import ProductionError, installed_makers, production_of
from models.production.making import MakerError, NeedsSettings
from models.rules.channels import Channel
from models.settings import Settings
from models.tables.production.logins import logins_of
from tasks.operations.health import DatabaseFacts
from tasks.operations.health_notion import channels_of
from tasks.production.makers import maker_named

NAME: Final = "makers"
Logins = Mapping[str, Mapping[str, SecretStr]]
"""By channel, the logins of its makers."""
_CURE: Final = "Mend that where videos are made, and start the worker again."


async def makers_check(settings: Settings, database: DatabaseFacts) -> Check:
    """Check the makers of every channel that is produced here."""
    if database.health is None or database.sessions is None:
        return skipped(NAME, database.missing)
    try:
        channels = channels_of(settings, database).channels
    except ChannelConfigError:
        return skipped(NAME, "no channel can be used")
    async with database.sessions() as session:
        logins = {id_: await logins_of(session, id_) for id_ in channels}
    # Makers load libraries that take a while.
    return await asyncio.to_thread(judge_makers, channels, logins)


def judge_makers(channels: Mapping[str, Channel], logins: Logins) -> Check:
    """The check of the makers: yellow, since they may run on another machine."""
    named: dict[str, list[str]] = {}
    findings: list[Finding] = []
    for id_, channel in sorted(channels.items()):
        makers, found = _of_channel(channel, logins.get(id_, {}))
        findings += found
        for maker in makers:
            named.setdefault(maker, []).append(id_)
    facts = "no channel is produced here"
    if named:
        facts = "; ".join(f"{maker} for {', '.join(ids)}" for maker, ids in sorted(named.items()))
    return checked(NAME, facts, findings, makers=named)


def _of_channel(
    channel: Channel, logins: Mapping[str, SecretStr]
) -> tuple[list[str], list[Finding]]:
    """The makers of a channel, and what is wrong with them."""
    try:
        block = production_of(channel.settings, installed_makers())
    except ProductionError:
        return [], []  # `channels` says so
    if block is None:
        return [], []
    makers = sorted(set(block.makers.values()))
    wrong = [
        found
        for maker in makers
        for found in _wrong(maker, block.options.get(maker, {}), logins.get(maker))
    ]
    return makers, [warning(f"{channel.id}: {text}", _CURE) for text in wrong]


def _wrong(name: str, options: Mapping[str, object], login: SecretStr | None) -> Iterator[str]:
    try:
        maker = maker_named(name)
    except MakerError as error:
        yield str(error).rstrip(".")
        return
    try:
        maker.check(options)
    except ValueError as error:
        yield f"production.options.{name}.{str(error).rstrip('.')}"
    if isinstance(maker, NeedsSettings) and (lacking := maker.missing(login)):
        yield lacking.rstrip(".")
