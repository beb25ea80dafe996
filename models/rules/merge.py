"""The conflict policy: what a reading of a card means. Pure: no writes, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from models.rules.attention import attention
from models.rules.codec.read import BoardCard
from models.rules.first_contact import initially_empty_of, task_dates
from models.rules.merge_base import (
    MergeBase,
    NotionValues,
    ProductionFacts,
    TaskState,
    desired_values,
    is_rejection_outdated,
    values_by_property,
)
from models.rules.moves import decide_status
from models.rules.statuses import BoardStatus, Decision, LostValue, Priority, board_status, priority
from models.rules.validation import Violation


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a reading of a card means.

    Attributes:
        base: the merge base to store.
        task: the task to store; None while the card is invalid and has no task. If `board_status`
            changed, the caller sets the time of the change.
        lost: users' values that are not stored, for the history.
        moved: whether a user's move was accepted, or the task went to Draft because the card is
            not valid any more.
    """

    base: MergeBase
    task: TaskState | None
    violations: tuple[Violation, ...]
    lost: tuple[LostValue, ...] = ()
    moved: bool = False

    @property
    def attention(self) -> str:
        """The text that the card's Attention should show."""
        return attention(self.violations, self.base.rejection, self.base.production.text)


ABSENT: Final = ""
"""Priority, as Notion showed it, of a page without that property. No option has that name."""


def plan(
    base: MergeBase | None,
    card: BoardCard,
    task: TaskState | None,
    violations: Sequence[Violation],
    *,
    importing: bool = False,
    keep_until: datetime | None = None,
    ours: bool = False,
    gates: Collection[BoardStatus] = (),
    ahead: bool = False,
) -> Plan:
    """Decide per property what a reading of a card means (design: section 6).

    Args:
        base: None at first contact.
        card: the board's values now.
        task: the database's values now; None if the card has no task yet.
        violations: the result of `validate_notion_entry` for `card`.
        importing: whether this is the first import of a whole board: its cards keep their columns
            and get no defaults.
        keep_until: until when a move that waits for the card to become valid leaves Status
            unchanged on the board; None if it does not.
        ours: whether we created the page, so that no user typed the dates that it shows at first
            contact.
        gates: the columns in which a task of the card's channel waits for a person.
        ahead: whether Showrunner wrote what the board shows, and the database, which was restored
            from an older backup, does not have it.

    Returns:
        The plan. Planning again with its base and task, and the same card, changes nothing.
    """
    if base is not None and "Story Direction" in card.computed:
        card = replace(
            card, story_direction=base.story_direction
        )  # the property was deleted, not its text
    keeping = keep_until is not None
    status = decide_status(
        base,
        card,
        task,
        valid=not violations,
        importing=importing,
        keeping=keeping,
        gates=gates,
        ahead=ahead,
    )
    prio = _priority(base, card, task)
    followed = not violations and status.database is not None
    shown = notion_values(card)
    created, updated = task_dates(base, card, shown, task, importing=importing, followed=followed)
    state = _task_state(card, task, status.database, prio.database, violations, (created, updated))
    rejection, rejected_at_status_change = _rejection(base, task, status, prio)
    if state is not None and rejection and rejected_at_status_change is None:
        rejected_at_status_change = state.status_changed_at
    production = base.production if base is not None else ProductionFacts()
    new = MergeBase(
        title=card.title,
        channel=card.channel,
        topic=card.topic,
        story_direction=card.story_direction,
        status=status.agreed,
        priority=prio.agreed,
        created=created,
        updated=updated,
        shown=shown,
        initially_empty=initially_empty_of(
            base,
            shown,
            moved=status.moved,
            importing=importing,
            has_message=bool(violations or rejection or production.text),
        ),
        rejection=rejection,
        rejected_at_status_change=rejected_at_status_change,
        waits_for=board_status(card.status) if status.waits else None,
        status_kept_until=_kept_until(base, status, keep_until),
        production=production,
    )
    made = Plan(base=new, task=state, violations=tuple(violations), moved=status.moved)
    tampering = () if base is None and ours else _tampering(base, card, made)
    return replace(made, lost=(*status.lost, *prio.lost, *tampering))


def _priority(
    base: MergeBase | None, card: BoardCard, task: TaskState | None
) -> Decision[Priority]:
    asked = priority(card.priority)
    shown = _option(card.priority)
    agreed = base.priority if base is not None else None
    current = task.priority if task is not None else agreed or asked
    if base is not None and base.shown.priority == current.option:
        agreed = current
    if base is not None and ("Priority" in card.computed or shown in _unchosen(base)):
        return Decision(agreed=agreed or base.priority, database=current)
    if asked != current and task is not None and current != agreed:
        kept = current.option
        if base is None and shown is None:
            return Decision(agreed=current, database=current)
        lost = LostValue(
            property="Priority", action="overruled", reason="both_changed", value=shown, kept=kept
        )
        sentence = (
            f"The pipeline set Priority to “{kept}” meanwhile, "
            f"so “{shown or 'empty'}” was not taken."
        )
        return Decision(agreed=current, database=current, lost=(lost,), rejection=sentence)
    if shown is not None and shown != asked.option:
        lost = LostValue(
            property="Priority",
            action="refused",
            reason="unknown_option",
            value=shown,
            kept=asked.option,
        )
        sentence = f"“{shown}” is not a priority Showrunner knows; it was set to “{asked.option}”."
        return Decision(agreed=asked, database=asked, lost=(lost,), rejection=sentence)
    return Decision(agreed=asked, database=asked)


def _unchosen(base: MergeBase) -> tuple[str | None, ...]:
    """What Notion shows of Priority while nobody has chosen it since the last reading.

    A property that was deleted or had another type for a while comes back with its old values or
    empty.
    """
    if base.shown.priority == ABSENT:
        return (None, base.priority.option)
    return (base.shown.priority,)


def _option(name: str | None) -> str | None:
    """A priority's option in our spelling, so that `high` and `High` are no difference."""
    known = priority(name).option
    if name is not None and name.lower() == known.lower():
        return known
    return name


def notion_values(card: BoardCard) -> NotionValues:
    """The values of a card that the push may write, as they are stored."""
    return NotionValues(
        status=card.status,
        priority=ABSENT if "Priority" in card.computed else _option(card.priority),
        created=card.created,
        updated=card.updated,
        attention=card.attention,
        progress=card.progress,
        cost=card.cost,
        video=card.video,
    )


def _tampering(base: MergeBase | None, card: BoardCard, made: Plan) -> Iterator[LostValue]:
    """What users wrote into properties that only the database sets; the next push corrects them."""
    right = desired_values(made.base, made.task, made.attention)
    before, now = (
        values_by_property(base.shown if base is not None else NotionValues()),
        values_by_property(made.base.shown),
    )
    if base is not None and "Attention" in base.initially_empty:
        before["Attention"] = ""  # the users' until now
    for name in ("Created", "Updated", "Attention", "Progress", "Cost", "Video"):
        if (
            name in right
            and name not in card.computed
            and now[name] not in (before[name], right[name])
        ):
            value = str(now[name]) if now[name] is not None else None
            yield LostValue(
                property=name,
                action="refused",
                reason="not_yours",
                value=value,
                kept=str(right[name]),
            )


def _rejection(
    base: MergeBase | None,
    task: TaskState | None,
    status: Decision[BoardStatus | None],
    prio: Decision[Priority],
) -> tuple[str, datetime | None]:
    """The rejection to show: a new one, or the present one until a move or a new status."""
    fresh = " ".join(sentence for sentence in (status.rejection, prio.rejection) if sentence)
    if fresh or status.lost:
        return fresh, task.status_changed_at if fresh and task is not None else None
    if base is None or status.moved or is_rejection_outdated(base, task):
        return "", None
    return base.rejection, base.rejected_at_status_change


def _kept_until(
    base: MergeBase | None, status: Decision[BoardStatus | None], keep_until: datetime | None
) -> datetime | None:
    """Until when a waiting move leaves Status unchanged, unless it was put back before."""
    begins, put_back = bool(status.lost), bool(status.rejection)
    if not status.waits or put_back:
        return None
    kept = begins or (base is not None and base.status_kept_until is not None)
    return keep_until if kept else None


def _task_state(
    card: BoardCard,
    task: TaskState | None,
    status: BoardStatus | None,
    prio: Priority,
    violations: Sequence[Violation],
    dates: tuple[datetime, datetime],
) -> TaskState | None:
    """The task to store: created once the card is valid; invalid texts keep their last value."""
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
