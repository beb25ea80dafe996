"""The schema of a board that Showrunner creates: properties, options, colours, descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from models.rules.statuses import STATE_OF, BoardStatus, Priority, Status

GROUP_COLOURS: Final[Mapping[Status, str]] = {
    Status.DRAFT: "gray",
    Status.PENDING: "blue",
    Status.PROCESSING: "blue",
    Status.AWAITING_REVIEW: "yellow",
    Status.APPROVED: "yellow",
    Status.REJECTED: "yellow",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.RETRY: "red",
}
"""The colour of a Status option by the state it belongs to: draft, work, review, done and error
look different."""

_PRIORITY_COLOURS: Final = {Priority.LOW: "gray", Priority.NORMAL: "default", Priority.HIGH: "red"}

_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "Title": "What the video is called. Needed before it can be queued; at most 255 characters.",
    "Channel": "Whose video it is. Needed before it can be queued; "
    "the options are the configured channels.",
    "Topic": "What the video is about. Needed before it can be queued; at most 1,000 characters.",
    "Story Direction": "How to tell it. May stay empty; as long as you like.",
    "Status": "Where the video is. Plan in Draft and Ready for Planning and start it with Queued; "
    "empty is Draft.",
    "Priority": "Which video goes first. Empty is Normal.",
    "Time in Status": "Minutes since the status last changed. Notion counts them.",
    "Created": "When the card was first seen. Showrunner writes it.",
    "Updated": "When the status last changed. Showrunner writes it.",
    "Attention": "What needs you, in one sentence; empty when nothing does. Showrunner writes it.",
    "Progress": "How much of the film is made. Showrunner writes it.",
    "Cost": "What was spent on the video, or may have been, in US dollars. Showrunner writes it.",
    "Preview": "Pictures of the video while it is made.",
    "Video": "Where the film is. Showrunner writes it.",
}
"""The descriptions that users see beside a property: the rules of spec 2.1 that concern it. At most
280 characters each."""


def board_schema(channels: Iterable[str], updated: str = "Updated") -> dict[str, Any]:
    """The `properties` of `POST /v1/databases` for a new board (spec 1.1).

    Args:
        channels: options of Channel, in that order.
        updated: what the board calls Updated, which Time in Status counts from.
    """
    quoted = updated.replace("\\", "\\\\").replace('"', '\\"')
    statuses = [{"name": s.value, "color": GROUP_COLOURS[STATE_OF[s]]} for s in BoardStatus]
    priorities = [{"name": p.option, "color": _PRIORITY_COLOURS[p]} for p in Priority]
    schema: dict[str, Any] = {
        "Title": {"title": {}},
        "Channel": {"select": {"options": [{"name": channel} for channel in channels]}},
        "Topic": {"rich_text": {}},
        "Story Direction": {"rich_text": {}},
        "Status": {"select": {"options": statuses}},
        "Priority": {"select": {"options": priorities}},
        "Created": {"date": {}},
        "Updated": {"date": {}},
        "Time in Status": {
            "formula": {
                "expression": f'format(dateBetween(now(), prop("{quoted}"), "minutes")) + " min"'
            }
        },
        "Attention": {"rich_text": {}},
        "Progress": {"number": {"format": "percent"}},
        "Cost": {"number": {"format": "dollar"}},
        "Preview": {"files": {}},
        "Video": {"url": {}},
    }
    return {name: {**shape, "description": _DESCRIPTIONS[name]} for name, shape in schema.items()}
