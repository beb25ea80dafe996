"""Outside workers: programs that call the documented SQL functions, in their role."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.production.leases import SHORTEST
from models.production.queue import Waiting, next_task
from models.rules.statuses import Priority

if TYPE_CHECKING:
    from simulation.world.world import World

LOST, NOT_THERE, NOT_APPROVED = "SR001", "SR002", "SR003"
"""SQLSTATEs that the documentation names."""
_AS_WORKER = text(
    "SELECT set_config('showrunner.now', :now, true), set_config('role', 'showrunner_worker', true)"
)
_WAITING = """
SELECT t.id, t.channel_id, t.priority, t.status_changed_at, c.served_at
FROM tasks AS t
JOIN channels AS c ON c.id = t.channel_id AND c.configured AND c.producer = 'workers'
LEFT JOIN leases AS l ON l.task_id = t.id
LEFT JOIN cards AS k ON k.task_id = t.id
WHERE (t.status IN ('pending', 'approved')
    OR t.status = 'processing' AND l.approved_at IS NOT NULL)
  AND l.worker IS NULL AND l.stop_requested_at IS NULL
  AND (l.next_attempt_at IS NULL OR l.next_attempt_at <= :now)
  AND k.trashed_at IS NULL AND k.missing_at IS NULL AND coalesce(k.violation_text, '') = ''
"""
"""What a worker may be given, written anew from the documentation."""
_PAUSED = (
    "SELECT 1 FROM incidents WHERE ended_at IS NULL "
    "AND name IN ('safety_stop:moves', 'safety_stop:gone')"
)
_MOVED_BY_OTHERS = (
    "SELECT 1 FROM task_history WHERE task_id = :task AND id > :since AND property = 'Status' "
    "AND actor NOT IN ('dispatcher', :worker)"
)


@dataclass(eq=False)
class OutsideWorker:
    """A program, as far as it remembers.

    Attributes:
        task: what it believes to work on.
        column: where it believes that task to stand.
        lease: how long it said that it may be silent.
    """

    name: str
    task: UUID | None = None
    column: str = ""
    lease: timedelta = SHORTEST


@dataclass(frozen=True)
class Owner:
    """Whoever was told last that a task is theirs.

    Attributes:
        since: the last row of the history then.
    """

    worker: str
    until: datetime
    since: int


@dataclass
class Outside:
    """All of them, and what they were told.

    Attributes:
        owners: by task, as the workers' answers say.
        costs: by job, USD that a worker said a job had cost.
        kept: pieces that were accepted, by task, kind and position.
        past: by task, those who worked on it once, and may not have noticed that it is over.
    """

    world: World
    workers: list[OutsideWorker] = field(default_factory=list)
    owners: dict[UUID, Owner] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    kept: set[tuple[UUID, str, int]] = field(default_factory=set)
    past: list[OutsideWorker] = field(default_factory=list)
    born: int = 0

    def hire(self) -> OutsideWorker:
        """One more program starts."""
        self.born += 1
        worker = OutsideWorker(f"outside-{self.born}")
        self.workers.append(worker)
        return worker

    async def call(self, caller: OutsideWorker, function: str, **given: Any) -> Any:
        """Call a function; its row or value, or the SQLSTATE that it was refused with."""
        world = self.world
        names = ", ".join(f'"{name}" => {_cast(name)}' for name in given)
        query = text(f"SELECT * FROM showrunner.{function}({names})")
        now, holder = world.clock(), await self._holder(given.get("task"))
        try:
            async with world.databases.sessions.begin() as session:
                await session.execute(_AS_WORKER, {"now": now.isoformat()})
                rows = (await session.execute(query, given)).mappings().all()
        except DBAPIError as error:
            answer: Any = getattr(error.orig, "sqlstate", None)
            if answer not in {LOST, NOT_THERE, NOT_APPROVED}:
                world.failures.append(f"{function} is refused to {caller.name}: {error.orig}"[:400])
        else:
            answer = None if not rows else rows[0] if len(rows[0]) > 1 else rows[0][function]
        if "task" in given and holder != caller.name and answer not in {LOST, "lost"}:
            world.failures.append(
                f"{function} of {caller.name} is answered {answer}, and the lease is {holder}'s"
            )
        world.turns.trail.append(f"    {caller.name} {function} {given}: {_brief(answer)}")
        return answer

    async def _holder(self, task: UUID | None) -> str | None:
        """Who holds the lease of a task; None for nobody."""
        if task is None:
            return None
        rows = await self.world.rows("SELECT worker FROM leases WHERE task_id = :task", task=task)
        return rows[0]["worker"] if rows else None

    # What a worker is told about whose a task is.

    async def claim(self, worker: OutsideWorker, lease: timedelta) -> None:
        """Take the next task, which must be the right one and nobody else's."""
        world = self.world
        waiting = await world.rows(_WAITING, now=world.clock.now)
        row = await self.call(worker, "claim_task", worker=worker.name, lease=lease)
        await self._is_the_next(waiting, row)
        if row is None or isinstance(row, str):
            return
        task = row["task_id"]
        await self._is_free(task, worker)
        worker.task, worker.column, worker.lease = task, row["board_status"], lease
        await self._is_theirs(task, worker)
        world.happened["tasks claimed by outside workers"] += 1

    async def _is_the_next(self, waiting: list[Any], row: Any) -> None:
        if await self.world.rows(_PAUSED):
            if row is not None:
                self.world.failures.append("a task was given out while a safety stop is open")
            return
        fit = [
            Waiting(
                task_id=str(one["id"]),
                channel_id=one["channel_id"],
                priority=Priority(one["priority"]),
                queued_at=one["status_changed_at"],
            )
            for one in waiting
        ]
        served = {one["channel_id"]: one["served_at"] for one in waiting if one["served_at"]}
        expected = next_task(fit, served)
        given = None if row is None else str(row["task_id"])
        if given != (expected and expected.task_id):
            self.world.failures.append(f"{given} was given out, and {expected} was the next")

    async def _is_free(self, task: UUID, worker: OutsideWorker) -> None:
        before = self.owners.get(task)
        if before is None or before.worker == worker.name:
            return
        if not await self._may_change_hands(task, before):
            self.world.failures.append(
                f"task {task} is {before.worker}'s until {before.until:%d %H:%M:%S}, "
                f"and was given to {worker.name}"
            )

    async def _may_change_hands(self, task: UUID, owner: Owner) -> bool:
        """Whether another worker may get the task: the lease expired, or the task was moved."""
        if owner.until <= self.world.clock.now:
            return True
        moved = await self.world.rows(
            _MOVED_BY_OTHERS, task=task, since=owner.since, worker=f"worker:{owner.worker}"
        )
        return bool(moved)

    async def _is_theirs(self, task: UUID, worker: OutsideWorker) -> None:
        """The worker was told that the task is theirs for as long as they said."""
        [row] = await self.world.rows("SELECT coalesce(max(id), 0) AS id FROM task_history")
        self.owners[task] = Owner(worker.name, self.world.clock.now + worker.lease, row["id"])

    def answered(self, worker: OutsideWorker, task: UUID) -> None:
        """The worker was answered as if the task were theirs."""
        owner = self.owners.get(task)
        if owner is None or owner.worker != worker.name:
            self.world.failures.append(
                f"{worker.name} is answered as the one who works on {task}, which is "
                f"{owner.worker if owner else 'nobody'}'s"
            )

    async def lost(self, worker: OutsideWorker, task: UUID) -> None:
        """The worker was told that its lease is over, which must be true."""
        owner = self.owners.get(task)
        if owner is not None and owner.worker == worker.name:
            is_there = await self.world.rows("SELECT 1 FROM tasks WHERE id = :task", task=task)
            if is_there and not await self._may_change_hands(task, owner):
                self.world.failures.append(
                    f"{worker.name} lost task {task}, which is theirs until "
                    f"{owner.until:%d %H:%M:%S}"
                )
        self.over(worker, task)

    def over(self, worker: OutsideWorker, task: UUID) -> None:
        """It is not theirs any more."""
        owner = self.owners.get(task)
        if owner is not None and owner.worker == worker.name:
            del self.owners[task]
        if worker.task == task:
            worker.task = None

    async def heartbeat(self, worker: OutsideWorker, task: UUID) -> None:
        """Prolong the lease."""
        given = {"task": task, "worker": worker.name, "lease": worker.lease}
        said = await self.call(worker, "heartbeat", **given)
        self.world.happened[f"heartbeats answered {said}"] += 1
        if said == "lost":
            await self.lost(worker, task)
            return
        self.answered(worker, task)
        await self._is_theirs(task, worker)

    async def report(self, worker: OutsideWorker, task: UUID, column: str) -> str:
        """Move the task; what was answered."""
        given = {"task": task, "worker": worker.name, "board_status": column}
        return await self._moved(worker, task, column, await self.call(worker, "report", **given))

    async def finish(self, worker: OutsideWorker, task: UUID) -> str:
        """The film is ready."""
        said = await self.call(worker, "finish", task=task, worker=worker.name)
        return await self._moved(worker, task, worker.column, said)

    async def fail(self, worker: OutsideWorker, task: UUID, kind: str) -> None:
        """The task cannot go on."""
        given = {"task": task, "worker": worker.name, "kind": kind, "reason": "No ink is left."}
        said = await self.call(worker, "fail", **given)
        self.world.happened[f"fail {kind} answered {said}"] += 1
        if said == LOST:
            await self.lost(worker, task)
            return
        self.answered(worker, task)
        self.over(worker, task)

    async def attach(self, worker: OutsideWorker, task: UUID, **piece: Any) -> None:
        """Record a piece and what it cost, again if it was recorded already."""
        given = {"task": task, "worker": worker.name, **piece}
        said = await self.call(worker, "attach", **given)
        self.world.happened[f"attach answered {said}"] += 1
        if said == LOST:
            self.over(worker, task)  # it was deleted
            return
        self.costs[piece["job_id"]] = piece["cost_usd"]
        if said == "lost":
            await self.lost(worker, task)
            return
        self.answered(worker, task)
        self.kept.add((task, piece["kind"], piece["position"]))

    async def _moved(self, worker: OutsideWorker, task: UUID, column: str, said: Any) -> str:
        self.world.happened[f"reports answered {said}"] += 1
        if said == LOST:
            await self.lost(worker, task)
            return str(said)
        self.answered(worker, task)
        if said == "continue":
            worker.column = column
        if said in {"waiting", "done", "stop"}:
            self.over(worker, task)
        return str(said)


_CASTS = {"lease": "interval", "task": "uuid", "position": "integer", "cost_usd": "float8"}


def _cast(name: str) -> str:
    return f"CAST(:{name} AS {_CASTS.get(name, 'text')})"


def _brief(answer: Any) -> str:
    if answer is None or isinstance(answer, str):
        return str(answer)
    return f"{answer['task_id']} in {answer['board_status']}, attempt {answer['attempt']}"
