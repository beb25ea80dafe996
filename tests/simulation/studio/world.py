"""A channel that four emulated services work for, its videos, and the processes that produce."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

from kit.makers import Died, Plain
from kit.own_production import OwnProduction
from kit.studio_makers import studio_makers
from pydantic import SecretStr
from showrunner_makers.services.youtube import upload
from studio_sandbox.config import Config
from studio_sandbox.server import app
from studio_sandbox.store.files import Files
from studio_sandbox.testing import StudioSandbox

from models.production import config
from models.production.making import Made, Request
from models.production.steps import Step
from models.tables.production.logins import put_login
from simulation.studio.processes import Process, acting, statements_are_moments
from simulation.studio.records import Order, Records, requests_are_recorded
from simulation.world.databases import Databases
from tasks.production import collect, dispatch, makers
from tasks.production.produce import Outcome

CHANNEL: Final = "deep_sea"
VOICE: Final = "JBFqnCBsd6RMkjVDRZzb"
MAKERS: Final = {
    "assets": "gemini",
    "composites": "copies",
    "videos": "kling",
    "audio": "elevenlabs",
    "sfx": "elevenlabs",
    "assembly": "films",
    "upload": "youtube",
}
PART: Final = 256 * 1024
"""The smallest part that YouTube takes: films of these histories have several."""
_IDS: Final = re.compile(r"\b[0-9a-f-]{9,}\b")
"""Of jobs and keys, which are others in each life."""
_NOTED: Final = """
    SELECT p.task_id, p.kind, p.position, p.input_hash, p.notes -> 'estimate' ->> 'usd' AS usd
    FROM pieces p WHERE p.submit_key = CAST(:key AS uuid)
    AND EXISTS (SELECT FROM spends s WHERE s.piece_id = p.id OR p.kind = 'published')
"""


class SharedFiles(Files):
    """Files that equal requests of all histories share, so that each is made once."""

    async def made(self, suffix: str, key: object, make: Callable[[Path], Awaitable[None]]) -> Path:
        own, self.folder = self.folder, Path(_shared().name)
        try:
            common = await super().made(suffix, key, make)
        finally:
            self.folder = own
        return Path(shutil.copy(common, own))


@cache
def _shared() -> tempfile.TemporaryDirectory[str]:
    """A folder that is removed at the end of the process."""
    return tempfile.TemporaryDirectory(prefix="studio-histories-")


class Copies(Plain):
    """Makes a composite by copying its image, which a service takes as a picture."""

    async def make(self, request: Request) -> Made:
        (source,) = (one for one in request.sources if one.position == request.position)
        made = await super().make(request)
        path = made.path.with_suffix(source.path.suffix)
        shutil.copy(source.path, path)
        return Made(path=path, media_type="image/png")


class Films(Plain):
    """Makes films of several parts."""

    async def make(self, request: Request) -> Made:
        made = await super().make(request)
        text = made.path.read_bytes()
        made.path.write_bytes(text * (2 * PART // len(text) + 1))
        return made


class StudioWorld:
    """What a history acts with.

    Attributes:
        own: the production; `services`: who works for it.
        records: what was sent.
        said_so: how often a person queued each video again after an error.
        approvals: how often a person approved each film.
        held: the processes that are held up.
        resubmit_below: the channel's setting, in USD.
    """

    def __init__(self, own: OwnProduction, services: StudioSandbox, rng: Random) -> None:
        self.own, self.services, self.rng = own, services, rng
        self.records = Records(self._noted, lambda task: self.said_so[task], own.clock)
        self.said_so: Counter[UUID] = Counter()
        self.approvals: Counter[UUID] = Counter()
        self.happened: Counter[str] = Counter()
        self.trail: list[str] = []
        self.failures: list[str] = []
        self.tasks: list[UUID] = []
        self.held: list[tuple[Process, asyncio.Task[Any]]] = []
        self.resubmit_below = rng.choice([0.1, 0.05, 0.01])

    async def _noted(self, key: str) -> tuple[Order, Decimal] | None:
        found = await self.own.sql(_NOTED, key=key)
        if not found:
            return None
        (row,) = found
        order = Order(row["task_id"], row["kind"], row["position"], row["input_hash"])
        return order, Decimal(row["usd"] or 0)

    def name(self, task: UUID | None) -> str:
        """What a video is called in the trail; its id is another one in each life."""
        return f"video {self.tasks.index(task) + 1}" if task in self.tasks else "no video"

    async def run(self, name: str, process: Process, work: Awaitable[Any]) -> Any:
        """Let a process work until it ends, is killed, or is held up."""
        self.trail.append(f"  {name}")
        doing = asyncio.ensure_future(self._alive(name, process, work))
        held = asyncio.ensure_future(process.is_held.wait())
        await asyncio.wait({doing, held}, return_when=asyncio.FIRST_COMPLETED)
        held.cancel()
        if not doing.done():
            self.happened["held up"] += 1
            self.held.append((process, doing))
            return None
        return doing.result()

    async def _alive(self, name: str, process: Process, work: Awaitable[Any]) -> Any:
        with acting(process):
            try:
                with suppress(Died):
                    done = await _one_by_one(work)
                    process.ended()
                    self.trail.append(f"    {name}: {self._shown(done)}")
                    return done
            except Exception as error:  # noqa: BLE001 - whatever comes out is a bug
                if not process.is_dead:
                    self.failures.append(f"{name} crashed: {type(error).__name__}: {error}"[:400])
        self.happened["killed"] += 1
        self.trail.append(f"    {name} was killed at moment {process.moments}")
        return None

    def _shown(self, done: Any) -> str:
        if isinstance(done, list):
            return ", ".join(f"{work.step} of {self.name(work.task_id)}" for work in done)
        if not isinstance(done, Outcome):
            return str(done)
        return f"{done.end} {_IDS.sub('…', done.reason)}"

    async def release_held(self) -> None:
        """Let those that were held up go on, to their end."""
        for process, doing in self.held:
            process.goes_on.set()
            await doing
        self.held.clear()

    def pass_(self, seconds: float) -> None:
        """Time passes, here and at the services."""
        self.own.clock.pass_(seconds)
        self.services.advance(seconds=seconds)
        self.trail.append(f"  {seconds} s pass")


async def _one_by_one(work: Awaitable[Any]) -> Any:
    """The result; of several exceptions at once the one that counts.

    Raises:
        Died: the process was killed, whatever else its parts ended with.
    """
    try:
        return await work
    except BaseExceptionGroup as group:
        died, rest = group.split(Died)
        if died is not None:
            raise Died from None
        raise group from rest


@asynccontextmanager
async def studio_world(databases: Databases, rng: Random) -> AsyncIterator[StudioWorld]:
    """A world whose channel is connected with every service."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="studio-history-")))
        stack.enter_context(patch.object(app, "Files", SharedFiles))
        settings = Config(
            kling_found_after_seconds=rng.choice([0, 0, 5]),
            listed_after_seconds=rng.choice([0, 0, 20]),
        )
        services = stack.enter_context(StudioSandbox(settings))
        own = OwnProduction(databases.receivers, folder)
        databases.clock = own.clock
        own.makers.update(studio_makers(services) | _local_makers())
        for module in (config, dispatch):
            stack.enter_context(
                patch.object(module, "installed_makers", lambda: frozenset(own.makers))
            )
        stack.enter_context(patch.object(makers, "_load", own.makers.__getitem__))
        stack.enter_context(patch.object(upload, "PART", PART))
        stack.enter_context(patch.object(collect, "AT_ONCE", 1))
        world = StudioWorld(own, services, rng)
        stack.enter_context(requests_are_recorded(world.records))
        stack.enter_context(statements_are_moments(databases.receivers.kw["bind"]))
        try:
            await _open(world, rng)
            yield world
        finally:
            await world.release_held()
            await own.close()


async def _open(world: StudioWorld, rng: Random) -> None:
    own = world.own
    await own.channel(
        CHANNEL,
        makers=MAKERS,
        gates=rng.choice([["assembly"], ["composites", "assembly"]]),
        resubmit_below=world.resubmit_below,
        # One piece after the other, as all that happens: the same seed is the same history.
        pieces_at_once={"copies": 1},
        options={"elevenlabs": {"voice": VOICE}},
    )
    async with own.sessions.begin() as session:
        secret = SecretStr(str(world.services.config.refresh_token))
        await put_login(session, "youtube", CHANNEL, secret=secret, account="Sandbox")


def _local_makers() -> dict[str, Any]:
    return {
        "copies": Copies("copies", frozenset({Step.COMPOSITES})),
        "films": Films("films", frozenset({Step.ASSEMBLY})),
    }
