"""check-board: compares the board with what it should be; a table of the run shows the differences.

Started by hand, or by `showrunner board check`. It writes nothing to the board. It needs
DATABASE_URL, NOTION_API_TOKEN and NOTION_DATABASE_ID. It is safe to run at any time.

Tasks of a run: `compare_board`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from prefect import flow

from flows.runs.api import publish_table, rename_run
from flows.runs.table import as_markdown
from models.board.drift import drift
from models.board.drift_kinds import Drift, Severity
from models.errors import SettingsError
from models.rules.formatting import counted
from tasks.board.snapshot import BoardAccess, take_snapshot, with_notes
from tasks.runtime.context import Context, connections
from tasks.runtime.prefect_task import step

TABLE = "board-check"
"""Key of the table; it has a row per difference, and none when there are none."""
AS_IT_SHOULD_BE = "the board is as it should be"


@flow(name="check-board", flow_run_name="check-board", persist_result=False)
async def check_board() -> None:
    """Compare the board with what it should be; name the run after what was found."""
    found, address = await compare_board(connections())
    rows = [as_markdown(_row(one)) for one in found]
    await publish_table(TABLE, rows, f"The board: {address}")
    await rename_run(summary(found))


@step("compare_board", holds="compare the board with what it should be")
async def compare_board(ctx: Context) -> tuple[list[Drift], str]:
    """Read the board; return its differences, the worst first, and its address."""
    settings = ctx.settings
    if settings.notion_database_id is None:
        raise SettingsError("NOTION_DATABASE_ID is not set: it names the board to compare.")
    access = BoardAccess(
        notion=ctx.notion,
        channels=tuple(await ctx.channels()),
        sessions=ctx.sessions,
        data_source=settings.notion_data_source,
    )
    snapshot = await with_notes(access, await take_snapshot(access, settings.notion_database_id))
    return list(drift(snapshot)), str((snapshot.database or {}).get("url", ""))


def summary(found: Sequence[Drift]) -> str:
    """The run's name, e.g. `3 differences: 1 stops the sync, 2 cosmetic`."""
    if not found:
        return AS_IT_SHOULD_BE
    counts = Counter(one.severity for one in found)
    by_severity = ", ".join(f"{counts[each]} {each}" for each in Severity if counts[each])
    return f"{counted(len(found), 'difference')}: {by_severity}"


def _row(one: Drift) -> dict[str, Any]:
    return {name: value or "" for name, value in asdict(one).items()}
