"""A pipeline worker that calls the functions of the schema `showrunner`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import URL

from kit.clock import NOW
from kit.rows import Worker

INSERT = (
    "INSERT INTO tasks (title, channel_id, topic, board_status, priority, status_changed_at) "
    "VALUES (%s, %s, 'topic', %s, %s, %s) RETURNING id"
)


class Production(Worker):
    """Plain SQL at moments that only the test moves."""

    def __init__(self, url: URL, now: datetime = NOW) -> None:
        super().__init__(url)
        self.at(now)

    def at(self, now: datetime) -> None:
        """Everything happens at that moment from here on."""
        self.now = now
        self.rows("SELECT set_config('showrunner.now', %s, false)", [now.isoformat()])

    def pass_(self, **time: float) -> None:
        """Time goes by: `minutes=5`."""
        self.at(self.now + timedelta(**time))

    def acts_as(self, actor: str) -> None:
        """Who moves tasks from here on; empty for plain SQL of a pipeline."""
        self.rows("SELECT set_config('showrunner.actor', %s, false)", [actor])

    def add(
        self,
        title: str = "squid",
        channel: str = "deep_sea",
        column: str = "Queued",
        priority: str = "normal",
    ) -> UUID:
        """A task without a card."""
        made: UUID = self.row(INSERT, [title, channel, column, priority, self.now])["id"]
        return made

    def claim(self, worker: str = "ada", **given: Any) -> dict[str, Any] | None:
        """What the worker gets; None for nothing."""
        found = self.call("claim_task", worker=worker, **given)
        return found[0] if found else None

    def claimed(self, worker: str = "ada", **given: Any) -> UUID | None:
        """The task that the worker gets; None for nothing."""
        found = self.claim(worker, **given)
        return None if found is None else found["task_id"]

    def call(self, function: str, **given: Any) -> list[dict[str, Any]]:
        """The rows of a function, its arguments by name."""
        names = ", ".join(f'"{name}" => %s' for name in given)
        return self.rows(f"SELECT * FROM showrunner.{function}({names})", list(given.values()))

    def ask(self, function: str, **given: Any) -> Any:
        """The only value of a function."""
        return next(iter(self.call(function, **given)[0].values()))

    def move(self, task: UUID, column: str) -> None:
        """Plain SQL moves a task."""
        self.rows("UPDATE tasks SET board_status = %s WHERE id = %s", [column, task])

    def column(self, task: UUID) -> str:
        """Where a task stands."""
        return str(self.row("SELECT board_status FROM tasks WHERE id = %s", [task])["board_status"])

    def lease(self, task: UUID) -> dict[str, Any]:
        """The state of a task's production."""
        return self.row("SELECT * FROM leases WHERE task_id = %s", [task])

    def spent(self, usd: float, task: UUID, *, channel: str = "deep_sea") -> None:
        """Money was charged."""
        self.rows(
            "INSERT INTO spends (at, task_id, task_title, channel_id, what, kind, usd) "
            "VALUES (%s, %s, 'squid', %s, 'clip 1', 'charged', %s)",
            [self.now, task, channel, usd],
        )
