"""Queries about pieces, scenes and money that own production asks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.tables.production.pieces import Piece
from models.tables.production.reviews import Review
from models.tables.production.spends import Spend
from models.tables.production.steps import SceneRow

UNDER_WAY = ("submitting", "submitted", "unknown")
"""States of a piece that a service may be working on."""
_NOW = text("SELECT showrunner_now()")
_KEY = ("task_id", "kind", "position", "round")


async def scenes_of(session: AsyncSession, task: UUID) -> Sequence[SceneRow]:
    """The scenes that production works on, in order."""
    wanted = select(SceneRow).where(col(SceneRow.task_id) == task).order_by(col(SceneRow.position))
    return (await session.scalars(wanted)).all()


async def replace_scenes(session: AsyncSession, task: UUID, rows: Iterable[SceneRow]) -> None:
    """Store another snapshot of a story."""
    await session.execute(delete(SceneRow).where(col(SceneRow.task_id) == task))
    session.add_all(rows)
    await session.flush()


async def rejections(session: AsyncSession, task: UUID, *, after: int) -> Sequence[Review]:
    """The rejections after that review, in order."""
    wanted = select(Review).where(
        col(Review.task_id) == task, col(Review.decision) == "reject", col(Review.id) > after
    )
    return (await session.scalars(wanted.order_by(col(Review.id)))).all()


async def pieces_of(session: AsyncSession, task: UUID) -> Sequence[Piece]:
    """All pieces of a task, the latest round first."""
    wanted = select(Piece).where(col(Piece.task_id) == task)
    return (
        await session.scalars(
            wanted.order_by(col(Piece.round).desc(), col(Piece.kind), col(Piece.position))
        )
    ).all()


async def piece_at(
    session: AsyncSession, task: UUID, kind: str, position: int, round_: int
) -> Piece | None:
    """Lock the piece of that task, kind, position and round; None when there is none."""
    wanted = select(Piece).where(
        col(Piece.task_id) == task,
        col(Piece.kind) == kind,
        col(Piece.position) == position,
        col(Piece.round) == round_,
    )
    return (await session.scalars(wanted.with_for_update())).one_or_none()


async def put_piece(session: AsyncSession, **values: Any) -> Piece:
    """Insert a piece, or replace the one of that task, kind, position and round."""
    row = insert(Piece).values(**values, updated_at=func.showrunner_now())
    changed = (name for name in (*values, "updated_at") if name not in _KEY)
    changes = {name: row.excluded[name] for name in changed}
    stored = row.on_conflict_do_update(index_elements=list(_KEY), set_=changes).returning(Piece)
    options = {"populate_existing": True}
    return (await session.scalars(stored, execution_options=options)).one()


async def change_piece(
    session: AsyncSession, known: Piece, *, states: Collection[str], **values: Any
) -> bool:
    """Change columns of a piece; whether it was changed.

    It is not when it was submitted anew since it was read, or is in none of these states any more.
    """
    piece = await session.get(Piece, known.id, with_for_update=True, populate_existing=True)
    if piece is None or piece.submit_key != known.submit_key or piece.state not in states:
        return False
    await _change(session, piece, values)
    return True


async def replace_failed(session: AsyncSession, known: Piece, **values: Any) -> bool:
    """Let an order that was answered late replace the newer one, which failed; whether it did.

    It does when both are of the same piece, made from the same.
    """
    piece = await session.get(Piece, known.id, with_for_update=True, populate_existing=True)
    if piece is None or piece.state != "failed" or piece.input_hash != known.input_hash:
        return False
    await _change(session, piece, {"submit_key": known.submit_key, **values})
    return True


async def _change(session: AsyncSession, piece: Piece, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(piece, name, value)
    piece.updated_at = (await session.execute(_NOW)).scalar_one()
    await session.flush()


async def count_under_way(session: AsyncSession, maker: str | None = None) -> int:
    """How many pieces services may be working on: of one maker, or of all."""
    wanted = select(func.count()).where(col(Piece.state).in_(UNDER_WAY))
    if maker is not None:
        wanted = wanted.where(col(Piece.maker) == maker)
    return int((await session.execute(wanted)).scalar_one())


async def under_way(session: AsyncSession) -> Sequence[RowMapping]:
    """Every piece that a service may be working on, with its video's channel and title.

    `abandoned` says that nobody is submitting it any more, because no lease is alive.
    """
    wanted = text(
        "SELECT p.id, t.channel_id, t.title AS video, l.worker IS NULL OR l.until <= "
        "showrunner_now() AS abandoned FROM pieces AS p JOIN tasks AS t ON t.id = p.task_id "
        "LEFT JOIN leases AS l ON l.task_id = p.task_id "
        "WHERE p.state IN ('submitting', 'submitted', 'unknown') ORDER BY p.submitted_at, p.id"
    )
    return (await session.execute(wanted)).mappings().all()


async def book(session: AsyncSession, piece: Piece, kind: str, usd: Decimal, **more: Any) -> None:
    """Append an amount for a piece."""
    facts = text("SELECT title, channel_id FROM tasks WHERE id = :task")
    task = (await session.execute(facts, {"task": piece.task_id})).one()
    moment = more.pop("at", None) or (await session.execute(_NOW)).scalar_one()
    session.add(
        Spend(
            at=moment,
            task_id=piece.task_id,
            task_title=task.title,
            channel_id=task.channel_id,
            piece_id=piece.id,
            what=f"{piece.kind} {piece.position}, round {piece.round}",
            maker=piece.maker,
            job_id=piece.job_id,
            kind=kind,
            usd=usd,
        )
    )
    await session.flush()


async def spent(
    session: AsyncSession, task: UUID, channel: str, now: datetime
) -> tuple[Decimal, Decimal, Decimal]:
    """What was spent or may have been: for a video, its channel this month, and all today."""
    sums = text(
        "SELECT (SELECT coalesce(sum(counted), 0) FROM spends WHERE task_id = :task), "
        "(SELECT coalesce(sum(usd), 0) FROM spend_totals WHERE channel_id = :channel "
        " AND day >= date_trunc('month', CAST(:now AS timestamptz) AT TIME ZONE 'UTC')), "
        "(SELECT coalesce(sum(usd), 0) FROM spend_totals "
        " WHERE day >= date_trunc('day', CAST(:now AS timestamptz) AT TIME ZONE 'UTC'))"
    )
    given = {"task": task, "channel": channel, "now": now}
    video, month, day = (await session.execute(sums, given)).one()
    return video, month, day


async def costs_of(session: AsyncSession, task: UUID) -> Mapping[UUID | None, Decimal]:
    """What each piece of a task cost or may have cost, by its id."""
    wanted = (
        select(col(Spend.piece_id), func.sum(col(Spend.counted)))
        .where(col(Spend.task_id) == task)
        .group_by(col(Spend.piece_id))
    )
    rows = (await session.execute(wanted)).all()
    return {row[0]: row[1] for row in rows}


async def finished_steps(session: AsyncSession, task: UUID) -> Mapping[str, bool]:
    """Of each step that was finished in its present round: whether that round was approved."""
    wanted = text(
        "SELECT s.step, 'approve' IS NOT DISTINCT FROM ("
        "  SELECT r.decision FROM reviews AS r WHERE r.task_id = s.task_id AND r.gate = s.step "
        "  AND r.round = s.round AND r.decision IN ('approve', 'reject') "
        "  ORDER BY r.id DESC LIMIT 1) AS approved FROM steps AS s "
        "WHERE s.task_id = :task AND s.state = 'done' "
        "AND s.round = showrunner.round_of(s.task_id, s.step)"
    )
    rows = await session.execute(wanted, {"task": task})
    return {row.step: row.approved for row in rows}
