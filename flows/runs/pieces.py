"""Ask for a run of `show-pieces`: what `push` ends with."""

from __future__ import annotations

from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from flows.runs.requests import announce, request_run
from models.errors import TryAgain
from tasks.runtime.context import Context
from tasks.sync.pieces.show import is_anything_to_show

log = structlog.get_logger("showrunner.flows")

SHOW_PIECES: Final = "show-pieces/show-pieces"
ASK_EVERY: Final = 15
"""Seconds in which one run is asked for, however often pushes end."""


async def request_show_pieces(ctx: Context) -> None:
    """Ask for a run if pages or previews are due. A failed request is not repeated."""
    slot = int(ctx.clock().timestamp() // ASK_EVERY)
    try:
        if await is_anything_to_show(ctx):
            await request_run(SHOW_PIECES, key=f"show-pieces:{slot}")
            await announce(ctx)
    except (TryAgain, SQLAlchemyError, OSError) as error:
        # The push itself is done; the next one asks again.
        log.warning("run_not_requested", run=SHOW_PIECES, error=type(error).__name__)
