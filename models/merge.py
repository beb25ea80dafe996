"""`plan()`: the whole conflict policy, pure. It returns values, writes nothing and reads no clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from models.agreement import Base, Shown, TaskState, attention, by_property, is_outdated, wanted
from models.first_contact import dates_of, lacking_of
from models.properties import BoardCard
from models.statuses import FREE_OF_RULES, PLANNING, BoardStatus, Priority, board_status, people_may_move, priority
from models.validation import Violation

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A value a person wrote and did not get: it goes to the history.

    Attributes:
        action: `refused` (it was not allowed) or `overruled` (the database changed too, and wins).
        reason: `not_yours`, `invalid_card`, `unknown_option`, `emptied` or `both_changed`.
    """

    property: str
    action: str
    reason: str
    value: str | None
    kept: str | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a look at a card means.

    Attributes:
        base: what to remember of the card from now on.
        task: what the task holds from now on; None while the card is not valid and has none. The mover's time is the
            caller's to stamp when `board_status` changed.
        lost: what to write to the history.
        moved: whether a person's move was accepted.
    """

    base: Base
    task: TaskState | None
    violations: tuple[Violation, ...]
    lost: tuple[Lost, ...] = ()
    moved: bool = False

    @property
    def attention(self) -> str:
        """What the card should tell its editor."""
        return attention(self.violations, self.base.refusal)


@dataclass(frozen=True, kw_only=True)
class _Verdict(Generic[Value]):
    """What becomes of one two-sided property.

    Attributes:
        agreed: the merge base from now on.
        database: what the database holds from now on.
        lost: the wish that was not granted, with the sentence (`refusal`) that tells its author so.
        moved: whether a person's wish was granted.
    """

    agreed: Value
    database: Value
    lost: tuple[Lost, ...] = ()
    refusal: str = ""
    moved: bool = False


def plan(
    base: Base | None,
    card: BoardCard,
    task: TaskState | None,
    violations: Sequence[Violation],
    *,
    importing: bool = False,
) -> Plan:
    """Decide per property what a look at a card means (design: section 6).

    Args:
        base: None on first contact.
        card: the board's values now.
        task: the database's values now; None when the card has no task yet.
        violations: what `validate_notion_entry` says of `card`.
        importing: whether this is the first import of a whole board, which then gets no defaults written.

    Returns:
        The plan. Planning again with its base and task, and the same card, changes nothing.
    """
    if base is not None and "Story Direction" in card.computed:
        card = replace(card, story_direction=base.story_direction)  # the column went, not the text in it
    status = _status(base, card, task, valid=not violations)
    prio = _priority(base, card, task)
    followed = not violations and status.database is not None
    shown = shown_of(card)
    created, updated = dates_of(base, card, shown, task, importing=importing, followed=followed)
    state = _task_state(card, task, status.database, prio.database, violations, (created, updated))
    refusal, refused_at = _refusal(base, task, status, prio)
    if state is not None and refusal and refused_at is None:
        refused_at = state.status_changed_at
    new = Base(
        title=card.title,
        channel=card.channel,
        topic=card.topic,
        story_direction=card.story_direction,
        status=status.agreed,
        priority=prio.agreed,
        created=created,
        updated=updated,
        shown=shown,
        lacking=lacking_of(base, shown, moved=status.moved, importing=importing, told=bool(violations or refusal)),
        refusal=refusal,
        refused_at=refused_at,
    )
    made = Plan(base=new, task=state, violations=tuple(violations), moved=status.moved)
    return replace(made, lost=(*status.lost, *prio.lost, *_tampering(base, card, made)))


def _status(base: Base | None, card: BoardCard, task: TaskState | None, *, valid: bool) -> _Verdict[BoardStatus | None]:
    asked = board_status(card.status)
    agreed = base.status if base is not None else None
    current = task.board_status if task is not None else agreed
    if base is not None and current is not None and base.shown.status == current:
        agreed = current  # a move that was refused, and the pipeline then made
    if base is not None and card.status == base.shown.status:
        return _Verdict(agreed=agreed, database=current)
    if base is None and task is not None and card.status is None:
        return _Verdict(agreed=current, database=current)
    if asked is None:
        return _unknown_status(card.status or "", current)
    if current is None:
        return _first_status(asked, valid=valid, corrected=base is not None)
    if asked == current:
        return _Verdict(agreed=asked, database=asked)
    if agreed is None or current != agreed:
        sentence = f"The pipeline moved this card to “{current}” meanwhile, so the move to “{asked}” was not taken."
        return _lose(asked, current, "overruled", "both_changed", sentence)
    if card.status is None and task is not None and agreed not in (*PLANNING, BoardStatus.QUEUED):
        # Deleting an option empties every card that stood in it: that must not demote a column of finished videos.
        return _lose("", agreed, "refused", "emptied", f"Status was emptied; the card goes back to “{agreed}”.")
    return _asked_move(agreed, asked, followed=task is not None, valid=valid)


def _asked_move(
    agreed: BoardStatus,
    asked: BoardStatus,
    *,
    followed: bool,
    valid: bool,
) -> _Verdict[BoardStatus | None]:
    """Only the board changed it. A card in a late column that was never followed is not ours to rearrange."""
    ours_to_rearrange = followed or agreed in PLANNING or agreed is BoardStatus.QUEUED
    if not ours_to_rearrange and asked is not BoardStatus.QUEUED:
        return _Verdict(agreed=asked, database=asked, moved=True)
    if ours_to_rearrange and not people_may_move(agreed, asked):
        sentence = f"A card cannot be moved from “{agreed}” to “{asked}” by hand; it goes back to “{agreed}”."
        return _lose(asked, agreed, "refused", "not_yours", sentence)
    if not valid and asked not in FREE_OF_RULES:
        # The violations say why, and go when they are mended: a sentence of its own would outlive them.
        return _lose(asked, agreed, "refused", "invalid_card", "")
    return _Verdict(agreed=asked, database=asked, moved=True)


def _first_status(asked: BoardStatus, *, valid: bool, corrected: bool) -> _Verdict[BoardStatus | None]:
    """First contact keeps the column, except that nothing invalid is queued. Correcting an unknown status is a move."""
    if not valid and asked is BoardStatus.QUEUED:
        return _lose(asked, BoardStatus.DRAFT, "refused", "invalid_card", "")
    return _Verdict(agreed=asked, database=asked, moved=corrected)


def _unknown_status(name: str, current: BoardStatus | None) -> _Verdict[BoardStatus | None]:
    """A typo must not demote a finished video: an option outside the 26 is refused, never mapped to a default."""
    what_now = f"the card goes back to “{current}”." if current is not None else "choose one of the board's columns."
    sentence = f"“{name}” is not a status Showrunner knows; {what_now}"
    return _lose(name, current, "refused", "unknown_option", sentence)


def _lose(
    asked: str,
    kept: BoardStatus | None,
    action: str,
    reason: str,
    sentence: str,
) -> _Verdict[BoardStatus | None]:
    """The dispute is settled: the next move is judged from where the card should stand now."""
    lost = Lost(property="Status", action=action, reason=reason, value=asked, kept=kept)
    return _Verdict(agreed=kept, database=kept, lost=(lost,), refusal=sentence)


def _priority(base: Base | None, card: BoardCard, task: TaskState | None) -> _Verdict[Priority]:
    asked = priority(card.priority)
    shown = _option(card.priority)
    agreed = base.priority if base is not None else None
    current = task.priority if task is not None else agreed or asked
    if base is not None and base.shown.priority == current.option:
        agreed = current
    if base is not None and (shown == base.shown.priority or "Priority" in card.computed):
        return _Verdict(agreed=agreed or base.priority, database=current)
    if asked != current and task is not None and current != agreed:
        kept = current.option
        if base is None and shown is None:
            return _Verdict(agreed=current, database=current)
        lost = Lost(property="Priority", action="overruled", reason="both_changed", value=shown, kept=kept)
        sentence = f"The pipeline set Priority to “{kept}” meanwhile, so “{shown or 'empty'}” was not taken."
        return _Verdict(agreed=current, database=current, lost=(lost,), refusal=sentence)
    if shown is not None and shown != asked.option:
        lost = Lost(property="Priority", action="refused", reason="unknown_option", value=shown, kept=asked.option)
        sentence = f"“{shown}” is not a priority Showrunner knows; it was set to “{asked.option}”."
        return _Verdict(agreed=asked, database=asked, lost=(lost,), refusal=sentence)
    return _Verdict(agreed=asked, database=asked)


def _option(name: str | None) -> str | None:
    """A priority's option in the spelling we write it in, so that `high` and `High` are no difference."""
    known = priority(name).option
    return known if name is not None and name.lower() == known.lower() else name


def shown_of(card: BoardCard) -> Shown:
    """What a card shows, as it is remembered."""
    return Shown(
        status=card.status,
        priority=_option(card.priority),
        created=card.created,
        updated=card.updated,
        attention=card.attention,
    )


def _tampering(base: Base | None, card: BoardCard, made: Plan) -> Iterator[Lost]:
    """What people wrote into properties that are the database's alone; the push puts them right."""
    right = wanted(made.base, made.task, made.attention)
    before, now = by_property(base.shown if base is not None else Shown()), by_property(made.base.shown)
    if base is not None and "Attention" in base.lacking:
        before["Attention"] = ""  # theirs until now
    for name in ("Created", "Updated", "Attention"):
        if name in right and name not in card.computed and now[name] not in (before[name], right[name]):
            value = str(now[name]) if now[name] is not None else None
            yield Lost(property=name, action="refused", reason="not_yours", value=value, kept=str(right[name]))


def _refusal(
    base: Base | None,
    task: TaskState | None,
    status: _Verdict[BoardStatus | None],
    prio: _Verdict[Priority],
) -> tuple[str, datetime | None]:
    """The refusal from now on: a new one, or the standing one until an accepted move or a status change outdates it."""
    fresh = " ".join(sentence for sentence in (status.refusal, prio.refusal) if sentence)
    if fresh or status.lost:
        return fresh, task.status_changed_at if fresh and task is not None else None
    if base is None or status.moved or is_outdated(base, task):
        return "", None
    return base.refusal, base.refused_at


def _task_state(
    card: BoardCard,
    task: TaskState | None,
    status: BoardStatus | None,
    prio: Priority,
    violations: Sequence[Violation],
    dates: tuple[datetime, datetime],
) -> TaskState | None:
    """The task from now on: made when the card is first valid; an invalid text keeps the last valid one."""
    wrong = {violation.field for violation in violations}
    if task is None:
        if wrong or status is None:
            return None
        return TaskState(
            title=card.title,
            channel_id=card.channel or "",
            topic=card.topic,
            story_direction=card.story_direction or None,
            board_status=status,
            priority=prio,
            created_at=dates[0],
            status_changed_at=dates[1],
        )
    return replace(
        task,
        title=task.title if "Title" in wrong else card.title,
        channel_id=task.channel_id if "Channel" in wrong else card.channel or "",
        topic=task.topic if "Topic" in wrong else card.topic,
        story_direction=card.story_direction or None,
        board_status=status or task.board_status,
        priority=prio,
    )
