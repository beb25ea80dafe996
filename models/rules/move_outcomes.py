"""What may become of a move on the board: taken, put back, left for a while, or rejected."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from models.rules.formatting import either
from models.rules.statuses import (
    FINISHED,
    STARTS,
    BoardStatus,
    Decision,
    LostValue,
    moves_of_people,
)

StatusDecision = Decision[BoardStatus | None]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Where a card stands and where it should.

    Attributes:
        shown: the option on the board now; None if empty.
        asked: the board status of that name; Draft if empty, None for an unknown name.
        stays: whether the board shows what it showed at the last reading.
        seen: whether there was a reading before.
        agreed: the column that board and database last agreed on; None if there was none.
        current: the database's column; the agreed one if there is no task.
        followed: whether the card has a task.
        valid: whether the card breaks no rule.
        waits: whether the card still stands in a column that it gets once it is valid.
        kept: whether Status was left unchanged on the board for that until now.
        keeping: whether Status is to be left unchanged from now on.
        importing: whether this is the first import of a board.
        gates: the columns in which a task of the card's channel waits for a person.
        unseen: whether the task came to its column anew since the board showed it there.
        ahead: whether Showrunner wrote what the board shows, and the database, which was restored
            from an older backup, does not have it.
    """

    shown: str | None
    asked: BoardStatus | None
    stays: bool
    seen: bool
    agreed: BoardStatus | None
    current: BoardStatus | None
    followed: bool
    valid: bool
    waits: bool
    kept: bool
    keeping: bool
    importing: bool
    gates: Collection[BoardStatus] = ()
    unseen: bool = False
    ahead: bool = False

    @property
    def unfollowed_late(self) -> bool:
        """Whether the card has no task, and its column is none in which a new card may stand.

        That is an old card that is not valid, or one whose task was deleted.
        """
        return not self.followed and self.current is not None and self.current not in STARTS

    @property
    def home(self) -> BoardStatus | None:
        """Where a rejected move goes back to: a new task must not skip the columns before."""
        if self.unfollowed_late and self.valid and self.current not in FINISHED:
            return BoardStatus.DRAFT
        return self.current


def take(case: Situation) -> StatusDecision:
    """Take the move."""
    return Decision(agreed=case.asked, database=case.asked, moved=True)


def wait(
    case: Situation, asked: BoardStatus, meanwhile: BoardStatus, *, moved: bool = False
) -> StatusDecision:
    """Leave the board's value for a while: users queue first and type the topic afterwards."""
    if not case.keeping:
        return put_back(asked, meanwhile, moved=moved)
    lost = LostValue(
        property="Status", action="waiting", reason="invalid_card", value=asked, kept=meanwhile
    )
    return Decision(agreed=meanwhile, database=meanwhile, lost=(lost,), moved=moved, waits=True)


def put_back(asked: BoardStatus, to: BoardStatus | None, *, moved: bool = False) -> StatusDecision:
    """Put the card back. The move still waits until the push has written that."""
    sentence = (
        f"This card was moved back from “{asked}” to “{to}”, because it breaks the rules "
        f"above; once corrected, drag it to “{asked}” again."
    )
    lost = LostValue(
        property="Status", action="put_back", reason="invalid_card", value=asked, kept=to
    )
    return Decision(
        agreed=to, database=to, lost=(lost,), rejection=sentence, moved=moved, waits=True
    )


def starts_late(column: BoardStatus) -> str:
    """The sentence about a new card in a column where none may start."""
    return (
        f"A card starts in {either(STARTS)}, not in “{column}”; "
        f"it was moved to “{BoardStatus.DRAFT}”."
    )


def reject(
    case: Situation, asked: str, kept: BoardStatus | None, action: str, reason: str, sentence: str
) -> StatusDecision:
    """Reject a move; the next one is judged from where the card should stand now."""
    lost = LostValue(property="Status", action=action, reason=reason, value=asked, kept=kept)
    possible = f" {_possible_from(case, kept)}" if kept is not None else ""
    return Decision(agreed=kept, database=kept, lost=(lost,), rejection=f"{sentence}{possible}")


def _possible_from(case: Situation, kept: BoardStatus) -> str:
    """The sentence about the moves that users can make from there.

    A card that gets its task by this reading counts as having one.
    """
    followed = case.followed or case.valid or kept in STARTS
    possible = moves_of_people(kept, followed=followed, gates=case.gates)
    if not possible:
        return f"From “{kept}” only the pipeline moves it."
    columns = [column for column in BoardStatus if column in possible]
    return f"From “{kept}” people may move it to {either(columns)}."
