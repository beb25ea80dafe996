"""What a look at a card means for its Status: a ladder of rules, the first that answers decides. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.agreement import Base, TaskState
from models.properties import BoardCard
from models.statuses import FREE_OF_RULES, PLANNING, BoardStatus, board_status, people_may_move
from models.verdict import Lost, Verdict

StatusVerdict = Verdict[BoardStatus | None]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Where a card stands and where it should.

    Attributes:
        shown: the option on the board now; None when empty.
        asked: the board status of that name; Draft when empty, None for an unknown one.
        before: what the board showed at the last look.
        seen: whether there was a look before.
        agreed: the column that board and database last agreed on; None when there was none.
        current: the database's column; without a task the agreed one.
        followed: whether the card has a task.
    """

    shown: str | None
    asked: BoardStatus | None
    before: str | None
    seen: bool
    agreed: BoardStatus | None
    current: BoardStatus | None
    followed: bool
    valid: bool


def decide_status(base: Base | None, card: BoardCard, task: TaskState | None, *, valid: bool) -> StatusVerdict:
    """What becomes of Status (arguments as for `models.merge.plan`; `valid`: whether the card breaks no rule)."""
    case = situation(base, card, task, valid=valid)
    for rule in _RULES:
        if (verdict := rule(case)) is not None:
            return verdict
    return _taken(case.asked)


def situation(base: Base | None, card: BoardCard, task: TaskState | None, *, valid: bool) -> Situation:
    """The facts that the rules look at."""
    agreed = base.status if base is not None else None
    current = task.board_status if task is not None else agreed
    if base is not None and current is not None and base.shown.status == current:
        agreed = current  # a move that was refused, and the pipeline then made
    return Situation(
        shown=card.status,
        asked=board_status(card.status),
        before=base.shown.status if base is not None else None,
        seen=base is not None,
        agreed=agreed,
        current=current,
        followed=task is not None,
        valid=valid,
    )


def _nobody_moved_it(case: Situation) -> StatusVerdict | None:
    if case.seen and case.shown == case.before:
        return Verdict(agreed=case.agreed, database=case.current)
    return None


def _empty_at_first_sight(case: Situation) -> StatusVerdict | None:
    """A task that is there already says where its card belongs."""
    if not case.seen and case.followed and case.shown is None:
        return Verdict(agreed=case.current, database=case.current)
    return None


def _unknown(case: Situation) -> StatusVerdict | None:
    """A typo must not demote a finished video: an option outside the 26 is refused, never mapped to a default."""
    if case.asked is not None:
        return None
    what_now = f"the card goes back to “{case.current}”." if case.current else "choose one of the board's columns."
    sentence = f"“{case.shown}” is not a status Showrunner knows; {what_now}"
    return _lost(case.shown or "", case.current, "refused", "unknown_option", sentence)


def _first_column(case: Situation) -> StatusVerdict | None:
    """First contact keeps the column, except that nothing invalid is queued. Correcting an unknown status is a move."""
    if case.asked is None or case.current is not None:
        return None
    if not case.valid and case.asked is BoardStatus.QUEUED:
        return _lost(case.asked, BoardStatus.DRAFT, "refused", "invalid_card", "")
    return Verdict(agreed=case.asked, database=case.asked, moved=case.seen)


def _agreeing(case: Situation) -> StatusVerdict | None:
    if case.asked == case.current:
        return Verdict(agreed=case.asked, database=case.asked)
    return None


def _overruled(case: Situation) -> StatusVerdict | None:
    if case.asked is None or (case.agreed is not None and case.current == case.agreed):
        return None
    sentence = (
        f"The pipeline moved this card to “{case.current}” meanwhile, so the move to “{case.asked}” was not taken."
    )
    return _lost(case.asked, case.current, "overruled", "both_changed", sentence)


def _emptied(case: Situation) -> StatusVerdict | None:
    """Deleting an option empties every card that stood in it: that must not demote a column of finished videos."""
    if case.shown is not None or not case.followed or case.agreed in (*PLANNING, BoardStatus.QUEUED):
        return None
    return _lost("", case.agreed, "refused", "emptied", f"Status was emptied; the card goes back to “{case.agreed}”.")


def _not_theirs(case: Situation) -> StatusVerdict | None:
    """Only the board changed it. A card in a late column that was never followed is not ours to rearrange."""
    if case.agreed is None or case.asked is None or not _ours_to_rearrange(case):
        return None
    if people_may_move(case.agreed, case.asked):
        return None
    sentence = (
        f"A card cannot be moved from “{case.agreed}” to “{case.asked}” by hand; it goes back to “{case.agreed}”."
    )
    return _lost(case.asked, case.agreed, "refused", "not_yours", sentence)


def _not_valid(case: Situation) -> StatusVerdict | None:
    """The violations say why, and go when they are mended: a sentence of its own would outlive them."""
    if case.asked is None or case.valid or case.asked in FREE_OF_RULES:
        return None
    if not _ours_to_rearrange(case) and case.asked is not BoardStatus.QUEUED:
        return None
    return _lost(case.asked, case.agreed, "refused", "invalid_card", "")


_RULES: tuple[Callable[[Situation], StatusVerdict | None], ...] = (
    _nobody_moved_it,
    _empty_at_first_sight,
    _unknown,
    _first_column,
    _agreeing,
    _overruled,
    _emptied,
    _not_theirs,
    _not_valid,
)


def _ours_to_rearrange(case: Situation) -> bool:
    return case.followed or case.agreed in (*PLANNING, BoardStatus.QUEUED)


def _taken(asked: BoardStatus | None) -> StatusVerdict:
    return Verdict(agreed=asked, database=asked, moved=True)


def _lost(asked: str, kept: BoardStatus | None, action: str, reason: str, sentence: str) -> StatusVerdict:
    """The dispute is settled: the next move is judged from where the card should stand now."""
    lost = Lost(property="Status", action=action, reason=reason, value=asked, kept=kept)
    return Verdict(agreed=kept, database=kept, lost=(lost,), refusal=sentence)
