"""Make one piece on this machine, or use one again that would come out the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import LeaseLost
from models.production.making import Failure, LocalMaker, Made, MakerError
from models.production.steps import STEPS, PieceKind
from models.tables.production import claims
from models.tables.production.piece_queries import put_piece
from models.tables.production.pieces import Piece
from tasks.production.files import keep, working_folder
from tasks.production.makers import place_at
from tasks.production.plan import Work
from tasks.production.video import Video
from tasks.runtime.context import Context
from tasks.runtime.prefect_task import step


@dataclass(frozen=True, kw_only=True)
class Order:
    """A piece that is missing.

    Attributes:
        input_hash: what it is made from.
    """

    work: Work
    video: Video
    position: int
    input_hash: str

    @property
    def kind(self) -> PieceKind:
        """What it will be."""
        return STEPS[self.work.step].piece

    def __str__(self) -> str:
        """The name of its task run."""
        return f"{self.kind} {self.position}" if self.position else str(self.kind)

    @property
    def row(self) -> dict[str, Any]:
        """Its columns that are known beforehand."""
        return {
            "task_id": self.work.task_id,
            "kind": self.kind.value,
            "position": self.position,
            "round": self.work.round,
            "title": f"{self.video.title} · {self}",
            "input_hash": self.input_hash,
            "maker": self.video.maker_of(self.work.step),
        }


@step("make_piece", holds="{order}")
async def make_piece(ctx: Context, order: Order, maker: LocalMaker) -> None:
    """Make a piece, move it to its place, and record it.

    Raises:
        MakerError: when it cannot be made.
        LeaseLost: when nobody waits for it any more.
    """
    work, video = order.work, order.video
    limit = place_at(maker.name, video.production.at_once_for(maker.name))
    async with limit:
        with working_folder(video.root, work.task_id, work.step, work.round) as folder:
            made = await maker.make(video.request(work.step, order.position, folder))
            await record_made(ctx, order, made)


async def record_made(ctx: Context, order: Order, made: Made) -> None:
    """Move a file to its place and record the piece.

    Raises:
        LeaseLost: when the lease is not ours any more.
    """
    values = await moved(order.video.root, made, order.kind, order.position)
    await _record(ctx, order, {**values, "notes": dict(made.notes)})


async def moved(root: Path, made: Made, kind: PieceKind, position: int) -> dict[str, Any]:
    """Move a file to its place; the columns that say what it is.

    Raises:
        MakerError: when there is no such file, or the disk is full.
    """
    path, sha256 = await asyncio.to_thread(keep, root, made.path, kind, position)
    return {
        "path": path,
        "sha256": sha256,
        "media_type": made.media_type,
        "seconds": made.seconds,
    }


async def use_again(ctx: Context, order: Order, known: Piece) -> None:
    """Record a piece of an earlier round, or of another scene, as this one.

    Raises:
        LeaseLost: when the lease is not ours any more.
    """
    same = ("path", "url", "sha256", "media_type", "seconds", "account", "job_id")
    values = {name: getattr(known, name) for name in same}
    await _record(ctx, order, {**values, "notes": {**known.notes, "used_again": str(known.id)}})


async def _record(ctx: Context, order: Order, values: dict[str, Any]) -> None:
    work = order.work
    async with ctx.sessions.begin() as session:
        if not await claims.is_held(session, work.task_id, work.worker):
            raise LeaseLost
        await put_piece(session, **order.row, state="done", **values)


def unforeseen(error: Exception) -> MakerError:
    """An exception that no maker declared: it may go well the next time."""
    return MakerError(
        Failure.RETRIABLE,
        f"An error that nobody foresaw ({type(error).__name__}); the log has more.",
    )
