"""Showrunner's own production in one process: a channel, makers, and a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from sqlalchemy import event, text

from kit.clock import Clock
from kit.makers import Plain, Service
from models.postgres.engine import Sessions
from models.production import config
from models.production.steps import STEPS, Step
from models.settings import Settings
from tasks.notion.client import NotionClient
from tasks.production import dispatch, makers
from tasks.production.collect import Collected, collect_jobs
from tasks.production.dispatch import dispatch_steps
from tasks.production.plan import Work
from tasks.production.produce import Outcome, produce_step
from tasks.runtime.channels import store_channels
from tasks.runtime.context import Context

STORY = "One.\n\nTwo.\n\nThree."
LOCAL = dict.fromkeys((step.value for step in Step if step is not Step.UPLOAD), "plain")


class OwnProduction:
    """What a test acts with.

    Attributes:
        beat: lets the next heartbeat of every running step happen.
    """

    def __init__(self, sessions: Sessions, folder: Path) -> None:
        self.sessions, self.folder = sessions, folder
        self.clock = Clock()
        self.plain, self.service = Plain(), Service()
        self.makers: dict[str, Any] = {"plain": self.plain, "service": self.service}
        self.beat = asyncio.Event()
        settings = Settings(
            _env_file=None,
            channel_configs=folder / "channels",
            production_dir=folder / "films",
            notion_api_token="ntn_x",
        )
        client = NotionClient("ntn_x")
        self.ctx = Context(settings, sessions, client, clock=self.clock, sleep=self._until_beat)
        (folder / "channels").mkdir()
        event.listen(sessions.kw["bind"].sync_engine, "begin", self._tell_time)

    async def close(self) -> None:
        """The engine, which may be another test's next, hears of this clock no longer."""
        event.remove(self.sessions.kw["bind"].sync_engine, "begin", self._tell_time)
        await self.ctx.notion.aclose()

    def _tell_time(self, connection: Any) -> None:
        connection.exec_driver_sql(
            "SELECT set_config('showrunner.now', %s, true)", (self.clock().isoformat(),)
        )

    async def _until_beat(self, _seconds: float) -> None:
        await self.beat.wait()
        self.beat.clear()

    async def channel(self, name: str = "deep_sea", **block: Any) -> None:
        """A channel that Showrunner produces, with that production block."""
        content = {"display_name": name, "production": {"makers": LOCAL, **block}}
        (self.folder / "channels" / f"{name}.yaml").write_text(yaml.safe_dump(content))
        await store_channels(self.sessions, await self.ctx.channels(), None)

    async def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Plain SQL."""
        async with self.sessions.begin() as session:
            found = await session.execute(text(statement), values)
            return [dict(row) for row in found.mappings()] if found.returns_rows else []

    async def add(
        self,
        title: str = "squid",
        *,
        story: str | None = STORY,
        channel: str = "deep_sea",
        task: UUID | None = None,
    ) -> UUID:
        """A queued video, whose id may be given."""
        rows = await self.sql(
            "INSERT INTO tasks (id, title, channel_id, topic, story_direction, board_status, "
            "status_changed_at) VALUES (:task, :title, :channel, 'eyes', :story, 'Queued', "
            "showrunner_now()) RETURNING id",
            task=task or uuid4(),
            title=title,
            channel=channel,
            story=story,
        )
        made: UUID = rows[0]["id"]
        return made

    async def move(self, task: UUID, column: str, actor: str = "person:ada") -> None:
        """A person drags the card."""
        async with self.sessions.begin() as session:
            await session.execute(
                text("SELECT set_config('showrunner.actor', :actor, true)"), {"actor": actor}
            )
            await session.execute(
                text("UPDATE tasks SET board_status = :column WHERE id = :task"),
                {"column": column, "task": task},
            )

    async def reject(self, task: UUID, gate: str, *pieces: int) -> None:
        """A person rejects what waits at a gate, for those scenes or all, and queues it."""
        await self.sql(
            "INSERT INTO reviews (at, task_id, task_title, gate, round, decision, actor, through, "
            "pieces) SELECT showrunner_now(), :task, 'squid', step, round, 'reject', 'ada', "
            "'http', CAST(:pieces AS integer[]) FROM steps WHERE task_id = :task AND step = :gate",
            task=task,
            gate=gate,
            pieces=list(pieces),
        )
        await self.move(task, "Queued")

    async def column(self, task: UUID) -> str:
        """Where the card stands."""
        rows = await self.sql("SELECT board_status FROM tasks WHERE id = :task", task=task)
        return str(rows[0]["board_status"])

    async def lease(self, task: UUID) -> dict[str, Any]:
        """The state of its production."""
        return (await self.sql("SELECT * FROM leases WHERE task_id = :task", task=task))[0]

    async def pieces(self, task: UUID, step: Step, round_: int = 1) -> list[dict[str, Any]]:
        """The pieces of a step's round, in order."""
        return await self.sql(
            "SELECT * FROM pieces WHERE task_id = :task AND kind = :kind AND round = :round "
            "ORDER BY position",
            task=task,
            kind=STEPS[step].piece.value,
            round=round_,
        )

    async def columns(self, task: UUID) -> list[str]:
        """The columns that it went through."""
        rows = await self.sql(
            "SELECT new_value FROM task_history WHERE task_id = :task AND property = 'Status' "
            "ORDER BY id",
            task=task,
        )
        return [row["new_value"] for row in rows]

    async def dispatch(self) -> list[Work]:
        """The steps that begin now."""
        return (await dispatch_steps(self.ctx)).begun

    async def produce(self, work: Work) -> Outcome:
        """Run a step."""
        return await produce_step(self.ctx, work)

    async def run(self) -> list[Outcome]:
        """Run steps until none may begin."""
        outcomes = []
        while begun := await self.dispatch():
            outcomes += [await self.produce(work) for work in begun]
        return outcomes

    async def collect(self) -> Collected:
        """One collect."""
        return await collect_jobs(self.ctx)

    async def spent(self) -> Any:
        """What was spent or may have been."""
        return (await self.sql("SELECT coalesce(sum(counted), 0) AS usd FROM spends"))[0]["usd"]


@pytest.fixture
async def own(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OwnProduction]:
    """A channel `deep_sea` with three scenes a video and local makers."""
    stage = OwnProduction(sessions, tmp_path)
    for module in (config, dispatch):
        monkeypatch.setattr(module, "installed_makers", lambda: frozenset(stage.makers))
    monkeypatch.setattr(makers, "_load", stage.makers.__getitem__)
    await stage.channel()
    yield stage
    await stage.close()
