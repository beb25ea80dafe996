"""What must hold for where cards stand: nothing is in work that nobody put there, and nothing goes back in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger import Written
from world import World

from models.statuses import STATE_OF, BoardStatus, Status

BEGIN = {Status.DRAFT, Status.PENDING, Status.COMPLETED}
"""States in which a task may be made because of a card, once the board was imported: nobody works on it in them."""


def broken(world: World, pages: dict[str, Any], cards: dict[str, Any], history: list[Any]) -> list[str]:
    """Every law that does not hold, each with the facts."""
    by_page: dict[str, list[Any]] = {}
    for row in history:
        by_page.setdefault(row["notion_page_id"], []).append(row)
    found = []
    for page_id, rows in by_page.items():
        facts = [*_nothing_begins_amid_the_work(world, rows)]
        if page_id in pages and page_id in cards:
            facts += [*_what_is_put_back_is_told(world.ledger.written[page_id, "Status"], cards[page_id], rows)]
        found += [f"card {page_id[:8]}: {fact}" for fact in facts]
    return found


def _nothing_begins_amid_the_work(world: World, rows: list[Any]) -> Iterator[str]:
    """No task is approved or in work because of a card, unless it was there when the board was imported.

    That people then move tasks only as they may is another law.
    """
    for row in rows:
        late = world.imported is not None and row["at"] > world.imported
        if row["action"] != "created" or row["actor"] == "pipeline" or not late:
            continue
        if STATE_OF[BoardStatus(row["new_value"])] not in BEGIN:
            yield f"its task was made in {row['new_value']} at {row['at']:%d %H:%M:%S}, where nobody put it"


def _what_is_put_back_is_told(written: list[Written], card: Any, rows: list[Any]) -> Iterator[str]:
    """Until somebody moves the card, or something else is refused."""
    last = [row for row in rows if row["property"] == "Status" and row["action"] not in {"created", "deleted"}][-1:]
    if not last or last[0]["action"] != "put_back" or card["trashed_at"] is not None:
        return
    row = last[0]
    told_since = any(other["id"] > row["id"] and other["action"] in {"refused", "overruled"} for other in rows)
    # A move that nobody had seen when it was put back counts too.
    stood = max((n for n, entry in enumerate(written) if entry.value == row["lost_value"]), default=-1)
    moved_since = any(entry.who in {"person", "schema"} for entry in written[stood + 1 :])
    # The card became valid before it was written back: the move counts after all.
    taken = any(
        other["id"] > row["id"] and other["action"] == "created" and other["new_value"] == row["lost_value"]
        for other in rows
    )
    if not told_since and not moved_since and not taken and f"“{row['lost_value']}”" not in card["refusal"]:
        yield f"it was put back from {row['lost_value']} at {row['at']:%d %H:%M:%S}, and says only {card['refusal']!r}"


async def what_is_complete_does_not_wait(world: World) -> list[str]:
    """At any moment: a move that waits is taken with the look that shows its card valid."""
    rows = await world.rows(
        "SELECT notion_page_id, waits_for FROM cards WHERE waits_for IS NOT NULL AND violations = '[]'"
    )
    return [f"card {row['notion_page_id'][:8]} is valid and waits for {row['waits_for']}" for row in rows]
