"""Decide whether a 403 concerns one page, or the connection may write no page at all.

Notion answers both alike, and shows a connection's capabilities nowhere. What decides is whether
another page can be written: by this run's own writes or, without one, by an update of another page
that names no property.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from models.errors import NotionForbidden, NotionPageNotFound, NotionRejected, NotionUnavailable
from models.tables.card_queries import others_to_write
from tasks.runtime.context import Context

SEVERAL: Final = 3
"""Different pages refused in a row after which an earlier write proves nothing any more.

Also the most pages that are tried.
"""

log = structlog.get_logger("showrunner.push")


class RefusalJudge:
    """Judges the refused writes of one step by the writes between them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._refused: set[str] = set()
        self._writes_work = False
        self._judging = asyncio.Lock()

    def written(self) -> None:
        """Note that a page was written."""
        self._writes_work = True
        self._refused.clear()

    async def judge(self, page_id: str, refusal: NotionForbidden) -> None:
        """Return when the refusal concerns this page alone.

        Raises:
            NotionForbidden: the refusal itself, when it concerns all pages.
            NotionAuthError, NotionUnavailable: from the attempt to write another page.
        """
        async with self._judging:
            self._refused.add(page_id)
            if self._writes_work and len(self._refused) < SEVERAL:
                return
            self._writes_work = False
            if await self._nothing_can_be_written():
                raise refusal
            self.written()

    async def _nothing_can_be_written(self) -> bool:
        """Whether no other page can be written; also True when there is no other page."""
        async with self._ctx.sessions() as session:
            others = await others_to_write(session, sorted(self._refused), limit=SEVERAL)
        refused = not others
        for page_id in others:
            try:
                await self._ctx.notion.update_page(page_id, {})
            except NotionForbidden:
                refused = True
            except (NotionRejected, NotionPageNotFound):
                continue  # the page is deleted, which proves nothing
            except NotionUnavailable as error:
                if not error.concerns_one_request:
                    raise
            else:
                return False
        log.warning("writes_refused", refused=len(self._refused), tried=len(others))
        return refused
