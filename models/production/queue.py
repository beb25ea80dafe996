"""Which waiting task is taken next: by priority, then fairly per channel, then the oldest.

The queue itself is a query (`showrunner.claim_task`); this is its specification, against which
tests hold it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from models.rules.statuses import Priority

RANK: Final[Mapping[Priority, int]] = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A task that may be taken.

    Attributes:
        task_id: breaks ties, so that every worker sees the same order.
        queued_at: when it came to Queued.
    """

    task_id: str
    channel_id: str
    priority: Priority
    queued_at: datetime


def next_task(
    waiting: Iterable[Waiting],
    served_at: Mapping[str, datetime],
    *,
    channels: frozenset[str] | None = None,
) -> Waiting | None:
    """The task that is taken next; None when there is none.

    Args:
        served_at: when a task of a channel was last taken, by channel.
        channels: of these channels alone; None for all.
    """
    fit = [task for task in waiting if channels is None or task.channel_id in channels]
    return min(fit, key=lambda task: _place(task, served_at), default=None)


def _place(task: Waiting, served_at: Mapping[str, datetime]) -> tuple[object, ...]:
    last = served_at.get(task.channel_id, _NEVER)
    return RANK[task.priority], last, task.queued_at, task.task_id
