"""What a reading of a card means for its Status: the first rule that applies decides."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from models.rules.codec import BoardCard
from models.rules.formatting import either
from models.rules.merge_base import MergeBase, TaskState, came_anew
from models.rules.statuses import (
    FINISHED,
    FREE_OF_RULES,
    PLANNING,
    STARTS,
    BoardStatus,
    Decision,
    LostValue,
    board_status,
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


def decide_status(
    base: MergeBase | None,
    card: BoardCard,
    task: TaskState | None,
    *,
    valid: bool,
    importing: bool,
    keeping: bool,
    gates: Collection[BoardStatus] = (),
) -> StatusDecision:
    """Decide what becomes of Status (arguments as for `plan` and `Situation`)."""
    agreed = base.status if base is not None else None
    current = task.board_status if task is not None else agreed
    if base is not None and current is not None and base.shown.status == current:
        agreed = current  # the pipeline made a move that had been rejected
    stays = base is not None and card.status == base.shown.status
    case = Situation(
        shown=card.status,
        asked=board_status(card.status),
        stays=stays,
        seen=base is not None,
        agreed=agreed,
        current=current,
        followed=task is not None,
        valid=valid,
        waits=stays and base is not None and base.waits_for is not None,
        kept=base is not None and base.status_kept_until is not None,
        keeping=keeping,
        importing=importing,
        gates=gates,
        unseen=current in gates and came_anew(base, card, task),
    )
    for rule in _RULES:
        if (decision := rule(case)) is not None:
            return decision
    return _taken(case)


def _no_longer_valid(case: Situation) -> StatusDecision | None:
    """Take an invalid card's task out of the queue; its move to Queued waits like any other."""
    if case.valid or case.asked is not BoardStatus.QUEUED or case.current is not BoardStatus.QUEUED:
        return None
    return _wait(case, BoardStatus.QUEUED, BoardStatus.DRAFT, moved=True)


def _still_waits(case: Situation) -> StatusDecision | None:
    if not case.waits or case.asked is None or case.current == case.asked:
        return None
    if case.current != case.agreed:
        return _overruled(case)
    if case.valid:
        return _taken(case)
    if case.kept and not case.keeping:
        return _put_back(case.asked, case.agreed)
    return Decision(agreed=case.agreed, database=case.current, waits=True)


def _cannot_start_there(case: Situation) -> StatusDecision | None:
    """Reject a late column of a card that just became valid: its work was never done."""
    unmoved = case.stays or case.asked == case.current
    if case.current is None or case.home == case.current or not unmoved:
        return None
    return _lost(
        case, case.current, case.home, "put_back", "starts_late", _starts_late(case.current)
    )


def _not_moved(case: Situation) -> StatusDecision | None:
    if not case.stays:
        return None
    return Decision(agreed=case.agreed, database=case.current)


def _empty_at_first_contact(case: Situation) -> StatusDecision | None:
    """A card that is empty at first contact goes where its task is."""
    if not case.seen and case.followed and case.shown is None:
        return Decision(agreed=case.current, database=case.current)
    return None


def _unknown(case: Situation) -> StatusDecision | None:
    """Reject an option outside the 26: a typo must not demote a finished video to a default."""
    if case.asked is not None:
        return None
    what_now = f"a card starts in {either(STARTS)}: move it there."
    if case.home:
        what_now = f"the card goes back to “{case.home}”."
    sentence = f"“{case.shown}” is not a status Showrunner knows; {what_now}"
    return _lost(case, case.shown or "", case.home, "refused", "unknown_option", sentence)


def _first_column(case: Situation) -> StatusDecision | None:
    """Decide the first column of a card.

    The first import keeps every column, later contact only those a card may start in. An invalid
    card is never queued. Correcting an unknown status is a move; it may lead to the last columns,
    because an option of the board may have been renamed.
    """
    if case.asked is None or case.current is not None:
        return None
    if case.asked is BoardStatus.QUEUED and not case.valid:
        return _wait(case, case.asked, BoardStatus.DRAFT)
    old = case.importing and not case.seen
    if old or case.asked in STARTS or (case.seen and case.asked in FINISHED):
        return Decision(agreed=case.asked, database=case.asked, moved=case.seen)
    return _lost(
        case, case.asked, BoardStatus.DRAFT, "refused", "starts_late", _starts_late(case.asked)
    )


def _agreeing(case: Situation) -> StatusDecision | None:
    if case.asked == case.current:
        return Decision(agreed=case.asked, database=case.asked)
    return None


def _overruled(case: Situation) -> StatusDecision | None:
    unchanged = case.agreed is not None and case.current == case.agreed and not case.unseen
    if case.asked is None or unchanged:
        return None
    sentence = (
        f"The pipeline moved this card to “{case.current}” meanwhile, "
        f"so the move to “{case.asked}” was not taken."
    )
    return _lost(case, case.asked, case.current, "overruled", "both_changed", sentence)


def _emptied(case: Situation) -> StatusDecision | None:
    """Reject an emptied Status: deleting an option empties all cards that stood in it."""
    if (
        case.shown is not None
        or not case.followed
        or case.agreed in (*PLANNING, BoardStatus.QUEUED)
    ):
        return None
    sentence = f"Status was emptied; the card goes back to “{case.agreed}”."
    return _lost(case, "", case.agreed, "refused", "emptied", sentence)


def _not_theirs(case: Situation) -> StatusDecision | None:
    if case.agreed is None or case.asked is None:
        return None
    allowed = moves_of_people(case.agreed, followed=not case.unfollowed_late, gates=case.gates)
    if case.asked in allowed:
        return None
    sentence = (
        f"A card cannot be moved from “{case.agreed}” to “{case.asked}” by hand; "
        f"it goes back to “{case.home}”."
    )
    return _lost(case, case.asked, case.home, "refused", "not_yours", sentence)


def _not_valid_yet(case: Situation) -> StatusDecision | None:
    if case.asked is None or case.agreed is None or case.valid or case.asked in FREE_OF_RULES:
        return None
    return _wait(case, case.asked, case.agreed)


_RULES: tuple[Callable[[Situation], StatusDecision | None], ...] = (
    _no_longer_valid,
    _still_waits,
    _cannot_start_there,
    _not_moved,
    _empty_at_first_contact,
    _unknown,
    _first_column,
    _agreeing,
    _overruled,
    _emptied,
    _not_theirs,
    _not_valid_yet,
)


def _taken(case: Situation) -> StatusDecision:
    return Decision(agreed=case.asked, database=case.asked, moved=True)


def _wait(
    case: Situation, asked: BoardStatus, meanwhile: BoardStatus, *, moved: bool = False
) -> StatusDecision:
    """Leave the board's value for a while: users queue first and type the topic afterwards."""
    if not case.keeping:
        return _put_back(asked, meanwhile, moved=moved)
    lost = LostValue(
        property="Status", action="waiting", reason="invalid_card", value=asked, kept=meanwhile
    )
    return Decision(agreed=meanwhile, database=meanwhile, lost=(lost,), moved=moved, waits=True)


def _put_back(asked: BoardStatus, to: BoardStatus | None, *, moved: bool = False) -> StatusDecision:
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


def _starts_late(column: BoardStatus) -> str:
    return (
        f"A card starts in {either(STARTS)}, not in “{column}”; "
        f"it was moved to “{BoardStatus.DRAFT}”."
    )


def _lost(
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
