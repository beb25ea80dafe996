"""Put a value from the history back into the task, if the database is what sets it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models.errors import GiveUp
from models.rules.statuses import BoardStatus, Priority
from models.sync.card_changes import move_task
from models.sync.row_locks import lock_rows
from models.tables.card import Card
from models.tables.task import Task
from models.tables.task_history import TaskHistory, act_as

_PEOPLES = frozenset({"Title", "Channel", "Topic", "Story Direction"})


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restoration changed: nothing if `before` equals `after`.

    Attributes:
        before, after: values as the board spells them.
        shown: whether the board, as last read, shows the value already.
        trashed: whether the card is in the trash, so that nothing is pushed to it.
    """

    property: str
    before: str
    after: str
    shown: bool
    trashed: bool


async def restore(
    session: AsyncSession, page_id: str, history_id: int, *, now: datetime, correlation_id: str
) -> Restored:
    """Put the value of a history row back into the card's task, in the operator's name.

    The caller commits. The pipeline may make any move, so the operator may too. An edit that is
    accepted this way is not rejected any longer.

    Raises:
        GiveUp: when the value cannot or must not be put back. The message has the value and says
            what to do with it.
    """
    row = await session.get(TaskHistory, history_id)
    if row is None:
        raise GiveUp(
            f"There is no history row {history_id}: "
            f"`showrunner card show {page_id}` lists this card's."
        )
    if row.notion_page_id != page_id:
        raise GiveUp(f"History row {history_id} is about another card: {row.notion_page_id}.")
    name, value = _kept(row)
    card, task = await _locked(session, page_id, name, value)
    await act_as(session, "operator", now=now, correlation_id=correlation_id)
    if name == "Status":
        to = _status(row, card, value)
        at = now if task.board_status != to else task.status_changed_at
        before, after, shown = set_status(card, task, to, at)
    else:
        before, after, shown = _put_priority(card, task, _priority(value))
    if before != after and row.action != "changed":
        clear_rejection(card)
    return Restored(
        property=name, before=before, after=after, shown=shown, trashed=card.trashed_at is not None
    )


async def _locked(session: AsyncSession, page_id: str, name: str, value: str) -> tuple[Card, Task]:
    """The card and its task, locked until the commit."""
    known = await session.get(Card, page_id)
    if known is None:
        raise GiveUp(_without_task(None, name, value))
    card = (await lock_rows(session, [page_id])).cards[page_id]
    task = await session.get(Task, card.task_id) if card.task_id is not None else None
    if task is None:
        raise GiveUp(_without_task(card, name, value))
    return card, task


def clear_rejection(card: Card) -> None:
    """Remove the message about a rejected edit from the card."""
    card.rejection, card.rejected_at_status_change, card.rejection_shown_since = "", None, None


def set_status(card: Card, task: Task, to: BoardStatus, at: datetime) -> tuple[str, str, bool]:
    """Move the task, and let both sides agree on the column if the board shows it already.

    Returns:
        The column before, the column after, and whether the board shows it.
    """
    before = task.board_status
    move_task(task, to, at)
    card.waits_for = card.status_kept_until = None
    shown = card.notion_status == to
    if shown:
        card.base_status = to.value
    return before, to.value, shown


def _put_priority(card: Card, task: Task, to: Priority) -> tuple[str, str, bool]:
    before, task.priority = Priority(task.priority).option, to.value
    shown = card.notion_priority == to.option
    if shown:
        card.base_priority = to.value
    return before, to.option, shown


def _kept(row: TaskHistory) -> tuple[str, str]:
    """The property and the value that a history row kept.

    Raises:
        GiveUp: when it kept none, or one that the database does not set.
    """
    name, value = row.property, row.old_value if row.action == "changed" else row.lost_value
    if name is None:
        raise GiveUp(
            f"History row {row.id} ({row.action}) kept no value: there is nothing to put back."
        )
    if row.reason == "unseen" and value is None:
        raise GiveUp(
            f"Nobody saw what {name} was changed to before it was overwritten: "
            "ask who edited the card then."
        )
    if not value:
        raise GiveUp(
            f"What history row {row.id} kept of {name} is empty: there is nothing to put back."
        )
    if name in _PEOPLES:
        raise GiveUp(
            f"{name} is people's: Showrunner never writes it to the board, and the board's value "
            "would be back in the database at the next look. Paste this into the card in Notion:"
            f"\n{value}"
        )
    if name not in {"Status", "Priority"}:
        raise GiveUp(
            f"{name} is the database's, which computes it: nobody's value is put there. "
            f"It was:\n{value}"
        )
    return name, value


def _status(row: TaskHistory, card: Card, value: str) -> BoardStatus:
    if value not in set(BoardStatus):
        raise GiveUp(
            f"“{value}” is none of the board's 26 columns, which is why it was refused. "
            "`showrunner task move` takes any of them."
        )
    wrong = " ".join(violation.message for violation in card.known_violations())
    if row.reason == "invalid_card" and wrong:
        raise GiveUp(
            f"“{value}” was refused because the card is not valid, and it still is not: {wrong} "
            "Have that mended in Notion, then restore again."
        )
    if value == BoardStatus.QUEUED and wrong:
        raise GiveUp(
            f"A card that is not valid cannot be queued: {wrong} "
            "Have that mended in Notion, then restore again."
        )
    return BoardStatus(value)


def _priority(value: str) -> Priority:
    try:
        return Priority(value.lower())
    except ValueError:
        options = ", ".join(priority.option for priority in Priority)
        raise GiveUp(f"“{value}” is none of {options}, which is why it was refused.") from None


def _without_task(card: Card | None, name: str, value: str) -> str:
    violations = card.known_violations() if card is not None else ()
    wrong = " ".join(violation.message for violation in violations)
    said = f"The card has no task whose {name} could be “{value}”"
    if wrong:
        return (
            f"{said}, because it is not valid: {wrong} "
            "Have that mended in Notion, then restore again."
        )
    return (
        f"{said}: an edit of the card on the board makes one at the next look; then restore again."
    )
