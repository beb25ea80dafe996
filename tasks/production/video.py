"""A video as production sees it: its scenes, its channel's block, and what was made so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from models.production.config import Production
from models.production.making import Failure, MakerError, Request, Source
from models.production.reuse import Takes, input_hash
from models.production.steps import STEPS, PieceKind, Step
from models.production.story import Scene
from models.rules.channels import Channel
from models.tables.production.logins import logins_of
from models.tables.production.piece_queries import UNDER_WAY, pieces_of, scenes_of
from models.tables.production.pieces import Piece
from models.tables.production.steps import SceneRow
from tasks.production.makers import maker_named

NOWHERE: Final = Path("/nonexistent")
"""The folder of a request that is asked about and not made."""


@dataclass(frozen=True, kw_only=True)
class Video:
    """One video.

    Attributes:
        takes: of each scene.
        pieces: the latest round first.
        root: the folder of production's files.
        logins: of the channel, by the maker's name.
    """

    task_id: UUID
    title: str
    channel: Channel
    production: Production
    scenes: tuple[Scene, ...]
    takes: Mapping[int, Takes]
    pieces: tuple[Piece, ...]
    root: Path
    logins: Mapping[str, SecretStr] = field(default_factory=dict)

    def positions(self, step: Step) -> range:
        """The positions of a step's pieces."""
        if STEPS[step].per_scene:
            return range(1, len(self.scenes) + 1)
        return range(1)

    def request(self, step: Step, position: int, folder: Path = NOWHERE) -> Request:
        """What a maker is asked for.

        Raises:
            MakerError: when no maker makes that step.
        """
        return Request(
            step=step,
            position=position,
            title=self.title,
            scenes=self.scenes,
            style={"display_name": self.channel.display_name, **self.channel.settings},
            options=self.production.options.get(self.maker_of(step), {}),
            sources=tuple(self._sources(step, position)),
            take=1 + self._times_rejected(step, position),
            folder=folder,
            login=self.logins.get(self.maker_of(step)),
        )

    def _times_rejected(self, step: Step, position: int) -> int:
        """How often a piece was to be made anew; one of the whole video as often as any scene."""
        if STEPS[step].per_scene:
            return self.takes.get(position, {}).get(step, 0)
        return max((takes.get(step, 0) for takes in self.takes.values()), default=0)

    def maker_of(self, step: Step) -> str:
        """The name of a step's maker.

        Raises:
            MakerError: when there is none.
        """
        name = self.production.makers.get(step)
        if name is None:
            raise MakerError(
                Failure.MANUAL_REVIEW,
                f"The channel's file names no maker for the step “{step}”. Name one, then drag "
                "the card to Queued.",
            )
        return name

    def hash_of(self, step: Step, position: int) -> str:
        """What a piece is made from, as `models.production.reuse.input_hash`.

        Raises:
            MakerError: when its maker is missing, or its options cannot be used.
        """
        name, request = self.maker_of(step), self.request(step, position)
        try:
            inputs = maker_named(name).inputs(request)
        except ValueError as error:
            raise MakerError(
                Failure.MANUAL_REVIEW,
                f"Options of “{name}” in the channel's file: {error} Then drag the card to Queued.",
            ) from error
        except Exception as error:
            raise MakerError(
                Failure.MANUAL_REVIEW,
                f"The maker “{name}” failed before it began ({type(error).__name__}); the log has "
                "more. Drag the card to Queued to try again.",
            ) from error
        return input_hash({"maker": name, "take": request.take, "inputs": inputs})

    def latest(self, kind: PieceKind, position: int) -> Piece | None:
        """The finished piece of the latest round; None when there is none or its file is lost."""
        fit = (one for one in self.pieces if (one.kind, one.position) == (kind, position))
        piece = next((one for one in fit if one.state == "done"), None)
        if piece is None or not self.is_there(piece):
            return None
        return piece

    def of_round(self, kind: PieceKind, position: int, round_: int) -> Piece | None:
        """The piece of that round, in whatever state; None when there is none."""
        fit = (one for one in self.pieces if (one.kind, one.position) == (kind, position))
        return next((one for one in fit if one.round == round_), None)

    def same(self, kind: PieceKind, hash_: str) -> Piece | None:
        """A finished piece that was made from the same; None when there is none."""
        fit = self._made_from(kind, hash_)
        return next((one for one in fit if one.state == "done" and self.is_there(one)), None)

    def ordered(self, kind: PieceKind, hash_: str) -> Piece | None:
        """A piece made from the same that a service may still be working on, of any round.

        A rejection begins a new round while jobs of the one before are under way.
        """
        fit = self._made_from(kind, hash_)
        return next((one for one in fit if one.state in UNDER_WAY), None)

    def failures(self, kind: PieceKind) -> list[Piece]:
        """Pieces, of any round, whose failure no card shows yet."""
        return [
            one
            for one in self.pieces
            if one.kind == kind and one.state == "failed" and "failure" in one.notes
        ]

    def _made_from(self, kind: PieceKind, hash_: str) -> list[Piece]:
        return [one for one in self.pieces if one.kind == kind and one.input_hash == hash_]

    def is_there(self, piece: Piece) -> bool:
        """Whether a piece can be used: its file is in production's folder, or it is published.

        What workers attach may lie anywhere else; no maker here can read it.
        """
        if piece.path is None:
            return piece.kind == PieceKind.PUBLISHED and piece.url is not None
        path = (self.root / piece.path).resolve()
        return path.is_relative_to(self.root.resolve()) and path.is_file()

    def is_made(self, step: Step) -> bool:
        """Whether all pieces of a step are there, made from what they would be made from now."""
        kind = STEPS[step].piece
        for position in self.positions(step):
            piece = self.latest(kind, position)
            if piece is None or piece.input_hash != self.hash_of(step, position):
                return False
        return True

    def _sources(self, step: Step, position: int) -> list[Source]:
        found = []
        for needed in STEPS[step].needs:
            kind = STEPS[needed].piece
            wanted = [position] if STEPS[step].per_scene else self.positions(needed)
            pieces = [self.latest(kind, one) for one in wanted]
            found += [
                Source(
                    kind=kind,
                    position=piece.position,
                    path=self.root / (piece.path or ""),
                    sha256=piece.sha256 or "",
                    seconds=piece.seconds,
                )
                for piece in pieces
                if piece is not None
            ]
        return found


async def load_video(
    session: AsyncSession,
    task: UUID,
    title: str,
    *,
    channel: Channel,
    production: Production,
    root: Path,
) -> Video:
    """The video as it is stored."""
    rows = await scenes_of(session, task)
    return Video(
        task_id=task,
        title=title,
        channel=channel,
        production=production,
        scenes=tuple(map(scene_of, rows)),
        takes={row.position: takes_of(row) for row in rows},
        pieces=tuple(await pieces_of(session, task)),
        root=root,
        logins=await logins_of(session, channel.id),
    )


def scene_of(row: SceneRow) -> Scene:
    """A scene as it is stored."""
    return Scene(
        position=row.position,
        narration=row.narration,
        image=row.image,
        motion=row.motion,
        sound=row.sound,
    )


def takes_of(row: SceneRow) -> Takes:
    """The takes of a stored scene."""
    return {Step(name): count for name, count in row.takes.items()}
