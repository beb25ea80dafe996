"""Own production with the services' real makers, against an emulator that keeps a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from kit.makers import Died
from kit.own_production import LOCAL, OwnProduction, own  # noqa: F401 - a fixture
from pydantic import SecretStr

from models.production.leases import LEASE
from models.production.paid_orders import LOOK_UPS
from models.production.steps import Step
from models.tables.production.logins import put_login

pytest.importorskip("studio_sandbox")

from kit.studio_makers import studio_makers
from showrunner_makers.frame import Frame
from studio_sandbox.config import Config
from studio_sandbox.testing import StudioSandbox

OVER = LOOK_UPS[-1].total_seconds() + 1
REST = {"Ready for Review", "Upload Complete", "Error: Manual Review", "Error: Invalid Input"}
"""Columns in which a card waits for a person."""
VOICE = "JBFqnCBsd6RMkjVDRZzb"


@dataclass
class Studio:
    """A production and the services that work for it."""

    own: OwnProduction
    services: StudioSandbox

    async def channel(self, name: str = "deep_sea", **block: Any) -> None:
        """A channel whose other steps cost nothing."""
        makers = {**LOCAL, **block.pop("makers")}
        usual = {"gates": ["assembly"], "makers": makers}
        await self.own.channel(name, **{**usual, **block})

    async def connect(self, channel: str = "deep_sea", token: str | None = None) -> None:
        """Connect a channel with YouTube."""
        secret = SecretStr(token or str(self.services.config.refresh_token))
        async with self.own.sessions.begin() as session:
            await put_login(session, "youtube", channel, secret=secret, account="Sandbox")

    async def run(self, rounds: int = 8, seconds: float = 60) -> None:
        """Run and collect while time goes by."""
        for _ in range(rounds):
            await self.own.run()
            await self.own.collect()
            self.own.clock.pass_(seconds)
            rows = await self.own.sql("SELECT board_status AS it FROM tasks")
            if all(row["it"] in REST for row in rows):
                return
        await self.own.run()

    async def die_after(self, patched: pytest.MonkeyPatch, module: Any, name: str) -> None:
        """Kill the process when it calls that, and let its lease expire."""

        async def die(*_: object, **__: object) -> None:
            raise Died

        (work,) = await self.own.dispatch()
        with patched.context() as patch, suppress(Died, BaseExceptionGroup):
            patch.setattr(module, name, die)
            await self.own.produce(work)
        self.own.clock.pass_(LEASE.total_seconds() + OVER)

    async def failure(self, task: UUID) -> str:
        """What a card says went wrong."""
        return str((await self.own.lease(task))["failure"])

    async def states(self, task: UUID, step: Step) -> list[str]:
        """The states of a step's pieces."""
        return [str(piece["state"]) for piece in await self.own.pieces(task, step)]

    def charges(self, **wanted: str) -> list[Decimal]:
        """What the services charged and did not give back."""
        rows = self.services.ledger(**wanted)
        back = {row["refund_of"] for row in rows}
        kept = [row for row in rows if row["refund_of"] is None and row["id"] not in back]
        return [Decimal(str(row["usd"])).quantize(Decimal("0.000001")) for row in kept]


@pytest.fixture
def services() -> Iterator[StudioSandbox]:
    """The emulator, whose jobs end at once."""

    config = Config(
        kling_queue_seconds=0, kling_job_seconds=0, channels=("Sandbox channel", "Other")
    )
    with StudioSandbox(config) as running:
        yield running


@pytest.fixture
async def studio(
    own: OwnProduction,  # noqa: F811 - the fixture
    services: StudioSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Studio:
    """A production with the services' makers."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    stage = Studio(own, services)
    own.makers.update(studio_makers(services) | {"frame": Frame()})
    return stage
