"""The board on the sandbox: made like `showrunner board create` does, with a few cards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.board.spec import DEFAULT_TITLE
from tasks.board.create import make_board
from tasks.board.snapshot import BoardAccess
from tasks.notion.client import NotionClient

_DEEP_SEA, _HISTORY, _KITCHEN = "deep_sea_stories", "history_in_ten", "kitchen_science"
_CARDS = (
    (
        "Why the giant squid stays unseen",
        "Encounters with Architeuthis since 1857",
        "Draft",
        "Normal",
        _DEEP_SEA,
    ),
    (
        "The first message under the Atlantic",
        "The 1858 telegraph cable and its three weeks of life",
        "Queued",
        "High",
        _HISTORY,
    ),
    (
        "Rivers that flow under the sea",
        "Turbidity currents and submarine canyons",
        "Ready for Planning",
        "Low",
        _DEEP_SEA,
    ),
    (
        "How maps lied about California",
        "The island of California, 1622 to 1747",
        "Ready for Review",
        "Normal",
        _HISTORY,
    ),
    ("What a whale fall feeds", "", "Draft", "Normal", _DEEP_SEA),
    ("Why bread rises", "Yeast, gas and gluten", "Draft", "Normal", _KITCHEN),
)
"""Title, topic, status, priority, channel. One has no topic, to show a sentence in Attention."""
_STORIES = {
    "Why the giant squid stays unseen": """
In 1857 a beak as large as a hand proved that the sailors' kraken was an animal.

It lives a kilometre down. Its eyes, as large as plates, see a whale's glow before the whale does.

Only in 2004 did a camera on a long line photograph one alive.
""",
    "Rivers that flow under the sea": """
Off the Congo a river goes on under the sea, in a canyon deeper than any on land.

It is made of mud. Heavier than water, it runs for days and breaks every cable in its way.

Where it ends it leaves a delta that no map of the surface shows.
""",
    "What a whale fall feeds": """
A dead whale sinks for hours and lands on a plain where food is rare.

Sharks come first, then crabs, then worms that drink the bones.

A single whale feeds a village of animals for fifty years.
""",
    "Why bread rises": """
A baker folds flour and water, and a net of gluten forms between her fingers.
Image: hands folding dough on a floured table

Yeast eats the sugar and breathes out gas. A thousand bubbles are caught in the net.
Motion: slow push in on the bubbles

In the oven the bubbles swell, and the crust sets around them.
Sound: the crackle of a crust that cools
""",
}
"""Story Direction by title: a paragraph per scene, for the channel that Showrunner produces."""


async def ensure_board(facts: dict[str, Any], channels: Sequence[str], remembered: Path) -> str:
    """The database id of the sandbox's board, made and filled unless it was already.

    Args:
        facts: from the sandbox: base_url, bot_token, person_token, root_page_id.
        channels: options of the Channel property.
        remembered: the file that stores its id. It is written before the cards, so that after a
            crash no card is made twice.
    """
    if remembered.exists():
        return str(json.loads(remembered.read_text())["database_id"])
    connection = NotionClient(facts["bot_token"], base_url=facts["base_url"], per_second=100)
    editor = NotionClient(facts["person_token"], base_url=facts["base_url"], per_second=100)
    try:
        access = BoardAccess(notion=connection, channels=tuple(channels))
        made = await make_board(access, facts["root_page_id"], DEFAULT_TITLE)
        remembered.write_text(json.dumps({"database_id": made.database_id}))
        data_source_id = str((made.snapshot.data_source or {})["id"])
        for number, card in enumerate(_CARDS):
            title, topic, status, priority, wanted = card
            channel = wanted if wanted in channels else channels[number % len(channels)]
            values = _properties(title, topic, status, priority, channel)
            await editor.create_page(data_source_id, values)
    finally:
        await connection.aclose()
        await editor.aclose()
    return made.database_id


def _properties(title: str, topic: str, status: str, priority: str, channel: str) -> dict[str, Any]:
    return {
        "Title": {"title": [{"text": {"content": title}}]},
        "Topic": _text(topic),
        "Story Direction": _text(_STORIES.get(title, "").strip()),
        "Channel": {"select": {"name": channel}},
        "Status": {"select": {"name": status}},
        "Priority": {"select": {"name": priority}},
    }


def _text(content: str) -> dict[str, Any]:
    return {"rich_text": [{"text": {"content": content}}] if content else []}
