"""Which values of a card and its task differ, for the explanation why they are not in sync."""

from __future__ import annotations

from collections.abc import Iterator

from models.rules.merge_base import MergeBase
from models.rules.statuses import Priority
from models.tables.card import Card
from models.tables.task import Task


def apart(card: Card, task: Task | None) -> list[str]:
    """The properties in which they differ: texts by name, options with both values.

    What the database computes (dates, Attention) is not among them.
    """
    base = card.base
    if base is None or task is None:
        return []
    return [*_texts(base, task), *_options(base, task)]


def _options(base: MergeBase, task: Task) -> Iterator[str]:
    held = {"Status": (base.shown.status, task.board_status)}
    if base.shown.priority:
        held["Priority"] = (base.shown.priority, Priority(task.priority).option)
    for name, (board, database) in held.items():
        if board != database and not (board is None and name in base.initially_empty):
            yield f"{name} (board “{board or 'empty'}”, database “{database}”)"


def _texts(base: MergeBase, task: Task) -> Iterator[str]:
    held = {
        "Title": (base.title, task.title),
        "Channel": (base.channel, task.channel_id),
        "Topic": (base.topic, task.topic),
        "Story Direction": (base.story_direction, task.story_direction),
    }
    yield from (
        name for name, (board, database) in held.items() if (board or "") != (database or "")
    )
