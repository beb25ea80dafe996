"""What a reading of a card means for its Status: the first rule that applies decides."""

from __future__ import annotations

from collections.abc import Callable, Collection

from models.rules.codec.read import BoardCard
from models.rules.formatting import either
from models.rules.merge_base import MergeBase, TaskState, came_anew
from models.rules.move_outcomes import (
    Situation,
    StatusDecision,
    put_back,
    reject,
    starts_late,
    take,
    wait,
)
from models.rules.statuses import (
    FINISHED,
    FREE_OF_RULES,
    IN_WORK,
    PLANNING,
    STARTS,
    BoardStatus,
    Decision,
    board_status,
    moves_of_people,
)


def decide_status(
    base: MergeBase | None,
    card: BoardCard,
    task: TaskState | None,
    *,
    valid: bool,
    importing: bool,
    keeping: bool,
    gates: Collection[BoardStatus] = (),
    ahead: bool = False,
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
        ahead=ahead,
    )
    for rule in _RULES:
        if (decision := rule(case)) is not None:
            return decision
    return take(case)


def _no_longer_valid(case: Situation) -> StatusDecision | None:
    """Take an invalid card's task out of the queue; its move to Queued waits like any other."""
    if case.valid or case.asked is not BoardStatus.QUEUED or case.current is not BoardStatus.QUEUED:
        return None
    return wait(case, BoardStatus.QUEUED, BoardStatus.DRAFT, moved=True)


def _still_waits(case: Situation) -> StatusDecision | None:
    if not case.waits or case.asked is None or case.current == case.asked:
        return None
    if case.current != case.agreed:
        return _overruled(case)
    if case.valid:
        return take(case)
    if case.kept and not case.keeping:
        return put_back(case.asked, case.agreed)
    return Decision(agreed=case.agreed, database=case.current, waits=True)


def _cannot_start_there(case: Situation) -> StatusDecision | None:
    """Reject a late column of a card that just became valid: its work was never done."""
    unmoved = case.stays or case.asked == case.current
    if case.current is None or case.home == case.current or not unmoved:
        return None
    return reject(
        case, case.current, case.home, "put_back", "starts_late", starts_late(case.current)
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
    return reject(case, case.shown or "", case.home, "refused", "unknown_option", sentence)


def _first_column(case: Situation) -> StatusDecision | None:
    """Decide the first column of a card.

    The first import keeps every column, later contact only those a card may start in. An invalid
    card is never queued. Correcting an unknown status is a move; it may lead to the last columns,
    because an option of the board may have been renamed.
    """
    if case.asked is None or case.current is not None:
        return None
    if case.asked is BoardStatus.QUEUED and not case.valid:
        return wait(case, case.asked, BoardStatus.DRAFT)
    old = case.importing and not case.seen
    if old or case.asked in STARTS or (case.seen and case.asked in FINISHED):
        return Decision(agreed=case.asked, database=case.asked, moved=case.seen)
    return reject(
        case, case.asked, BoardStatus.DRAFT, "refused", "starts_late", starts_late(case.asked)
    )


def _agreeing(case: Situation) -> StatusDecision | None:
    if case.asked == case.current:
        return Decision(agreed=case.asked, database=case.asked)
    return None


def _older_database(case: Situation) -> StatusDecision | None:
    """Reject what Showrunner itself wrote before an older backup was restored.

    The work of that column may be paid already, so it is not done again before the operator says
    which side is right. Between the columns of planning and Queued nothing was paid.
    """
    if not case.ahead or case.asked is None or case.agreed is None:
        return None
    if case.asked in FREE_OF_RULES or (case.agreed in PLANNING and case.asked in STARTS):
        return None
    sentence = (
        f"Showrunner had moved this card to “{case.asked}”, which the database does not have since "
        f"an older backup was restored; it goes back to “{case.home}”."
    )
    return reject(case, case.asked, case.home, "refused", "older_database", sentence)


def _overruled(case: Situation) -> StatusDecision | None:
    unchanged = case.agreed is not None and case.current == case.agreed and not case.unseen
    if case.asked is None or unchanged or _is_stop(case):
        return None
    sentence = (
        f"The pipeline moved this card to “{case.current}” meanwhile, "
        f"so the move to “{case.asked}” was not taken."
    )
    return reject(case, case.asked, case.current, "overruled", "both_changed", sentence)


def _is_stop(case: Situation) -> bool:
    """Whether the move stops a task that the pipeline has moved on, and that is in work by now.

    A worker may take a task in the second in which its card is dragged to Archived.
    """
    if case.asked is not BoardStatus.ARCHIVED or case.agreed is None:
        return False
    allowed = moves_of_people(case.agreed, followed=case.followed, gates=case.gates)
    return case.asked in allowed and case.current in IN_WORK


def _emptied(case: Situation) -> StatusDecision | None:
    """Reject an emptied Status: deleting an option empties all cards that stood in it."""
    if (
        case.shown is not None
        or not case.followed
        or case.agreed in (*PLANNING, BoardStatus.QUEUED)
    ):
        return None
    sentence = f"Status was emptied; the card goes back to “{case.agreed}”."
    return reject(case, "", case.agreed, "refused", "emptied", sentence)


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
    return reject(case, case.asked, case.home, "refused", "not_yours", sentence)


def _not_valid_yet(case: Situation) -> StatusDecision | None:
    if case.asked is None or case.agreed is None or case.valid or case.asked in FREE_OF_RULES:
        return None
    return wait(case, case.asked, case.agreed)


_RULES: tuple[Callable[[Situation], StatusDecision | None], ...] = (
    _no_longer_valid,
    _still_waits,
    _cannot_start_there,
    _not_moved,
    _empty_at_first_contact,
    _unknown,
    _first_column,
    _agreeing,
    _older_database,
    _overruled,
    _emptied,
    _not_theirs,
    _not_valid_yet,
)
