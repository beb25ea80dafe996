"""show-pieces: the board shows what was made, as far as other requests leave room.

`push` asks for a run when something is to be shown and no run is under way; without production
there is none. It writes the Preview of cards and a page per piece, in the lowest priority, for at
most ten minutes. It needs DATABASE_URL and NOTION_API_TOKEN. It is safe to run twice.

It has no tasks: one per page would cost more than the page.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from prefect import flow

from flows.runs.api import rename_run
from tasks.alerts import deliver_alerts
from tasks.runtime.context import connections
from tasks.runtime.report import NOTHING
from tasks.sync.pieces.show import show_pieces as show

LONGEST: Final = timedelta(minutes=10)
"""Then the next run goes on: a run that is too long for its lease counts as crashed."""


@flow(name="show-pieces", flow_run_name="show-pieces", persist_result=False)
async def show_pieces() -> None:
    """Write previews and pages of pieces until none is due."""
    ctx = connections()
    shown = await show(ctx, until=ctx.clock() + LONGEST)
    await rename_run(str(shown) or NOTHING)
    await deliver_alerts(ctx)
