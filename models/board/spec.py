"""The planned board beyond its schema: views, card preview, relation databases (spec 1.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models.rules.board_schema import OPTIONAL_RELATIONS
from models.rules.new_board import board_schema
from models.rules.statuses import ERRORS, BoardStatus, Priority

DEFAULT_TITLE: Final = "Video board"

NAMES: Final = (*board_schema(()), *OPTIONAL_RELATIONS)
"""Every property that the board should have, in the order in which they are made."""

ON_CARD: Final = ("Title", "Channel", "Time in Status", "Attention")
"""The properties that a card on the board shows, in this order (spec 1.3), and Attention."""

INTERNAL: Final = ("Created", "Updated")
"""The properties that a card must not show (spec 1.3). People choose the rest."""

GALLERY: Final = "Gallery"
"""The view of each database of pieces that shows the files as pictures."""

OPTIONS_MAX: Final = 100
"""Options in one schema request (Notion: request limits).

The API cannot change a longer list.
"""


@dataclass(frozen=True, kw_only=True)
class ViewPlan:
    """A view that the board should have.

    Attributes:
        key: under which its id is stored.
        name: its name when it is created; people may rename it.
        by: the property it is filtered by; None shows every card.
        options: the options of that property whose cards it shows.
        only_columns: hide empty columns, because the filter leaves few.
    """

    key: str
    name: str
    by: str | None = None
    options: tuple[str, ...] = ()
    only_columns: bool = False


PIPELINE: Final = ViewPlan(key="pipeline", name="Pipeline")
"""The board's first view: Kanban by Status, its columns in pipeline order."""

READY: Final = (
    *(s for s in BoardStatus if s.value.endswith(" Ready")),
    BoardStatus.READY_FOR_REVIEW,
)
"""Statuses in the view "Ready for Review".

Notion's filters have no "ends with" for options (design: section 13).
"""


def view_plans(channels: Iterable[str]) -> tuple[ViewPlan, ...]:
    """The views of spec 1.3 in the order of their tabs; one per channel at the end."""
    errors, ready = tuple(s.value for s in ERRORS), tuple(s.value for s in READY)
    return (
        PIPELINE,
        ViewPlan(key="errors", name="All Errors", by="Status", options=errors, only_columns=True),
        ViewPlan(
            key="ready", name="Ready for Review", by="Status", options=ready, only_columns=True
        ),
        ViewPlan(key="high", name="High Priority", by="Priority", options=(Priority.HIGH.option,)),
        *(
            ViewPlan(key=f"channel:{name}", name=name, by="Channel", options=(name,))
            for name in channels
        ),
    )
