"""Link pages that we created to their tasks, at the first reading of each.

A page that our own bot created is the card of the task that it was created for, whether the answer
to that request arrived or not: an event, a sweep or an import may show it first, or may be the only
one to show it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.rules.codec.read import BoardCard, to_minute
from models.rules.merge_base import MergeBase, NotionValues
from models.rules.statuses import BoardStatus, Priority
from models.sync.observations import Observation
from models.sync.writes.recent import values_from_json
from models.tables.card import Card
from models.tables.card_creation import CardCreation
from models.tables.task import Task
from models.tables.task_history import act_as

CLOCKS: Final = timedelta(minutes=1)
"""How far Notion's clock may be behind ours: the creation times of pages are its own."""

Made = Mapping[str, CardCreation]
"""The request that created each of these pages."""


async def adopt_pages(
    session: AsyncSession,
    observations: Mapping[str, Observation],
    *,
    now: datetime,
    correlation_id: str | None,
) -> Made:
    """Link those of the pages that we created to their tasks; the creations by page id.

    The tasks stay locked until the commit. The caller has called
    `models.tables.task_history.take_in` before, and stores the cards afterwards
    (`remember_created_page`).
    """
    still_open = await _open(session)
    if not (seen := _ours(observations, still_open)):
        return {}
    wanted = [creation.task_id for creation in still_open]
    rows = await session.scalars(
        select(Task)
        .where(col(Task.id).in_(wanted), col(Task.notion_page_id).is_(None))
        .order_by(col(Task.id))
        .with_for_update(),
        execution_options={"populate_existing": True},
    )
    tasks = {task.id: task for task in rows}
    # Another process may have linked one of them before the lock: read again what is still open.
    creations = [creation for creation in await _open(session) if creation.task_id in tasks]
    known = await _known(session, seen)
    unknown = {
        page_id: observation
        for page_id, observation in _ours(observations, creations).items()
        if page_id not in known
    }
    made = match_creations(unknown, creations)
    await act_as(session, "push", now=now, correlation_id=correlation_id)
    for page_id, creation in made.items():
        tasks[creation.task_id].notion_page_id = page_id
        await session.delete(creation)
    await session.flush()
    return made


async def _open(session: AsyncSession) -> Sequence[CardCreation]:
    query = (
        select(CardCreation)
        .where(col(CardCreation.sent_at).is_not(None))
        .order_by(col(CardCreation.task_id))
    )
    return list(await session.scalars(query, execution_options={"populate_existing": True}))


def _ours(
    observations: Mapping[str, Observation], creations: Sequence[CardCreation]
) -> dict[str, Observation]:
    """Observations that may be of those creations: by the same user, and not before."""
    return {
        page_id: observation
        for page_id, observation in observations.items()
        if any(
            observation.task_id == creation.task_id or _may_be(creation, observation.card)
            for creation in creations
        )
    }


def _may_be(creation: CardCreation, card: BoardCard) -> bool:
    sent_at = creation.sent_at
    return (
        sent_at is not None
        and creation.sent_by is not None
        and card.created_by == creation.sent_by
        and card.created_time >= to_minute(sent_at - CLOCKS)
    )


async def _known(session: AsyncSession, page_ids: Mapping[str, object]) -> set[str]:
    cards = select(Card.notion_page_id).where(
        col(Card.notion_page_id).in_(page_ids), col(Card.first_seen_at).is_not(None)
    )
    tasks = select(Task.notion_page_id).where(col(Task.notion_page_id).in_(page_ids))
    return {*await session.scalars(cards), *(str(page) for page in await session.scalars(tasks))}


def match_creations(
    observations: Mapping[str, Observation], creations: Sequence[CardCreation]
) -> dict[str, CardCreation]:
    """Match pages with the creations that made them: surest first, then by similarity.

    No two creations of one Created or one title are open at once
    (`models.tables.card_creation.next_due`), and only we write Created. So a page that shows a
    creation's Created was made by it, whatever users have typed since.
    """
    found: dict[str, CardCreation] = {}
    left = {creation.task_id: creation for creation in creations}
    for fits in (_is_answer, _same_created, _same_title, _almost_same_title, _same_text):
        for page_id, observation in observations.items():
            candidates = [
                creation
                for creation in left.values()
                if page_id not in found and fits(creation, observation)
            ]
            if len(candidates) == 1:
                found[page_id] = left.pop(candidates[0].task_id)
    return found


def _is_answer(creation: CardCreation, observation: Observation) -> bool:
    return observation.task_id == creation.task_id


def _same_title(creation: CardCreation, observation: Observation) -> bool:
    return (
        _may_be(creation, observation.card) and observation.card.title == _sent(creation)["Title"]
    )


def _almost_same_title(creation: CardCreation, observation: Observation) -> bool:
    return _may_be(creation, observation.card) and _bare(observation.card.title) == _bare(
        _sent(creation)["Title"]
    )


def _same_text(creation: CardCreation, observation: Observation) -> bool:
    sent, card = _sent(creation), observation.card
    return _may_be(creation, card) and (_bare(card.topic), card.channel) == (
        _bare(sent["Topic"]),
        sent["Channel"],
    )


def _same_created(creation: CardCreation, observation: Observation) -> bool:
    created = _sent(creation).get("Created")
    return (
        _may_be(creation, observation.card)
        and created is not None
        and observation.card.created == created
    )


def _bare(text: str) -> str:
    """The text without differences in white space, which Notion may change."""
    return " ".join(text.split())


def _sent(creation: CardCreation) -> dict[str, Any]:
    return values_from_json(creation.sent or {})


def remember_created_page(card: Card, task: Task, creation: CardCreation, now: datetime) -> None:
    """Store what was sent as the merge base: all other values are later edits by users."""
    sent = _sent(creation)
    base = MergeBase(
        title=task.title,
        channel=task.channel_id,
        topic=task.topic,
        story_direction=task.story_direction or "",
        status=BoardStatus(sent["Status"]),
        priority=Priority(sent.get("Priority", task.priority).lower()),
        shown=NotionValues(
            status=sent["Status"],
            priority=sent.get("Priority"),
            created=sent.get("Created"),
            updated=sent.get("Updated"),
        ),
    )
    card.remember(base, ())
    card.task_id, card.first_seen_at = task.id, now
