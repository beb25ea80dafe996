"""push: the board shows what the database holds.

Every 60 s, never two at once: read what was edited since the last sweep, drain the inbox, then
write every card that differs. It continues while there is a backlog; the runs that fall due
meanwhile finish as superseded. It needs DATABASE_URL and NOTION_API_TOKEN. It is safe to run twice:
what needs pushing is a query.

Tasks of a run: those of `flows.ingest` and `flows.import_board` for what the sweep and the inbox
show, `make_cards` for new tasks, and `push_cards` (`tasks.sync.cycle` has their order). A cycle
without work has none, a dry run has `show_differences`.
"""

from __future__ import annotations

from contextlib import suppress

from prefect import flow

from flows.runs.api import (
    OTHER_CYCLE,
    STARTED_LATE,
    is_superseded,
    publish_table,
    rename_run,
)
from flows.runs.context import recorded
from flows.runs.pieces import request_show_pieces
from flows.runs.table import table_of_changes
from models.rules.formatting import counted
from models.tables.sync_state import FAILED_CYCLE, LAST_GOOD_CYCLE, get_moment
from tasks.alerts import AWAY, database
from tasks.board.followed import followed_board
from tasks.runtime.context import Context, connections
from tasks.runtime.locks import Lock, one_at_a_time
from tasks.runtime.prefect_task import step
from tasks.sync.cycle import INTERVAL, cycle
from tasks.sync.push.all_cards import dry_run as pending_changes
from tasks.sync.safety_stop import confirm as remember_confirmation


@flow(name="push", flow_run_name="push", persist_result=False)
async def push(dry_run: bool = False, confirm: bool = False) -> None:  # noqa: FBT001, FBT002 - parameters
    """Run one cycle, unless another one is under way, or this one is late and one just ended.

    Args:
        dry_run: write nothing. A table of the run shows what a cycle would write, card by card.
        confirm: continue with the cards that a safety stop holds back. If there are none, the
            confirmation is kept for the next ones.
    """
    if dry_run:
        await show_differences(connections())
        return
    if confirm:
        await remember_confirmation(connections())
    if is_superseded(INTERVAL) and await ended_lately(connections()):
        await rename_run(STARTED_LATE)
        return
    async with recorded("push") as run, one_at_a_time(run.ctx, Lock.PUSH) as acquired:
        if acquired:
            await cycle(run.ctx, run.report, run.correlation_id)
    if acquired:
        await request_show_pieces(run.ctx)
    else:
        await rename_run(OTHER_CYCLE)


async def ended_lately(ctx: Context) -> bool:
    """Whether a cycle ended within the last interval, successful or not.

    On a machine where every run starts late, one a minute must still do the work.
    """
    with suppress(*AWAY):
        async with database(ctx) as session:
            ended = [await get_moment(session, key) for key in (LAST_GOOD_CYCLE, FAILED_CYCLE)]
        return any(one is not None and abs(ctx.clock() - one) <= INTERVAL for one in ended)
    return False


@step("show_differences", holds="compare database and board")
async def show_differences(ctx: Context) -> None:
    """Publish a table of what a cycle would write, and name the run after it."""
    changes = await pending_changes(ctx, await followed_board(ctx))
    table = await table_of_changes(ctx, changes)
    await publish_table("push-dry-run", table, "What a cycle would write; nothing was written.")
    await rename_run(f"{counted(len(changes), 'card')} would change; nothing was written")
