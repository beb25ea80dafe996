"""The queue: priority first, then the channel served least recently, then the oldest."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from models.production.queue import Waiting, next_task
from models.rules.statuses import Priority

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def waiting(
    channel: str, number: int, priority: Priority = Priority.NORMAL, *, minutes: int = 0
) -> Waiting:
    return Waiting(
        task_id=f"{channel}{number:03}",
        channel_id=channel,
        priority=priority,
        queued_at=NOW + timedelta(minutes=minutes),
    )


def taken(tasks: list[Waiting], claims: int) -> list[Waiting]:
    left, served, found = list(tasks), dict[str, datetime](), list[Waiting]()
    for claim in range(claims):
        task = next_task(left, served)
        assert task is not None
        left.remove(task)
        served[task.channel_id] = NOW + timedelta(hours=1, seconds=claim)
        found.append(task)
    return found


def test_of_the_first_six_claims_the_channel_with_two_has_two() -> None:
    tasks = [waiting("a", n) for n in range(10)] + [waiting("b", n, minutes=5) for n in range(2)]
    assert Counter(task.channel_id for task in taken(tasks, 6)) == {"a": 4, "b": 2}


def test_high_goes_before_normal_and_low_in_every_channel() -> None:
    tasks = [
        waiting("a", 1, Priority.LOW),
        waiting("b", 1, Priority.HIGH, minutes=9),
        waiting("a", 2, Priority.HIGH, minutes=8),
        waiting("b", 2, Priority.NORMAL),
    ]
    assert [task.priority for task in taken(tasks, 4)] == [
        Priority.HIGH,
        Priority.HIGH,
        Priority.NORMAL,
        Priority.LOW,
    ]


def test_within_a_channel_the_oldest_goes_first() -> None:
    tasks = [waiting("a", 1, minutes=2), waiting("a", 2, minutes=1), waiting("a", 3)]
    assert [task.task_id for task in taken(tasks, 3)] == ["a003", "a002", "a001"]


def test_only_the_named_channels_are_served() -> None:
    tasks = [waiting("a", 1), waiting("b", 1, minutes=9)]
    found = next_task(tasks, {}, channels=frozenset({"b"}))
    assert found is not None
    assert found.channel_id == "b"
    assert next_task(tasks, {}, channels=frozenset()) is None
