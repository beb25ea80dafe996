"""What users decide about a task's production by moving its card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.production.gates import Decision, Gate, decision_of, gate_columns, named_pieces
from models.production.reviews import (
    gates_of_channels,
    review_of,
    scene_counts,
    standing_gates,
)
from models.production.story import MOST_SCENES
from models.rules.statuses import BoardStatus
from models.sync.card_changes import CardChange
from models.tables.task import Task


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """The gates at which the tasks of a batch wait, and how moves away from them are recorded.

    Attributes:
        columns: by channel, the columns in which its tasks wait for a person.
        gates: by task, the gate at which it waits.
        comments: by page, what a user wrote about a card that is rejected.
        scenes: by task of such a card, how many scenes its video has.
    """

    columns: Mapping[str, frozenset[BoardStatus]] = field(default_factory=dict)
    gates: Mapping[UUID, Gate] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    scenes: Mapping[UUID, int] = field(default_factory=dict)

    def columns_of(self, task: Task | None) -> frozenset[BoardStatus]:
        """Where that task waits for a person."""
        return self.columns.get(task.channel_id, frozenset()) if task else frozenset()

    def record(self, change: CardChange, task: Task, to: BoardStatus) -> None:
        """Record a user's move if it is a decision. Call it before the task is moved."""
        gate = self.gates.get(task.id)
        decided = decision_of(BoardStatus(task.board_status), to, gate)
        if decided is None:
            return
        pieces, note = frozenset[int](), ""
        if decided is Decision.REJECT:
            comment = self.comments.get(change.card.notion_page_id, "")
            pieces, note = _named(comment, self.scenes.get(task.id, MOST_SCENES))
        change.session.add(
            review_of(
                task,
                decided,
                gate,
                at=change.now,
                actor=change.actor,
                through="board",
                pieces=pieces,
                note=note,
            )
        )


def _named(comment: str, scenes: int) -> tuple[frozenset[int], str]:
    """What a comment names. One that names a scene which is not there is about all of them."""
    try:
        return named_pieces(comment, scenes=scenes)
    except ValueError as error:
        return frozenset(), f"{comment.strip()} ({error})"


async def decisions_about(
    session: AsyncSession, tasks: Iterable[Task], comments: Mapping[str, str]
) -> Decisions:
    """Load what is needed to record decisions about these tasks."""
    batch = list(tasks)
    if not batch:
        return Decisions()
    channels = await gates_of_channels(session)
    rejected = [task.id for task in batch if comments.get(task.notion_page_id or "")]
    return Decisions(
        columns={id_: gate_columns(gates) for id_, gates in channels.items()},
        gates=await standing_gates(session, batch, channels),
        comments=comments,
        scenes=await scene_counts(session, rejected) if rejected else {},
    )
