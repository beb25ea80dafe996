"""No value that a person wrote disappears: what we wrote over stands in the history."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from simulation.laws.lost_updates import ReportedValues, unseen_is_true
from simulation.laws.task_history import same
from simulation.world.ledger import TWO_WAY, Written
from simulation.world.world import World


def nothing_lost(world: World, history: list[Any]) -> list[str]:
    """Every value of a person that we overwrote is in the history, as lost or accepted."""
    found, reported = unseen_is_true(world, history), ReportedValues(world)
    for (page_id, name), written in world.ledger.written.items():
        rows = [row for row in history if row["notion_page_id"] == page_id]
        # A duplicate brings along what we told of its twin; it may be right of it too.
        known = written[0].value if written and name not in TWO_WAY else None
        for index, (theirs, after) in enumerate(pairwise(written)):
            # There and back again between two looks is nothing that could have been asked.
            asked = theirs.who == "person" and theirs.value != known
            is_ours = theirs.who not in {"person", "schema"}
            known = theirs.value if theirs.heard or is_ours else known
            if (
                not asked
                or after.who in {"person", "schema"}
                or same(name, theirs.value, after.value)
            ):
                continue
            since = [row for row in rows if row["at"] >= theirs.at - timedelta(seconds=1)]
            if (
                name not in TWO_WAY
                and theirs.value is None
                and all(one.who == "person" for one in written[:index])
            ):
                continue  # Empty before we ever wrote it: the first read finds nothing wrong.
            before_us = world.imported is None or theirs.at <= world.imported
            if name in {"Created", "Updated"} and before_us and not _has_task(rows, theirs.at):
                continue  # the first import takes them over
            if _may_be_of_a_type_that_changed(world, name, theirs) or any(
                _stands(row, name, theirs.value) for row in since
            ):
                continue
            if any(row["reason"] == "unseen" and name in row["property"] for row in since):
                world.happened["edit overwritten unseen, and recorded"] += 1
                continue
            if _asked_before(written[:index], theirs):
                world.happened["the same wish again, before we knew that we had answered it"] += 1
                continue
            if not (
                theirs.kept or after.knew or reported.of(page_id, name, theirs, after, written)
            ):
                world.happened["edit overwritten, and nobody told us"] += 1
                continue
            found.append(
                f"card {page_id[:8]}: {name} {theirs.value!r} of {theirs.at:%d %H:%M:%S.%f} "
                f"became {after.value!r} at {after.at:%d %H:%M:%S.%f} and stands nowhere"
            )
    return found


def _may_be_of_a_type_that_changed(world: World, name: str, theirs: Written) -> bool:
    """Whether an emptied Priority looks like one that a change of its type had emptied."""
    changes = ("a_type_changes", "a_type_changes_under_our_hands", "a_column_is_deleted")
    is_emptied = name == "Priority" and theirs.value is None
    return is_emptied and any(world.happened[change] for change in changes)


def _asked_before(written: list[Written], theirs: Written) -> bool:
    """Whether the same value was asked for before and no successful write of ours followed."""
    for entry in reversed(written):
        if entry.value == theirs.value and entry.who == "person":
            return True
        if entry.who not in {"person", "schema"} and entry.sure and entry.well:
            return False
    return False


def _has_task(rows: list[Any], at: datetime) -> bool:
    lives = [
        row["action"] for row in rows if row["action"] in {"created", "deleted"} and row["at"] <= at
    ]
    return bool(lives) and lives[-1] == "created"


def _stands(row: Any, name: str, value: str | None) -> bool:
    if row["action"] == "created" and name == "Status":
        return same(name, row["new_value"], value)
    if row["property"] != name:
        return False
    if row["lost_value"] is not None or row["action"] in {"refused", "overruled"}:
        return row["lost_value"] == value or same(name, row["lost_value"], value)
    return same(name, row["new_value"], value) or same(name, row["old_value"], value)


def every_refusal_is_recorded(cards: dict[str, Any], history: list[Any]) -> list[str]:
    """With the value that its sentence names."""
    lost: dict[str, list[str]] = {}
    for row in history:
        if row["action"] in {"refused", "overruled", "put_back"}:
            lost.setdefault(row["notion_page_id"], []).append(row["lost_value"] or "")
    return [
        f"card {page_id[:8]} tells of a refusal that stands nowhere: {card['rejection']!r}"
        for page_id, card in cards.items()
        if card["rejection"]
        and not any(
            f"“{value}”" in card["rejection"] or not value for value in lost.get(page_id, [])
        )
    ]
