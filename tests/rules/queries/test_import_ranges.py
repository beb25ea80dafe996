"""Divide a board between readers: nothing is left out, and hardly a request is wasted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from models.sync.import_ranges import READERS, ImportProgress, RangeReader

START = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 100


class Chain:
    """The queries of one reader over cards with these minutes of creation, a hundred a query."""

    def __init__(self, end: RangeReader, cards: list[datetime]) -> None:
        since, before = end.of.since or START, end.of.before or datetime.max.replace(tzinfo=UTC)
        rows = [(moment, number) for number, moment in enumerate(cards) if since <= moment < before]
        rows.sort(reverse=end.newest_first)
        self.end = end
        self.pages = [rows[at : at + PAGE] for at in range(0, len(rows), PAGE)] or [[]]


class Import:
    """An import whose readers are answered in any order."""

    def __init__(self, cards: list[datetime], course: ImportProgress, rng: Random) -> None:
        self.cards, self.course, self.rng = cards, course, rng
        self.chains: list[Chain] = []
        self.requests = self.most_at_once = 0
        self.read: set[int] = set()
        self.begin(course.readers())

    def begin(self, ends: list[RangeReader]) -> None:
        self.chains += [Chain(end, self.cards) for end in ends]
        self.most_at_once = max(self.most_at_once, len(self.course.readers()))

    def step(self, chain: Chain | None = None) -> None:
        """One answer comes, and is stored."""
        chain = chain or self.rng.choice(self.chains)
        page, end = chain.pages.pop(0), chain.end
        self.requests += 1
        if page:
            end.read(page[0][0], page[-1][0])
            self.begin(self.course.more_readers())
            self.read |= {number for _, number in page}
            end.stored(page[-1][0])
        end.exhausted = not chain.pages
        if end.over or not chain.pages:
            end.done = True
            self.begin(self.course.more_readers())
            self.chains.remove(chain)
            self.course.ended(end)


def evenly(count: int) -> list[datetime]:
    return [START + timedelta(minutes=number // 60) for number in range(count)]


def by_chance(count: int, rng: Random) -> list[datetime]:
    """A board with a past: bulk imports, quiet months, busy days."""
    moments, now = [], START
    while len(moments) < count:
        burst = rng.choice([1, 1, 1, 30, 2000])
        step = rng.choice([0, 1, 50, 3000])
        for _ in range(min(burst, count - len(moments))):
            now += timedelta(minutes=step)
            moments.append(now)
        now += timedelta(days=rng.choice([0, 1, 60]))
    return moments


def whole(importing: Import) -> None:
    while importing.chains:
        importing.step()
    assert importing.read == set(range(len(importing.cards)))
    assert importing.most_at_once <= READERS


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250, 1000, 3456])
@pytest.mark.parametrize("seed", range(10))
def test_every_card_is_read_whoever_is_answered_first(count: int, seed: int) -> None:
    rng = Random(seed)
    whole(Import(by_chance(count, rng), ImportProgress(here_since=START), rng))


@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_cards_take_at_most_two_requests_more_than_their_pages(seed: int) -> None:
    rng = Random(seed)
    importing = Import(evenly(10_000 - rng.randint(0, 99)), ImportProgress(here_since=START), rng)
    while importing.chains:
        for chain in list(importing.chains):  # in turn, as the budget lets requests go
            importing.step(chain)
    assert importing.requests <= 102


@pytest.mark.parametrize("seed", range(30))
def test_what_is_left_of_an_interrupted_import_and_what_was_read_make_the_whole_board(
    seed: int,
) -> None:
    rng = Random(seed)
    cards = by_chance(rng.randint(1, 3000), rng)
    importing = Import(cards, ImportProgress(here_since=START), rng)
    for _ in range(rng.randint(0, 15)):
        if importing.chains:
            importing.step()
    course = ImportProgress.from_json(importing.course.as_json(), START)
    rest = Import(cards, course, rng)
    while rest.chains:
        rest.step()
    assert importing.read | rest.read == set(range(len(cards)))


def test_what_another_release_left_is_read_anew() -> None:
    course = ImportProgress.from_json({"after": "2026-01-01T00:00:00+00:00", "cards": 200}, START)
    assert (course.cards, len(course.readers())) == (0, 2)
