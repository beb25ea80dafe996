"""What a claimed video needs next: a snapshot of its story, and which step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from models.production.config import Production
from models.production.making import MakerError
from models.production.reuse import Takes, more_takes, rejected_steps
from models.production.steps import STEPS, Step, step_after, step_of
from models.production.story import Scene, scenes_of
from models.rules.statuses import BoardStatus
from models.tables.production import piece_queries
from models.tables.production.claims import Claimed
from models.tables.production.reviews import Review
from models.tables.production.steps import SceneRow
from tasks.production.video import Video, scene_of, takes_of


@dataclass(frozen=True, kw_only=True)
class Work:
    """A step of a video that was claimed, as a run gets it.

    Attributes:
        worker: in whose name the lease is held.
        attempt: how often the step was begun in this round.
    """

    task_id: UUID
    title: str
    channel_id: str
    worker: str
    step: Step
    round: int
    attempt: int

    @property
    def name(self) -> str:
        """The run's name."""
        return f"{self.title} · {self.step} · round {self.round} · try {self.attempt}"

    @property
    def key(self) -> str:
        """The same for the same attempt: Prefect makes one run of it."""
        return f"{self.task_id}:{self.step}:{self.round}:{self.attempt}"


async def take_snapshot(session: AsyncSession, claimed: Claimed, production: Production) -> None:
    """Store the scenes that production works on, unless the video is in work with them already.

    Raises:
        StoryError: when the story cannot be produced.
    """
    before = await piece_queries.scenes_of(session, claimed.task_id)
    if before and claimed.board_status != BoardStatus.PROCESSING:
        return
    scenes = scenes_of(claimed.story_direction, most=production.scenes)
    last = max((row.after_review for row in before), default=0)
    rejected = await piece_queries.rejections(session, claimed.task_id, after=last)
    is_edited = scenes != [scene_of(row) for row in before]
    takes = {row.position: dict(takes_of(row)) for row in before}
    for scene in scenes:
        takes[scene.position] = _takes(
            scene.position, takes.get(scene.position, {}), rejected, production, is_edited=is_edited
        )
    last = max((review.id or 0 for review in rejected), default=last)
    rows = [_row(claimed.task_id, scene, takes[scene.position], last) for scene in scenes]
    await piece_queries.replace_scenes(session, claimed.task_id, rows)


def _takes(
    position: int,
    before: Takes,
    rejected: Sequence[Review],
    production: Production,
    *,
    is_edited: bool,
) -> dict[Step, int]:
    """A scene's takes after rejections. One that names no scene is about what was edited since."""
    takes = dict(before)
    for review in rejected:
        named = bool(review.pieces)
        if position in review.pieces or not (named or is_edited):
            gate = Step(review.gate or Step.ASSEMBLY)
            takes = more_takes(takes, rejected_steps(gate, production.gates, named=named))
    return takes


def _row(task: UUID, scene: Scene, takes: Takes, last: int) -> SceneRow:
    return SceneRow(
        task_id=task,
        position=scene.position,
        narration=scene.narration,
        image=scene.image,
        motion=scene.motion,
        sound=scene.sound,
        takes={step.value: count for step, count in takes.items()},
        after_review=last,
    )


def next_step(video: Video, column: BoardStatus, finished: Mapping[str, bool]) -> Step:
    """The step that is done next.

    A video from Queued goes on where something is missing or was made from something else, but
    passes no gate that nobody approved.

    Args:
        column: where the video stands.
        finished: of each step finished in its present round, whether that was approved.

    Raises:
        MakerError: when the channel cannot make it.
    """
    if column is BoardStatus.REVIEW_APPROVED:
        return Step.UPLOAD
    step = step_of(column)
    if step is None:
        return _first_unfinished(video, finished)
    if STEPS[step].working is column:
        return step
    return step_after(step) or step


def _first_unfinished(video: Video, finished: Mapping[str, bool]) -> Step:
    for step in Step:
        is_open = step in video.production.gates and not finished.get(step, False)
        if step is Step.ASSEMBLY or is_open or step not in finished:
            return step
        try:
            if not video.is_made(step):
                return step
        except MakerError:  # the step itself says what is wrong
            return step
    return Step.ASSEMBLY
