"""push: the board shows what the database holds.

Every 60 s, never two at once: sweep, drain the inbox, then write every card that differs. Goes on
while there is a backlog; the runs that fall due meanwhile finish as superseded. Needs DATABASE_URL
and NOTION_API_TOKEN. Safe to run twice: what needs pushing is a query.
"""

from __future__ import annotations

from prefect import flow

from flows.runtime.run_api import (
    OTHER_CYCLE,
    STARTED_LATE,
    is_superseded,
    publish_table,
    rename_run,
)
from flows.runtime.run_context import recorded
from flows.runtime.run_table import table_of_changes
from tasks.board.followed import followed_board
from tasks.runtime.context import Context, connections
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.sync.cycle import INTERVAL, cycle
from tasks.sync.push import dry_run as differences
from tasks.sync.safety_stop import confirm as remember_confirmation


@flow(name="push", flow_run_name="push", persist_result=False)
async def push(confirm: bool = False, dry_run: bool = False) -> None:  # noqa: FBT001, FBT002 - parameters
    """One cycle, unless it is too late for it or another one is under way.

    Args:
        confirm: go on with the cards that a safety stop holds back; if there are none, with the
            next ones.
        dry_run: write nothing; a table of the run shows what a cycle would write, card by card.
    """
    if dry_run:
        await _show_differences(connections())
        return
    if confirm:
        await remember_confirmation(connections())
    if is_superseded(INTERVAL):
        await rename_run(STARTED_LATE)
        return
    async with recorded("push") as run, one_at_a_time(run.ctx, Lock.PUSH) as mine:
        if mine:
            await cycle(run.ctx, run.report, run.correlation_id)
    if not mine:
        await rename_run(OTHER_CYCLE)


async def _show_differences(ctx: Context) -> None:
    changes = await differences(ctx, await followed_board(ctx))
    table = await table_of_changes(ctx, changes)
    await publish_table("push-dry-run", table, "What a cycle would write; nothing was written.")
    await rename_run(f"{len(changes)} cards differ; nothing was written")
