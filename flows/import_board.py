"""import-board: reads a whole existing board into the database, a hundred cards a request.

Started by hand, by `showrunner import`, and by the first push cycle itself. It continues where an
interrupted import stopped, and writes nothing to the board. It needs DATABASE_URL and
NOTION_API_TOKEN. It is safe to run twice: known cards are compared, new ones added, and cards that
the board no longer shows are read by id.

Tasks of a run: `validate_cards` and `store_cards`, one pair per portion (`tasks.sync.store`).
"""

from __future__ import annotations

from prefect import flow

from flows.runs.api import OTHER_IMPORT, rename_run
from flows.runs.context import recorded
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.sync.import_board import import_cards
from tasks.sync.safety_stop import take_board as take_statuses


@flow(name="import-board", flow_run_name="import-board", persist_result=False)
async def import_board(take_board: bool = False) -> None:  # noqa: FBT001, FBT002 - a parameter
    """Read every card of the board.

    Args:
        take_board: then take the board's statuses for cards that a safety stop holds back.
    """
    async with recorded("import") as run, one_at_a_time(run.ctx, Lock.IMPORT) as acquired:
        if acquired:
            await import_cards(run.ctx, run.report)
            if take_board:
                taken = await take_statuses(run.ctx, run.correlation_id)
                run.report.taken += taken.taken
    if not acquired:
        await rename_run(OTHER_IMPORT)
