"""No task is in work unless someone put it there, and no card is put back without a note."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from models.rules.statuses import STATE_OF, BoardStatus, Status
from simulation.world.ledger import Written

if TYPE_CHECKING:
    from simulation.world.world import World  # which holds one of these laws itself

AT_ONCE = 3
"""Cards that an ingest run surely has the time to answer."""
DAY = timedelta(days=1)
"""How long a card tells of what was not granted."""
CYCLES = timedelta(hours=12)
"""The time between two cycles of a world that has calmed down, at most: only they look whether a
day is over."""
BEGIN = {Status.DRAFT, Status.PENDING, Status.COMPLETED}
"""States in which a task may be made because of a card, once the board was imported: nobody works
on it in them."""


def broken(
    world: World, pages: dict[str, Any], cards: dict[str, Any], history: list[Any]
) -> list[str]:
    """Every law that does not hold, each with the facts."""
    by_page: dict[str, list[Any]] = {}
    for row in history:
        by_page.setdefault(row["notion_page_id"], []).append(row)
    found = []
    for page_id, rows in by_page.items():
        facts = [*_nothing_begins_amid_the_work(world, rows)]
        if page_id in pages and page_id in cards:
            facts += [*_shown_for_a_day(world, cards[page_id], rows)]
        found += [f"card {page_id[:8]}: {fact}" for fact in facts]
    return found


def _nothing_begins_amid_the_work(world: World, rows: list[Any]) -> Iterator[str]:
    """A task made from a new card is in no approved or working state after the first import.

    That people then move tasks only as they may is another law.
    """
    for row in rows:
        late = world.imported is not None and row["at"] > world.imported
        if row["action"] != "created" or row["actor"] == "pipeline" or not late:
            continue
        if STATE_OF[BoardStatus(row["new_value"])] not in BEGIN:
            yield (
                f"its task was made in {row['new_value']} at {row['at']:%d %H:%M:%S}, "
                "where nobody put it"
            )


def rejections_are_shown(world: World, cards: dict[str, Any], history: list[Any]) -> Iterator[str]:
    """What was put back within the last day is told on its card."""
    for page_id, card in cards.items():
        rows = [row for row in history if row["notion_page_id"] == page_id]
        if not world.left(page_id):
            facts = _what_is_put_back_is_explained(
                world, world.ledger.written[page_id, "Status"], card, rows
            )
            yield from (f"card {page_id[:8]}: {fact}" for fact in facts)


def _shown_for_a_day(world: World, card: Any, rows: list[Any]) -> Iterator[str]:
    """And no longer: a cycle later nothing is told of what was not granted before."""
    last = max(
        (row["at"] for row in rows if row["action"] in {"refused", "overruled", "put_back"}),
        default=None,
    )
    if (
        card["rejection"]
        and card["trashed_at"] is None
        and (last is None or world.clock.now - last > DAY + CYCLES)
    ):
        yield f"it still tells of {last and f'{last:%d %H:%M:%S}'}: {card['rejection']!r}"


def _what_is_put_back_is_explained(
    world: World, written: list[Written], card: Any, rows: list[Any]
) -> Iterator[str]:
    """Until somebody moves the card, or something else is refused, or for a day."""
    last = [
        row
        for row in rows
        if row["property"] == "Status" and row["action"] not in {"created", "deleted"}
    ][-1:]
    if not last or last[0]["action"] != "put_back" or card["trashed_at"] is not None:
        return
    row = last[0]
    if world.clock.now - row["at"] >= DAY:
        return
    shown_since = any(
        other["id"] > row["id"] and other["action"] in {"refused", "overruled"} for other in rows
    )
    # A move that nobody had seen when it was put back counts too.
    stood = max(
        (n for n, entry in enumerate(written) if entry.value == row["lost_value"]), default=-1
    )
    moved_since = any(entry.who in {"person", "schema"} for entry in written[stood + 1 :])
    # The card became valid before it was written back: the move counts after all.
    taken = any(
        other["id"] > row["id"]
        and other["action"] == "created"
        and other["new_value"] == row["lost_value"]
        for other in rows
    )
    if (
        not shown_since
        and not moved_since
        and not taken
        and f"“{row['lost_value']}”" not in card["rejection"]
    ):
        yield (
            f"it was put back from {row['lost_value']} at {row['at']:%d %H:%M:%S}, "
            f"and says only {card['rejection']!r}"
        )


async def what_is_refused_is_answered(world: World, since: int) -> list[str]:
    """After an undisturbed ingest run, no card still shows a value that the run refused.

    Cards that wait for the operator or back off do not count, nor do the last of very many.

    Args:
        since: the last row of the history before the run.
    """
    rows = await world.rows(
        "SELECT h.notion_page_id, h.property, h.lost_value, c.drift_mask FROM task_history h "
        "JOIN cards c USING (notion_page_id) "
        "WHERE h.id > :since AND h.property IN ('Status', 'Priority') "
        "AND h.action IN ('refused', 'overruled') "
        "AND c.trashed_at IS NULL AND c.missing_at IS NULL "
        "AND c.held_at IS NULL AND NOT c.unreadable AND c.next_attempt_at IS NULL",
        since=since,
    )
    world.happened["a run of its own did not grant something"] += bool(rows)
    if len({row["notion_page_id"] for row in rows}) > AT_ONCE:
        return []
    return [
        f"card {row['notion_page_id'][:8]} still shows {row['lost_value']!r}, which was refused"
        for row in rows
        if row["drift_mask"] & (1 if row["property"] == "Status" else 2)
    ]


async def what_is_complete_does_not_wait(world: World) -> list[str]:
    """At any moment: a move that waits is taken with the look that shows its card valid."""
    rows = await world.rows(
        "SELECT notion_page_id, waits_for FROM cards "
        "WHERE waits_for IS NOT NULL AND violations = '[]'"
    )
    return [
        f"card {row['notion_page_id'][:8]} is valid and waits for {row['waits_for']}"
        for row in rows
    ]
