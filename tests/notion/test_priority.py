"""Who goes first among the requests of one process."""

from __future__ import annotations

import asyncio

import pytest

from tasks.notion.priority import PriorityGate, RequestPriority, current_priority, with_priority


class Turns:
    """Turns that come when the test says so."""

    def __init__(self) -> None:
        self.asked = 0
        self._coming: asyncio.Queue[Exception | None] = asyncio.Queue()

    async def fetch(self) -> None:
        self.asked += 1
        trouble = await self._coming.get()
        if trouble is not None:
            raise trouble

    async def comes(self, trouble: Exception | None = None) -> None:
        self._coming.put_nowait(trouble)
        for _ in range(10):
            await asyncio.sleep(0)


class Street:
    """Requests on their way through one turnstile, and in which order they went."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.went: list[str] = []
        self._gate = PriorityGate(self.turns.fetch)

    async def send(self, name: str, priority: RequestPriority) -> asyncio.Task[None]:
        async def go() -> None:
            await self._gate.pass_through(priority)
            self.went.append(name)

        task = asyncio.create_task(go())
        await asyncio.sleep(0)
        return task


@pytest.fixture
async def street() -> Street:
    return Street()


async def test_a_persons_edit_takes_the_next_turn_before_everything_a_push_has_lined_up(
    street: Street,
) -> None:
    for number in range(3):
        await street.send(f"push {number}", RequestPriority.PUSH)
    await street.send("edit", RequestPriority.PEOPLE)
    for _ in range(4):
        await street.turns.comes()
    assert street.went == ["edit", "push 0", "push 1", "push 2"]


async def test_while_both_wait_a_push_has_every_third_turn(street: Street) -> None:
    for number in range(8):
        await street.send(f"edit {number}", RequestPriority.PEOPLE)
    for number in range(3):
        await street.send(f"push {number}", RequestPriority.PUSH)
    for _ in range(11):
        await street.turns.comes()
    priorities = "".join(name[0] for name in street.went)
    assert priorities == "eepeepeepee"
    assert [name for name in street.went if name.startswith("edit")] == [
        f"edit {number}" for number in range(8)
    ]


async def test_a_share_is_of_turns_for_which_both_waited(street: Street) -> None:
    for number in range(5):
        await street.send(f"edit {number}", RequestPriority.PEOPLE)
    for _ in range(5):
        await street.turns.comes()
    await street.send("push", RequestPriority.PUSH)
    await street.send("edit", RequestPriority.PEOPLE)
    for _ in range(2):
        await street.turns.comes()
    assert street.went[5:] == ["edit", "push"]


async def test_one_turn_is_fetched_at_a_time_however_many_wait(street: Street) -> None:
    for number in range(5):
        await street.send(f"push {number}", RequestPriority.PUSH)
    assert street.turns.asked == 1
    await street.turns.comes()
    assert (street.turns.asked, len(street.went)) == (2, 1)


async def test_when_the_one_who_fetches_is_cancelled_another_goes_on(street: Street) -> None:
    fetching = await street.send("first", RequestPriority.PUSH)
    await street.send("second", RequestPriority.PUSH)
    fetching.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert street.turns.asked == 2
    await street.turns.comes()
    assert street.went == ["second"]


async def test_when_no_turn_is_to_be_had_only_the_one_who_fetched_fails(street: Street) -> None:
    first = await street.send("first", RequestPriority.PUSH)
    await street.send("second", RequestPriority.PUSH)
    await street.turns.comes(ConnectionError("no database"))
    assert isinstance(first.exception(), ConnectionError)
    await street.turns.comes()
    assert street.went == ["second"]


async def test_one_that_waits_and_is_cancelled_leaves_the_queue(street: Street) -> None:
    await street.send("first", RequestPriority.PUSH)
    waiting = await street.send("edit", RequestPriority.PEOPLE)
    waiting.cancel()
    for _ in range(2):
        await street.turns.comes()
    assert street.went == ["first"]


def test_what_nobody_says_otherwise_of_is_peoples() -> None:
    assert current_priority() is RequestPriority.PEOPLE
    with with_priority(RequestPriority.BACKGROUND):
        assert current_priority() is RequestPriority.BACKGROUND
    assert current_priority() is RequestPriority.PEOPLE
