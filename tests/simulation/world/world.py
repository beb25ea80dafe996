"""A board, a database, two worker processes, two webhook receivers, and the network."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import httpx
from kit.stage import BOT_TOKEN, CHANNEL
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from models.errors import ShowrunnerError
from models.rules.board_schema import read_board
from models.rules.channels import Channel, load_configured_channels
from models.settings import Settings
from simulation.laws import moves
from simulation.world.databases import Databases
from simulation.world.doubts import Doubts
from simulation.world.gates import GatedSessions, Incomplete, Road, Sleeper, Straight, WorldContext
from simulation.world.ledger import Ledger
from simulation.world.outside import Outside
from simulation.world.post import Letter, PostOffice
from simulation.world.production import JOBS, Production
from simulation.world.turns import Process, Turns
from simulation.world.users import StoppableClock, Users
from tasks.notion.client import NotionClient
from tasks.notion.shared_rate_limit import SharedBudget
from tasks.runtime.context import Context
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.runtime.report import Report
from tasks.sync.cycle import cycle
from tasks.sync.import_board import import_cards
from tasks.sync.ingest import drain_inbox
from tasks.sync.safety_stop import take_board
from webhook.app import create_app as create_receiver

SECRET = "secret_of_the_simulation"
PER_SECOND = 3.0
NEVER_AWAY = 600.0
"""The receivers' real seconds for the database: a busy machine must not change a history."""


class World(Users):
    """A stage with processes that take turns, and a post office.

    Attributes:
        failures: what must never happen and did.
        happened: how often each kind of thing happened.
        edited: when a person last edited a page; `imported`: when the first import was known to be
            over.
        inserted: tasks that workers inserted, which become cards.
        strangers: pages that never were cards.
        odd: pages that arrive without their Topic for the time being.
    """

    def __init__(self, databases: Databases, rng: Random, **config: Any) -> None:
        config = {
            "requests_per_minute": 200,
            "webhook_url": "http://receiver/webhook/notion",
            **config,
        }
        super().__init__(databases.sessions, StoppableClock(), webhook_secret=SECRET, **config)
        self.clock: StoppableClock
        self.databases, databases.clock = databases, self.clock
        self.rng, self.turns, self.post = rng, Turns(), PostOffice()
        self.sandbox.sender._given = httpx.AsyncClient(transport=self.post)
        self.sandbox.api.sleep = self.clock.sleep
        self.processes = [Process("one"), Process("two")]
        self.ons: dict[str, Context] = {}
        self.receivers: list[httpx.AsyncClient] = []
        self.network: list[str] = []
        self.database: list[str] = []
        self.failures: list[str] = []
        self.writing: dict[str, str] = {}
        self.happened: Counter[str] = Counter()
        self.sent: list[Any] = []
        self.writes: list[str] = []
        self.cards: list[str] = []
        self.touched: set[tuple[str, str]] = set()
        self.channels: dict[str, Any] = {}
        self.known_channels: dict[str, Any] = {}
        self.outside, self.production = Outside(self), Production(self)
        self.doubts = Doubts()
        self.trashed: dict[str, datetime] = {}
        self.imported: datetime | None = None
        self.inserted: list[UUID] = []
        self.strangers: list[str] = []
        self.incomplete: set[str] = set()
        self.jobs = self.stories = 0

    async def open(self, schema: dict[str, Any] | None = None, *, url: str | None = None) -> None:
        await super().open(schema, url=url)
        self.people._transport = Straight(self.sandbox)
        self.ledger = Ledger(self.sandbox.state, self.data_source_id, self.clock)
        self.ids = {prop.name: prop.id for prop in self.ledger.schema.values()}
        self.board = read_board(
            (await self.people.get(f"/v1/data_sources/{self.data_source_id}")).json()
        )
        settings = self.ctx.settings
        self.channels |= load_configured_channels(settings.channel_configs)
        gated = {"production": {"gates": ["composites", "assembly"]}}
        self.channels[CHANNEL] = replace(self.channels[CHANNEL], settings=gated)
        self.production.open()
        self.known_channels |= self.channels
        settings = settings.model_copy(update={"production_dir": self.production.folder})
        await self.ctx.notion.aclose()
        for process in self.processes:
            self.ons[process.name] = self._connect(process, settings)
        self.ctx = self.ons["one"]
        receiver_settings = settings.model_copy(update={"notion_webhook_secret": SecretStr(SECRET)})
        for _ in range(2):
            app = create_receiver(
                receiver_settings,
                self.databases.receivers,
                clock=self.clock,
                trigger=lambda: None,
                database_seconds=NEVER_AWAY,
            )
            self.receivers.append(
                httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver")
            )

    def _connect(self, process: Process, settings: Settings) -> Context:
        sessions: Any = GatedSessions(self.databases, self.turns, process, self.database)
        row: Any = GatedSessions(self.databases, self.turns, process, self.database, single=True)
        sleep = Sleeper(self.clock, self.turns, process)
        inner = Incomplete(Straight(self.sandbox), self.incomplete, "Topic")
        road = Road(
            inner,
            self.turns,
            process,
            self.network,
            self._answered,
            self._unanswered,
            writing=self.writing,
            failures=self.failures,
        )
        client = NotionClient(
            BOT_TOKEN,
            per_second=10_000,
            budget=SharedBudget(row, PER_SECOND, sleep),
            base_url="http://sandbox",
            sleep=sleep,
            transport=road,
        )
        made = WorldContext(settings, sessions, client, clock=self.clock, sleep=sleep)
        made.configured = self.channels
        return made

    def a_channel_file(self, name: str) -> None:
        """It appears, or disappears if it is there."""
        if self.channels.pop(name, None) is None:
            new = Channel(id=name, display_name=name)
            self.channels[name] = self.known_channels.get(name, new)

    def _answered(
        self,
        process: Process,
        request: httpx.Request,
        response: httpx.Response,
        arrives: bool,  # noqa: FBT001
    ) -> None:
        self.sent.append(self.clock.now)
        before = len(self.ledger.made)
        self.ledger.record_read(process.name, sure=arrives and response.status_code == 200)
        self.failures += [f"we made {what}" for what in self.ledger.made[before:]]
        self._people_see_new_pages()
        self.failures += self.doubts.answered(process, request, response, arrives=arrives)
        self.turns.trail.append(
            f"    answered {response.status_code}, arrives: {arrives} "
            f"{request.content.decode()[:300]}"
        )
        if request.method == "PATCH" or request.url.path == "/v1/pages":
            self.writes.append(f"{request.url.path} {request.content.decode()}")
        # Of a query for certain pages only those are taken, and it is the one that asks for the
        # newest first.
        newest_edits = b'"last_edited_time","direction":"descending"' in request.content
        if arrives and response.status_code == 200 and not newest_edits:
            body = response.json()
            shown = [
                page
                for page in body.get("results", [body])
                if page.get("id") not in self.incomplete
            ]
            self.ledger.heard(process.name, {"results": shown})

    def _unanswered(self, process: Process, request: httpx.Request) -> None:
        self.doubts.unanswered(process, request)
        self.ledger.record_read(process.name, sure=False)
        self._people_see_new_pages()

    def _people_see_new_pages(self) -> None:
        """Cards that we made can be edited by users as soon as they are on the board."""
        self.cards += [page_id for page_id in self.ledger.pages_made if page_id not in self.cards]

    # What processes do.

    async def run(self, process: Process, doing: str) -> None:
        self.jobs += 1
        ctx = self.ons[process.name]
        jobs: dict[str, Callable[[Context], Coroutine[Any, Any, None]]] = {
            "cycle": partial(self._cycle, process),
            "ingest": self._ingest,
            "import": self._import,
            "take the board": self._take_board,
            **{name: partial(self.production.job, process, name) for name in JOBS},
        }
        work = jobs[doing]
        await self.turns.begin(process, doing, self._guarded(process, doing, work(ctx)))

    async def _cycle(self, process: Process, ctx: Context) -> None:
        async with one_at_a_time(ctx, Lock.PUSH) as mine:
            if mine:
                await cycle(ctx, Report(), f"cycle of {process.name}")

    async def _ingest(self, ctx: Context) -> None:
        alone, began = self._alone, await self._last_row()
        await drain_inbox(ctx, Report(), gathering=True)
        if alone and self._alone and self.jobs == alone:
            self.failures += await moves.what_is_refused_is_answered(self, began)

    @property
    def _alone(self) -> int:
        """How many jobs there were, while the only one under way is the one that asks; else 0."""
        return self.jobs if sum(process.busy for process in self.processes) == 1 else 0

    async def _last_row(self) -> int:
        [row] = await self.rows("SELECT coalesce(max(id), 0) AS id FROM task_history")
        return int(row["id"])

    async def _import(self, ctx: Context) -> None:
        async with one_at_a_time(ctx, Lock.IMPORT) as mine:
            if mine:
                await import_cards(ctx, Report())

    async def _take_board(self, ctx: Context) -> None:
        await take_board(ctx, "the operator")

    async def _guarded(self, process: Process, doing: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (ShowrunnerError, OperationalError) as error:
            self.happened[f"{doing} ended with {type(error).__name__}"] += 1
            self.turns.trail.append(f"{process.name} {doing} ended: {error}"[:200])
            process.error = error  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001 - whatever else comes out is a bug
            self.failures.append(f"{doing} crashed: {type(error).__name__}: {error}"[:600])
        else:
            process.error = None  # type: ignore[attr-defined]
            self.ledger.ended(process.name, well=True)
        finally:
            self.ledger.ended(process.name, well=False)
            self.doubts.ended(process)
            if self.imported is None and await self.rows(
                "SELECT 1 FROM sync_state WHERE key = 'sweep_watermark'"
            ):
                self.imported = self.clock.now

    async def to_the_end(self) -> None:
        """Let all jobs end."""
        for _ in range(5000):
            if not self.turns.waiting:
                break
            await self.turns.next(self.rng.choice(self.turns.waiting))
        for process in self.processes:
            if process.busy:
                self.failures.append(f"{process.doing} hangs")
                await self.turns.kill(process)

    # What the post does.

    async def send_webhooks(self) -> None:
        await self.sandbox.deliver_due(self.clock())

    async def hand_in(self, letter: Letter, receiver: int = 0) -> None:
        letter.delivered += 1
        letter.handed_in = True
        answer = await self.receivers[receiver].post(
            "/webhook/notion", content=letter.body, headers=letter.headers
        )
        if answer.status_code != 200:
            self.failures.append(f"the receiver answered {answer.status_code} to {letter.body!r}")

    async def hand_in_twice(self, letter: Letter) -> None:
        """Send the letter to both receivers at the same moment; the database orders them."""
        self.clock.stands = True
        await asyncio.gather(self.hand_in(letter, 0), self.hand_in(letter, 1))
        self.clock.stands = False

    async def sql(self, statement: str, **values: Any) -> None:
        self.turns.trail.append(f"    {statement} {values}")
        await super().sql(statement, **values)

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.databases.single() as session:
            return list((await session.execute(text(query), values)).mappings())

    def later(self, **span: float) -> None:
        self.clock.now += timedelta(**span)

    async def close(self) -> None:
        for process in self.processes:
            if process.busy:
                await self.turns.kill(process)
        for receiver in self.receivers:
            await receiver.aclose()
        for ctx in self.ons.values():
            await ctx.notion.aclose()
        await self.sandbox.sender._given.aclose()
        self.production.close()
        await super().close()
