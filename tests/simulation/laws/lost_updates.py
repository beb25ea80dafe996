"""Edits that our writes overwrote before anyone read them are recorded, and no others."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from simulation.world.ledger import Written
from simulation.world.world import World


class ReportedValues:
    """Events that prove that only people changed one property at one moment."""

    def __init__(self, world: World) -> None:
        self._moments: dict[tuple[str, str], list[datetime]] = {}
        names = {unquote(key): name for name, key in world.ids.items()}
        for letter in world.post.letters:
            event = json.loads(letter.body)
            if not letter.handed_in or event["type"] != "page.properties_updated":
                continue
            changed = [unquote(id_) for id_ in event["data"]["updated_properties"]]
            if len(changed) == 1 and all(author["type"] == "person" for author in event["authors"]):
                key = (event["entity"]["id"], names.get(changed[0], changed[0]))
                self._moments.setdefault(key, []).append(datetime.fromisoformat(event["timestamp"]))

    def of(
        self, page_id: str, name: str, theirs: Written, after: Written, written: list[Written]
    ) -> bool:
        """Whether an event reported this edit, our write over it was stored, and none followed."""
        later = any(entry.who == "person" and entry.at > after.at for entry in written)
        moments = self._moments.get((page_id, name), [])
        return after.kept and not later and any(theirs.at <= at <= after.at for at in moments)


def unseen_is_true(world: World, history: list[Any]) -> list[str]:
    """Every edit recorded as overwritten unread was made by a person, with that value."""
    found = []
    for row in history:
        if row["reason"] != "unseen":
            continue
        page_id, value = row["notion_page_id"], row["lost_value"]
        keys = {(page_id, name) for name in row["property"].split(" or ")}
        values = [
            entry.value
            for key in keys
            for entry in world.ledger.written.get(key, [])
            if entry.who == "person"
        ]
        if not world.touched & keys or (value is not None and (value or None) not in values):
            found.append(
                f"card {page_id[:8]}: {row['property']} was overwritten, but nobody edited it"
            )
    return found
