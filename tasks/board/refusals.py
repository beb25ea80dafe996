"""Whose refusal a 403 is: one page's, or everybody's because the connection may write nothing at all.

Notion answers both alike, and shows a connection's capabilities nowhere. So what decides is whether another page can
be written: by this run's own writes or, where they do not tell, by an update of another page that names no property.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from models.errors import NotionForbidden, NotionPageNotFound, NotionRejected, NotionUnavailable
from models.tables.card_queries import others_to_write
from tasks.runtime.context import Context

SEVERAL: Final = 3
"""Different pages refused in a row from which on an earlier write proves nothing any more; and
pages tried at most."""

log = structlog.get_logger("showrunner.push")


class RefusalJudge:
    """The refused writes of one step, and what the writes between them say about them."""

    def __init__(self, ctx: Context) -> None:
        self._on = ctx
        self._refused: set[str] = set()
        self._writes_work = False
        self._judging = asyncio.Lock()

    def written(self) -> None:
        """A page was written."""
        self._writes_work = True
        self._refused.clear()

    async def judge(self, page_id: str, refusal: NotionForbidden) -> None:
        """Return when the refusal of this page is its alone.

        Raises:
            NotionForbidden: the refusal itself, when it is everybody's.
            NotionAuthError, NotionUnavailable: what concerns all pages alike.
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
        """Whether no other page takes a write; also when there is no other page."""
        async with self._on.sessions() as session:
            others = await others_to_write(session, sorted(self._refused), limit=SEVERAL)
        refused = not others
        for page_id in others:
            try:
                await self._on.notion.update_page(page_id, {})
            except NotionForbidden:
                refused = True
            except (NotionRejected, NotionPageNotFound):
                continue  # it is in the trash, or gone: that says nothing
            except NotionUnavailable as error:
                if not error.concerns_one_request:
                    raise
            else:
                return False
        log.warning("writes_refused", refused=len(self._refused), tried=len(others))
        return refused
