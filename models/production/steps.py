"""The steps of a video's production, each a working column and a done column of the board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from models.rules.statuses import BoardStatus


class Step(StrEnum):
    """A step, stored by value. The order of the members is the order of production."""

    ASSETS = "assets"
    COMPOSITES = "composites"
    VIDEOS = "videos"
    AUDIO = "audio"
    SFX = "sfx"
    ASSEMBLY = "assembly"
    UPLOAD = "upload"


class PieceKind(StrEnum):
    """What one piece is, stored by value."""

    IMAGE = "image"
    COMPOSITE = "composite"
    CLIP = "clip"
    NARRATION = "narration"
    SOUND = "sound"
    FILM = "film"
    PUBLISHED = "published"


@dataclass(frozen=True, kw_only=True)
class StepRule:
    """What is fixed about a step.

    Attributes:
        working: the column in which a card stands while the step is under way.
        done: the column in which it stands when the step is finished.
        piece: what the step makes.
        per_scene: one piece per scene; else one for the whole video.
        needs: the steps whose pieces it is made from.
        gate: whether a person approves its result unless the channel says otherwise.
    """

    working: BoardStatus
    done: BoardStatus
    piece: PieceKind
    per_scene: bool = True
    needs: tuple[Step, ...] = ()
    gate: bool = False


B = BoardStatus

STEPS: Mapping[Step, StepRule] = MappingProxyType(
    {
        Step.ASSETS: StepRule(
            working=B.ASSETS_GENERATING, done=B.ASSETS_READY, piece=PieceKind.IMAGE
        ),
        Step.COMPOSITES: StepRule(
            working=B.COMPOSITES_CREATING,
            done=B.COMPOSITES_READY,
            piece=PieceKind.COMPOSITE,
            needs=(Step.ASSETS,),
            gate=True,
        ),
        Step.VIDEOS: StepRule(
            working=B.VIDEOS_GENERATING,
            done=B.VIDEOS_READY,
            piece=PieceKind.CLIP,
            needs=(Step.COMPOSITES,),
        ),
        Step.AUDIO: StepRule(
            working=B.AUDIO_GENERATING, done=B.AUDIO_READY, piece=PieceKind.NARRATION
        ),
        Step.SFX: StepRule(working=B.SFX_GENERATING, done=B.SFX_READY, piece=PieceKind.SOUND),
        Step.ASSEMBLY: StepRule(
            working=B.ASSEMBLING_VIDEO,
            done=B.READY_FOR_REVIEW,
            piece=PieceKind.FILM,
            per_scene=False,
            needs=(Step.VIDEOS, Step.AUDIO, Step.SFX),
            gate=True,
        ),
        Step.UPLOAD: StepRule(
            working=B.UPLOADING,
            done=B.UPLOAD_COMPLETE,
            piece=PieceKind.PUBLISHED,
            per_scene=False,
            needs=(Step.ASSEMBLY,),
        ),
    }
)

_BY_COLUMN: Mapping[BoardStatus, Step] = MappingProxyType(
    {column: step for step, rule in STEPS.items() for column in (rule.working, rule.done)}
    | {B.UNDER_REVIEW: Step.ASSEMBLY, B.REVIEW_APPROVED: Step.ASSEMBLY}
)


def step_of(column: BoardStatus) -> Step | None:
    """The step whose working or done column this is; None where no step is under way or done.

    A film that is being reviewed, or was approved, stands after assembly.
    """
    return _BY_COLUMN.get(column)


def step_after(step: Step | None) -> Step | None:
    """The step that follows; the first one after None; None after the last."""
    steps = list(Step)
    if step is None:
        return steps[0]
    number = steps.index(step) + 1
    return steps[number] if number < len(steps) else None


def is_working(column: BoardStatus) -> bool:
    """Whether a step is under way in that column."""
    step = _BY_COLUMN.get(column)
    return step is not None and STEPS[step].working is column


def made_again_with(step: Step) -> frozenset[Step]:
    """The step and every later one that is made from its pieces, directly or not."""
    found = {step}
    for later in Step:
        if found.intersection(STEPS[later].needs):
            found.add(later)
    return frozenset(found)
