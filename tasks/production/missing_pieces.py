"""What is missing of a step: pieces to be made, and failures that no card shows yet."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from models.production.making import Failure, MakerError
from models.production.steps import STEPS
from models.tables.production.piece_queries import UNDER_WAY, change_piece
from models.tables.production.pieces import Piece
from tasks.production.dispatch import productions
from tasks.production.pieces import Order, use_again
from tasks.production.plan import Work
from tasks.production.video import Video, load_video
from tasks.runtime.context import Context


class PieceFailed(MakerError):
    """A service did not make a piece that it had taken, or nobody knows whether it took it.

    Attributes:
        piece: in whose notes the failure is.
    """

    def __init__(self, piece: Piece) -> None:
        super().__init__(Failure(piece.notes["failure"]), piece.notes.get("reason", ""))
        self.piece = piece


async def read_video(ctx: Context, work: Work) -> Video:
    """The video of a claimed step.

    Raises:
        MakerError: when its channel is not produced here any more.
    """
    produced = await productions(ctx)
    if work.channel_id not in produced:
        raise MakerError(
            Failure.MANUAL_REVIEW,
            "The channel's file has no usable production block any more. Mend it, then drag the "
            "card to Queued.",
        )
    channel, block = produced[work.channel_id]
    async with ctx.sessions() as session:
        return await load_video(
            session,
            work.task_id,
            work.title,
            channel=channel,
            production=block,
            root=ctx.settings.production_folder,
        )


async def missing_pieces(ctx: Context, work: Work, video: Video) -> tuple[list[Order], int]:
    """The pieces to be made, and how many a service is working on; records those used again."""
    missing, awaited = [], 0
    for position in video.positions(work.step):
        hash_ = video.hash_of(work.step, position)
        order = Order(work=work, video=video, position=position, input_hash=hash_)
        here = video.of_round(order.kind, position, work.round)
        ordered = here
        if here is None or here.state not in UNDER_WAY:
            ordered = video.ordered(order.kind, hash_)
        if ordered is not None:
            await _abandon(ctx, ordered)
            awaited += 1
            continue
        known = video.same(order.kind, hash_)
        if known is None:
            missing.append(order)
        elif here is None or here.id != known.id:
            await use_again(ctx, order, known)
    return missing, awaited


async def _abandon(ctx: Context, piece: Piece) -> None:
    """Mark a submission whose process died: nobody knows whether it was sent."""
    async with ctx.sessions.begin() as session:
        await change_piece(session, piece, states={"submitting"}, state="unknown")


def report_failures(work: Work, video: Video) -> None:
    """Raise the first failure of a service that its card does not show yet.

    A person who then drags the card to Queued has the piece ordered once more.

    Raises:
        PieceFailed: there is one.
    """
    failed = video.failures(STEPS[work.step].piece)
    if not failed:
        return
    for position in video.positions(work.step):
        hash_ = video.hash_of(work.step, position)
        for piece in failed:
            is_here = (piece.position, piece.round) == (position, work.round)
            if is_here or piece.input_hash == hash_:
                raise PieceFailed(piece)


async def mark_as_shown(session: AsyncSession, piece: Piece) -> None:
    """Note, together with the card's move, that a person saw why a piece failed."""
    notes = {name: value for name, value in piece.notes.items() if name != "failure"}
    await change_piece(session, piece, states={"failed"}, notes=notes)
