"""One push cycle: take in what people did, then show what the database holds."""

from __future__ import annotations

from datetime import timedelta

from models.sync_state import CONFIRMED, LAST_GOOD_CYCLE, forget, remember
from tasks.board import bot_id, followed_board
from tasks.connections import Connections
from tasks.importing import import_cards
from tasks.ingest import drain_inbox
from tasks.locks import Lock, one_at_a_time
from tasks.presence import look_for_missing, read_again
from tasks.push import push_pending
from tasks.report import Report
from tasks.storing import Reader
from tasks.sweep import sweep

INTERVAL = timedelta(seconds=60)
"""How often a cycle is due (spec 3.1), as `prefect.yaml` says; and how often a long one looks up from its backlog."""


async def cycle(on: Connections, report: Report, correlation_id: str | None) -> None:
    """Make board and database equal: take in what people did, then show what the database holds.

    Raises:
        GiveUp: when only a human can mend what stops it.
        NotionUnavailable: when Notion does not answer well; the next cycle sees the same differences.
    """
    backlog, swept = True, None
    while backlog:
        reader = Reader(board=await followed_board(on), bot_id=await bot_id(on), correlation_id=correlation_id)
        swept = await sweep(on, reader, report, since=swept)
        if swept is None:
            if not await first_import(on, report):
                return
            # What people did during the import must be known before anything is written over it.
            swept = await sweep(on, reader, report)
        await drain_inbox(on, report)
        await read_again(on, reader, report)
        await look_for_missing(on, reader, report)
        backlog = await push_pending(on, reader, report, until=on.clock() + INTERVAL)
        async with on.sessions.begin() as session:
            # A backlog that is worked through may take hours; each look up from it shows that all is well.
            await remember(session, LAST_GOOD_CYCLE, moment=on.clock())
            if not backlog:
                await forget(session, CONFIRMED)


async def first_import(on: Connections, report: Report) -> bool:
    """Import the board before the first cycle; False when somebody else is at it."""
    async with one_at_a_time(on, Lock.IMPORT) as mine:
        if mine:
            await import_cards(on, report)
    return mine
