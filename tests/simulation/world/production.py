"""Own production in the world: a channel, its makers, and the runs that were asked for."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from models.production import config
from models.production.making import Request
from models.production.steps import STEPS, Step
from simulation.world.makers import ACTING, Service, Submission, Workshop, hash_in
from tasks.production import dispatch, makers
from tasks.production.collect import collect_jobs
from tasks.production.dispatch import dispatch_steps, offer_again
from tasks.production.plan import Work
from tasks.production.produce import produce_step
from tasks.production.summary import read_work
from tasks.runtime.context import Context

if TYPE_CHECKING:
    from simulation.world.turns import Process
    from simulation.world.world import World

OWN: Final = "history_in_ten"
"""The channel whose videos Showrunner makes."""
JOBS: Final = ("dispatch", "produce", "collect")
_RETRY: Final = timedelta(seconds=30)
_INTENT: Final = """
SELECT p.id, p.task_id, p.state, p.round, p.position, p.input_hash,
  t.channel_id, t.board_status, l.stop_requested_at, c.trashed_at,
  t.xmin::text::bigint < p.xmin::text::bigint AS task_is_older,
  l.xmin::text::bigint < p.xmin::text::bigint AS lease_is_older,
  c.xmin::text::bigint < p.xmin::text::bigint AS card_is_older,
  (SELECT coalesce(sum(counted), 0) FROM spends WHERE task_id = p.task_id) AS of_video,
  (SELECT coalesce(sum(counted), 0) FROM spends WHERE channel_id = t.channel_id
    AND at >= date_trunc('month', CAST(:now AS timestamptz), 'UTC')) AS of_month,
  (SELECT coalesce(max(id), 0) FROM task_history) AS since,
  EXISTS (SELECT FROM spends WHERE piece_id = p.id AND kind = 'estimated') AS is_booked
FROM pieces AS p JOIN tasks AS t ON t.id = p.task_id
LEFT JOIN leases AS l ON l.task_id = t.id LEFT JOIN cards AS c ON c.task_id = t.id
WHERE p.submit_key = :key
"""
_DECIDED_SINCE: Final = (
    "SELECT 1 FROM task_history WHERE task_id = :task AND id > :since "
    "AND property = 'Status' AND new_value = 'Queued'"
)
_MADE: Final = """
SELECT l.worker FROM pieces AS p JOIN leases AS l ON l.task_id = p.task_id
WHERE p.task_id = :task AND p.kind = :kind AND p.position = :position AND p.state = 'done'
  AND p.input_hash = :hash
"""


class AtOnce(ThreadPoolExecutor):
    """Does in the event loop's thread what others give to threads: a history has one thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
            done.set_exception(error)
        return done


class Production:
    """What own production does in a world, and what is looked at while it does.

    Attributes:
        runs: runs of `produce` that were asked for and have not begun.
        troubled: whether makers fail, as long as the world is not calm.
        services: the paid makers, by name.
        folder: where its files lie.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.runs: list[Work] = []
        self.troubled = True
        self.services = {
            name: Service(world, name, frozenset({step}), can_be_looked_up)
            for name, step, can_be_looked_up in (
                ("painter", Step.ASSETS, world.rng.random() < 0.5),
                ("studio", Step.VIDEOS, True),
            )
        }
        self._makers: dict[str, Any] = {"workshop": Workshop(world), **self.services}
        self._heard: dict[str, list[Submission]] = {}
        self._working: dict[str, Work] = {}
        rng, plain = world.rng, dict.fromkeys((step.value for step in Step), "workshop")
        self.block: dict[str, Any] = {
            "makers": plain | {"assets": "painter", "videos": "studio"},
            "gates": ["composites", "assembly"],
            "at_once": rng.choice([1, 2, 3, 3]),
            "resubmit_below": rng.choice(["0", "0.10", "0.10", "1"]),
            "pieces_at_once": {"painter": rng.choice([2, 4]), "studio": rng.choice([1, 4])},
        }
        if rng.random() < 0.5:
            small, large = [("0.07", "0.3"), ("5", "0.07")], [("0.7", "1.2"), ("1.3", "2")]
            limits = rng.choice(small if rng.random() < 0.7 else large)
            self.block["budget"] = dict(zip(("video", "month"), limits, strict=True))

    def open(self) -> None:
        """Make the folder, open the channel, and let makers be found."""
        memory = Path("/dev/shm")
        self.folder = Path(
            tempfile.mkdtemp(prefix="production-", dir=memory if memory.is_dir() else None)
        )
        own = self.world.channels[OWN]
        self.world.channels[OWN] = replace(own, settings={"production": self.block})
        names = frozenset(self._makers)
        config.installed_makers = dispatch.installed_makers = lambda: names
        makers._load = self._makers.__getitem__  # type: ignore[assignment]
        asyncio.get_running_loop().set_default_executor(AtOnce())

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    # What processes do.

    async def job(self, process: Process, doing: str, ctx: Context) -> None:
        """The job of that name."""
        ACTING.set(process)
        if doing == "dispatch":
            await self._dispatch(ctx)
        elif doing == "produce":
            await self._produce(process, ctx)
        else:
            await self._collect(ctx)

    async def _dispatch(self, ctx: Context) -> None:
        done = await dispatch_steps(ctx)
        for work in done.begun:
            self.world.happened[f"steps begun: {work.step}"] += 1
            if self.troubled and self.world.rng.random() < 0.04:
                self.world.happened["runs that could not be asked for"] += 1
                await offer_again(ctx, work, _RETRY)
            else:
                self.runs.append(work)

    async def _produce(self, process: Process, ctx: Context) -> None:
        if not self.runs:
            return
        asked = self.runs.pop(self.world.rng.randrange(len(self.runs)))
        self._heard[process.name], self._working[process.name] = [], asked
        work = await read_work(
            ctx,
            asked.task_id,
            worker=asked.worker,
            step=asked.step,
            round_=asked.round,
            attempt=asked.attempt,
        )
        if work is None:
            return
        outcome = await produce_step(ctx, work)
        self.world.happened[f"steps ended: {outcome.end}"] += 1
        for sent in self._heard.pop(process.name):
            sent.is_sure = True
        await self._dispatch(ctx)

    async def _collect(self, ctx: Context) -> None:
        found = await collect_jobs(ctx)
        self.world.happened["jobs that were asked about"] += found.asked
        if found.offered:
            await self._dispatch(ctx)

    def made_by(self, process: Process) -> UUID:
        """The task that a process produces, or produced last."""
        return self._working[process.name].task_id

    def is_waiting(self) -> bool:
        """Whether a service has work whose end nobody heard of."""
        sent = (one for service in self.services.values() for one in service.book.values())
        return any(one.taken and not one.is_reported for one in sent)

    # What is looked at when something is made or ordered.

    def heard(self, process: Process, sent: Submission) -> None:
        """A process heard a service's answer; it is stored when its run comes to its end."""
        self._heard[process.name].append(sent)

    async def is_needed(self, request: Request, hash_: str) -> None:
        """Nothing is made again that is there, made from the same."""
        task = UUID(request.folder.parents[2].name)
        rows = await self.world.rows(
            _MADE,
            task=task,
            kind=STEPS[request.step].piece.value,
            position=request.position,
            hash=hash_,
        )
        work = self._working[ACTING.get().name]
        if rows and rows[0]["worker"] == work.worker:
            self.world.failures.append(f"{_what(task, request)} was made again from the same")

    async def is_intended(
        self, service: Service, request: Request, key: UUID, content: str
    ) -> Submission:
        """What reaches a service was noted and booked before, and is paid for once."""
        world, hash_ = self.world, hash_in(content)
        rows = await world.rows(_INTENT, key=key, now=world.clock.now)
        price = service.price(request)
        if not rows:
            if not await world.rows("SELECT 1 FROM task_history WHERE action = 'deleted'"):
                world.failures.append(f"{request.title}: {key} was sent before that was noted")
            unknown = (None, request.step.value, request.position, hash_)
            return Submission(
                key=key, piece=None, order=unknown, content=content, price=price, since=0
            )
        [row] = rows
        order = (row["task_id"], request.step.value, request.position, hash_)
        what = _what(row["task_id"], request)
        if not row["is_booked"]:
            world.failures.append(f"{what} was sent before its estimate was booked")
        if row["input_hash"] != hash_:
            world.failures.append(f"{what} was sent, and something else was noted")
        world.failures += [f"{what} was sent {fact}" for fact in _stopped_before(row)]
        world.failures += [f"{what}: {fact}" for fact in self._above_budget(row)]
        await self._is_paid_once(service, order, what)
        return Submission(
            key=key,
            piece=row["id"],
            order=order,
            content=content,
            price=price,
            since=row["since"],
        )

    def _above_budget(self, row: Any) -> list[str]:
        limits = self.block.get("budget", {})
        found = (("video", row["of_video"]), ("month", row["of_month"]))
        return [
            f"{spent} of {limits[name]} USD for a {name} are spent"
            for name, spent in found
            if name in limits and row["channel_id"] == OWN and spent > Decimal(limits[name])
        ]

    async def _is_paid_once(
        self, service: Service, order: tuple[UUID | None, str, int, str], what: str
    ) -> None:
        """An order is sent again only when nothing can come of what was sent before.

        Or when nobody can find out, and it costs little or a person said so.
        """
        world = self.world
        before = [one for one in service.book.values() if one.order == order]
        before = [one for one in before if one.taken and one.failure is None]
        for one in before:
            if one.is_sure:
                world.failures.append(f"{what} was ordered again, and {one.id} was taken")
            elif service.can_be_looked_up and one.in_vain < 3:
                world.failures.append(f"{what} was ordered again, and nobody looked for {one.id}")
            elif not await world.rows(_DECIDED_SINCE, task=order[0], since=one.since):
                is_cheap = one.price < Decimal(self.block["resubmit_below"])
                if not is_cheap or len(before) > 1:
                    world.failures.append(f"{what} was ordered again, and nobody said so")
            world.happened["pieces paid twice, as they may be"] += 1


def _stopped_before(row: Any) -> list[str]:
    """Why the intent itself came too late: what is older than it was committed before it."""
    found = []
    if row["stop_requested_at"] is not None and row["lease_is_older"]:
        found.append("after it was to be stopped")
    if row["trashed_at"] is not None and row["card_is_older"]:
        found.append("after its card was trashed")
    if row["board_status"] == "Archived" and row["task_is_older"]:
        found.append("after it was archived")
    return found


def _what(task: UUID, request: Request) -> str:
    return f"{request.step} {request.position} of task {task}"
