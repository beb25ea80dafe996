"""Print what the board's commands made, found different and repaired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cli.output.text import Grid, say, show, styled
from models.board.drift_kinds import Drift, Severity
from models.board.snapshot import BoardSnapshot
from models.rules.board_schema import OPTIONAL_RELATIONS
from models.rules.formatting import counted
from models.rules.notion_ids import bare_id
from tasks.board.create import MadeBoard
from tasks.board.repair import Repair

_COLOURS = {
    Severity.STOPS: "red",
    Severity.LOSES: "yellow",
    Severity.EXCLUDES: "yellow",
    Severity.COSMETIC: "cyan",
    Severity.NOTE: "dim",
}


def print_made(made: MadeBoard) -> None:
    """Print what was made, links to it, and what to set."""
    _print_parts(made)
    say()
    show(_links(made.snapshot))
    if made.refused:
        say()
        print_refused(made.refused)
    if not made.new and made.left:
        say(f"\nIt differs in {len(made.left)} other points: `showrunner board check` shows them.")
    say("\nPut this into .env:")
    say(f"NOTION_DATABASE_ID={made.database_id}")


def _print_parts(made: MadeBoard) -> None:
    if made.new:
        say("Made the board.")
        return
    if not made.added:
        say("The board was there.")
        return
    say("The board was there. Added to it:")
    for one in made.added:
        say(f"  {one.part} {one.about}: {one.wrong}")


def _links(snapshot: BoardSnapshot) -> Grid:
    table = Grid(show_header=False)
    database = snapshot.database or {}
    title = "".join(part.get("plain_text", "") for part in database.get("title", ()))
    table.add_row("board", title, str(database.get("url", "")))
    for plan in snapshot.plans:
        view = snapshot.planned_views.get(plan.key)
        if view is not None:
            table.add_row("view", view["name"], str(view.get("url", "")))
    for name in OPTIONAL_RELATIONS:
        target = snapshot.property(name)
        if target is not None and target["type"] == "relation":
            relation = target["relation"]
            link = relation.get("database_id") or relation["data_source_id"]
            table.add_row("relation", name, f"https://www.notion.so/{bare_id(str(link))}")
    return table


def print_check(found: Sequence[Drift], address: str | None) -> None:
    """Print a row per difference, the worst first, and the board's address."""
    if not found:
        say("The board is as it should be.")
        return
    show(_table(found))
    counts = Counter(one.severity for one in found)
    by_severity = ", ".join(f"{counts[each]} {each}" for each in Severity if each in counts)
    mendable = sum(one.repair_action is not None for one in found)
    say(f"{counted(len(found), 'difference')}: {by_severity}.")
    if mendable:
        say(f"`showrunner board repair` mends {mendable} of them.")
    if address:
        say(f"board  {address}")


def _table(found: Sequence[Drift]) -> Grid:
    table = Grid(padding=(0, 2, 1, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(max_width=110)
    for one in found:
        kind = styled((one.severity, _COLOURS[one.severity]), f"\n{one.slug}")
        table.add_row(kind, f"{one.wrong}\nbreaks: {one.breaks}\nmends it: {one.cure}")
    return table


def print_repair(done: Repair) -> None:
    """Print what was repaired, what Notion refused, and what only a user can repair."""
    if not (done.mended or done.refused or done.left):
        say("The board is as it should be: nothing to mend.")
        return
    if done.mended:
        say(f"Mended {len(done.mended)}.")
    else:
        say("There was nothing to mend here.")
    for one in done.mended:
        say(f"  {one.slug}: {one.wrong}")
    if done.followed:
        say(f"Then also {len(done.followed)}, which came up with that:")
    for one in done.followed:
        say(f"  {one.slug}: {one.wrong}")
    if done.refused:
        say()
        print_refused(done.refused)
    if done.left:
        say("\nLeft to you:\n")
        show(_table(done.left))


def print_refused(refused: Sequence[tuple[Drift, str]]) -> None:
    """Print what Notion refused, each with its reason."""
    say(f"Notion did not take {len(refused)}:")
    for one, reason in refused:
        say(f"  {one.slug}: {one.wrong} {reason}")
