"""Ask for a run of `show-pieces`: what `push` ends with."""

from __future__ import annotations

from typing import Final

import structlog

from flows.runs.requests import announce, request_run
from models.errors import TryAgain
from tasks.runtime.context import Context
from tasks.sync.pieces.show import is_anything_to_show

log = structlog.get_logger("showrunner.flows")

SHOW_PIECES: Final = "show-pieces/show-pieces"
ASK_EVERY: Final = 15
"""Seconds in which one run is asked for, however often pushes end."""


async def request_show_pieces(ctx: Context) -> None:
    """Ask for a run when something is to be shown. A request that fails is not repeated here."""
    if not await is_anything_to_show(ctx):
        return
    slot = int(ctx.clock().timestamp() // ASK_EVERY)
    try:
        await request_run(SHOW_PIECES, key=f"show-pieces:{slot}")
    except TryAgain as error:
        log.warning("run_not_requested", run=SHOW_PIECES, error=str(error))
    else:
        await announce(ctx)
