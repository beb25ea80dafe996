"""What needs pushing: the SQL says the same as `models.rules.merge_base.diff`, for any row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kit.rows import BOARD, EARLIER, MINUTE, NOW, SECOND, Worker
from sqlalchemy import URL, text

from models.postgres.engine import Sessions
from models.rules.attention import attention
from models.rules.board_schema import Board, Property
from models.rules.merge_base import (
    PUSHED,
    MergeBase,
    NotionValues,
    ProductionFacts,
    TaskState,
    diff,
    is_rejection_outdated,
)
from models.rules.statuses import STATE_OF, BoardStatus, Priority
from models.rules.validation import Violation
from models.tables.card import Card
from models.tables.card_queries import cards_kept_long_enough
from models.tables.push_queue import pending
from models.tables.task import Task, task_state
from models.tables.task_history import take_in

ALL = 600
"""Rows drawn for the comparison of SQL with Python."""
LATER = EARLIER + timedelta(hours=3, seconds=17)


@pytest.fixture
def worker(database: URL) -> Iterator[Worker]:
    """A program of the pipeline."""
    made = Worker(database)
    yield made
    made.connection.close()


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A card as it may stand in the database, with its task."""

    base: MergeBase
    task: TaskState | None
    violations: tuple[Violation, ...]
    seen: bool
    trashed: bool
    waits: bool

    @property
    def attention(self) -> str:
        """What the card should tell, were it looked at now."""
        return attention(
            self.violations,
            "" if is_rejection_outdated(self.base, self.task) else self.base.rejection,
            self.base.production.text,
        )

    def has_to_be_pushed(self, writable: Sequence[str]) -> bool:
        if not self.seen or self.trashed or self.waits:
            return False
        return bool(diff(self.base, self.task, self.attention, writable))


moments = st.sampled_from([EARLIER, EARLIER + SECOND * 20, LATER])
minutes = st.sampled_from([EARLIER, LATER.replace(second=0), NOW.replace(second=0)])
columns = st.sampled_from([BoardStatus.DRAFT, BoardStatus.QUEUED, BoardStatus.ARCHIVED])
NO_TOPIC = Violation(field="Topic", reason="missing", message="Topic is empty.")
REFUSAL = "A card cannot be moved."
GATE = "Watch the film."
TEXTS = st.sampled_from(
    [
        "",
        "mine",
        NO_TOPIC.message,
        REFUSAL,
        GATE,
        f"{NO_TOPIC.message} {REFUSAL}",
        f"{REFUSAL} {GATE}",
        f"{NO_TOPIC.message} {REFUSAL} {GATE}",
    ]
)
FACTS = {"Progress": "number", "Cost": "number", "Video": "url"}
facts = st.builds(
    ProductionFacts,
    text=st.sampled_from(["", GATE]),
    progress=st.sampled_from([None, 0.0, 0.5]),
    cost=st.sampled_from([None, 1.25]),
    video=st.sampled_from([None, "https://films.example/1.mp4"]),
)
"""What production shows; the board may show the same or another."""


@st.composite
def drawn_cards(draw: st.DrawFn) -> Drawn:
    task = None
    if draw(st.booleans()):
        task = TaskState(
            title="a",
            channel_id="b",
            topic="c",
            story_direction=None,
            board_status=draw(columns),
            priority=draw(st.sampled_from([*Priority])),
            created_at=draw(moments),
            status_changed_at=draw(moments),
        )
    agrees = task is not None and draw(st.booleans())
    shown = NotionValues(
        status=draw(st.one_of(st.none(), st.sampled_from(["Draft", "Queued", "Archived", "Done"]))),
        priority=draw(st.sampled_from([None, "Low", "Normal", "High", "Urgent"])),
        created=draw(st.one_of(st.none(), minutes)),
        updated=draw(st.one_of(st.none(), minutes)),
        attention=draw(TEXTS),
    )
    if agrees and task is not None:
        shown = NotionValues(
            status=task.board_status.value,
            priority=task.priority.option,
            created=draw(st.sampled_from([None, task.created_at.replace(second=0)])),
            updated=draw(st.sampled_from([None, task.status_changed_at.replace(second=0)])),
            attention=draw(TEXTS),
        )
    production, seen = draw(facts), draw(facts)
    shown = replace(shown, progress=seen.progress, cost=seen.cost, video=seen.video)
    empty = {
        name
        for name, value in [
            ("Status", shown.status),
            ("Priority", shown.priority),
            ("Created", shown.created),
            ("Updated", shown.updated),
        ]
        if value is None
    }
    refusal = draw(st.sampled_from(["", REFUSAL]))
    known = shown.status in {"Draft", "Queued", "Archived"}
    base = MergeBase(
        status=draw(columns) if known or draw(st.booleans()) else None,
        priority=draw(st.sampled_from([*Priority])),
        created=draw(st.one_of(st.none(), moments)),
        updated=draw(st.one_of(st.none(), moments)),
        shown=shown,
        production=production,
        initially_empty=frozenset(name for name in {*empty, "Attention"} if draw(st.booleans())),
        rejection=refusal,
        rejected_at_status_change=draw(st.one_of(st.none(), moments)) if refusal else None,
        waits_for=draw(st.sampled_from([None, BoardStatus.QUEUED])),
    )
    if base.waits_for is not None and draw(st.booleans()):
        base = replace(base, status_kept_until=draw(moments))
    return Drawn(
        base=base,
        task=task,
        violations=draw(st.sampled_from([(), (NO_TOPIC,)])),
        seen=draw(st.integers(0, 9)) > 0,
        trashed=draw(st.integers(0, 9)) == 0,
        waits=draw(st.integers(0, 9)) == 0,
    )


@cache
def draw_many() -> list[Drawn]:
    """Many generated cards in one database, because a database per card would cost more."""
    found: list[Drawn] = []

    @settings(
        max_examples=ALL // 20,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        suppress_health_check=[*HealthCheck],
        deadline=None,
    )
    @given(st.lists(drawn_cards(), min_size=20, max_size=20))
    def collect(cards: list[Drawn]) -> None:
        found.extend(cards)

    collect()
    return found


def rows_of(page_id: str, drawn: Drawn) -> list[Task | Card]:
    task_id = uuid4()
    card = Card(notion_page_id=page_id, task_id=task_id if drawn.task is not None else None)
    # As it was remembered at the last look: a refusal that the task outdated since is still in it.
    card.remember(drawn.base, drawn.violations)
    card.first_seen_at = EARLIER if drawn.seen else None
    card.trashed_at = EARLIER if drawn.trashed else None
    card.next_attempt_at = NOW + SECOND if drawn.waits else None
    if drawn.task is None:
        return [card]
    state = drawn.task
    task = Task(
        id=task_id,
        notion_page_id=page_id,
        title=state.title,
        channel_id=state.channel_id,
        topic=state.topic,
        status=STATE_OF[state.board_status].value,
        board_status=state.board_status.value,
        priority=state.priority.value,
        created_at=state.created_at,
        updated_at=state.created_at,
        status_changed_at=state.status_changed_at,
    )
    return [task, card]


async def store(sessions: Sessions, cards: dict[str, Drawn]) -> None:
    rows = [row for page_id, drawn in cards.items() for row in rows_of(page_id, drawn)]
    async with sessions() as session, session.begin():
        await take_in(session)
        session.add_all([row for row in rows if isinstance(row, Task)])
        await session.flush()
        session.add_all([row for row in rows if isinstance(row, Card)])
        await session.flush()
        shown = "production_text = :text, task_progress = :progress, task_cost = :cost"
        await session.execute(
            text(f"UPDATE cards SET {shown}, task_video = :video WHERE notion_page_id = :page"),
            [
                {"page": page_id, **asdict(drawn.base.production)}
                for page_id, drawn in cards.items()
            ],
        )


def board_with(writable: Sequence[str]) -> Board:
    there = BOARD.properties | {
        name: Property(id=name, name=name, type=kind) for name, kind in FACTS.items()
    }
    return replace(BOARD, properties={name: there[name] for name in writable})


async def test_what_is_pending_in_sql_is_what_differs_in_python_on_any_board(
    sessions: Sessions,
) -> None:
    cards = {f"page-{n:04}": drawn for n, drawn in enumerate(draw_many())}
    assert len(cards) >= 500
    await store(sessions, cards)
    boards = [
        [n for n, there in zip(sorted(PUSHED - FACTS.keys()), flags, strict=True) if there]
        + list(facts_there)
        for flags in product([True, False], repeat=5)
        for facts_there in ((), FACTS)
    ]
    async with sessions() as session:
        for writable in boards:
            found = await pending(session, board_with(writable), now=NOW, limit=len(cards))
            expected = {
                page_id for page_id, drawn in cards.items() if drawn.has_to_be_pushed(writable)
            }
            assert set(found) == expected, f"on a board that takes {writable}"
            assert len(found) == len(set(found))
    assert (
        100
        < sum(drawn.has_to_be_pushed(sorted(PUSHED)) for drawn in cards.values())
        < len(cards) - 50
    )


async def test_a_card_comes_back_from_the_database_as_it_was_remembered(sessions: Sessions) -> None:
    cards = {f"page-{n:04}": drawn for n, drawn in enumerate(draw_many()[:100]) if drawn.seen}
    await store(sessions, cards)
    async with sessions() as session:
        for page_id, drawn in cards.items():
            card = await session.get_one(Card, page_id)
            assert card.base == drawn.base
            assert card.known_violations() == drawn.violations
            if drawn.task is not None:
                assert task_state(await session.get_one(Task, card.task_id)) == drawn.task


def differing(priority: Priority, *, explained: bool, moved: datetime) -> Drawn:
    task = TaskState(
        title="a",
        channel_id="b",
        topic="c",
        story_direction=None,
        board_status=BoardStatus.PROCESSING,
        priority=priority,
        created_at=EARLIER,
        status_changed_at=moved,
    )
    shown = NotionValues(
        status="Queued", priority=priority.option, created=EARLIER, updated=EARLIER
    )
    base = MergeBase(status=BoardStatus.QUEUED, priority=priority, shown=shown)
    return Drawn(
        base=base,
        task=task,
        violations=(NO_TOPIC,) if explained else (),
        seen=True,
        trashed=False,
        waits=False,
    )


async def test_high_priority_is_pushed_first_then_what_a_person_waits_for_then_the_oldest_change(
    sessions: Sessions,
) -> None:
    cards = {
        "f-newest": differing(Priority.NORMAL, explained=False, moved=EARLIER + 9 * MINUTE),
        "e-oldest": differing(Priority.LOW, explained=False, moved=EARLIER + MINUTE),
        "d-told-newer": differing(Priority.LOW, explained=True, moved=EARLIER + 5 * MINUTE),
        "c-told-older": differing(Priority.NORMAL, explained=True, moved=EARLIER + 4 * MINUTE),
        "b-high": differing(Priority.HIGH, explained=False, moved=EARLIER + 8 * MINUTE),
        "a-high-told": differing(Priority.HIGH, explained=True, moved=EARLIER + 9 * MINUTE),
        "g-no-task": replace(differing(Priority.NORMAL, explained=True, moved=EARLIER), task=None),
    }
    await store(sessions, cards)
    async with sessions() as session:
        order = await pending(session, BOARD, now=NOW, limit=10)
        assert await pending(session, BOARD, now=NOW, limit=3) == order[:3]
    assert order == [
        "a-high-told",
        "b-high",
        "c-told-older",
        "d-told-newer",
        "g-no-task",
        "e-oldest",
        "f-newest",
    ]


async def test_whatever_writes_the_task_the_next_cycle_sees_it(
    sessions: Sessions, worker: Worker
) -> None:
    await store(sessions, {"p": differing(Priority.NORMAL, explained=False, moved=EARLIER)})
    worker.rows(
        "UPDATE cards SET notion_status = 'Processing', notion_updated = date_trunc('minute', %s)",
        [EARLIER],
    )
    async with sessions() as session:
        assert await pending(session, BOARD, now=NOW, limit=10) == []
    worker.rows("UPDATE tasks SET priority = 'high'")
    async with sessions() as session:
        assert await pending(session, BOARD, now=NOW, limit=10) == ["p"]


async def test_a_card_is_kept_until_its_time_is_over_or_the_pipeline_moves_its_task(
    sessions: Sessions, worker: Worker
) -> None:
    base = MergeBase(
        status=BoardStatus.DRAFT,
        shown=NotionValues(status="Queued", priority="Normal"),
        waits_for=BoardStatus.QUEUED,
        status_kept_until=NOW,
    )
    waits = replace(differing(Priority.NORMAL, explained=True, moved=EARLIER), base=base, task=None)
    taken = replace(
        differing(Priority.NORMAL, explained=True, moved=EARLIER),
        base=replace(base, status_kept_until=NOW + MINUTE),
    )
    await store(sessions, {"a": waits, "b": taken, "c": replace(waits, trashed=True)})
    async with sessions() as session:
        found = [card.notion_page_id for card in await cards_kept_long_enough(session, now=NOW)]
        assert found == ["a", "b"]
        assert [
            c.notion_page_id for c in await cards_kept_long_enough(session, now=NOW - SECOND)
        ] == ["b"]
    worker.rows("UPDATE tasks SET board_status = 'Draft'")
    async with sessions() as session:
        assert await cards_kept_long_enough(session, now=NOW - SECOND) == []


async def test_nothing_is_pending_where_nothing_was_seen(sessions: Sessions) -> None:
    async with sessions() as session:
        await session.execute(text("INSERT INTO cards (notion_page_id) VALUES ('blank')"))
        assert await pending(session, BOARD, now=NOW, limit=10) == []
