"""Write the page of one piece: each page is made once, whichever process dies when.

That a page is about to be asked for is committed first. If the answer was lost, the database is
searched for the piece's id before a page is asked for again (as for cards: `push.new_cards`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from models.errors import (
    NotionAuthError,
    NotionIntegrationError,
    NotionPageNotFound,
    NotionRejected,
    NotionUnavailable,
    NotionWriteUncertain,
)
from models.production.steps import PieceKind
from models.sync.pieces.page import (
    changed_values,
    page_body,
    page_values,
    uploaded,
    values_shown,
    with_files,
)
from models.sync.pieces.source import BACK, FILE, MARKER, RELATION_OF, PieceSource
from models.tables.production.piece_pages import DuePiece, PiecePage, held_page
from tasks.runtime.context import Context
from tasks.sync.pieces.files import FileHere, FileRefused, file_here, size_of, upload
from tasks.sync.pieces.shown import Shown
from tasks.sync.pieces.sources import read_anew
from tasks.sync.push.new_cards import GIVEN_UP

log = structlog.get_logger("showrunner.pieces")


@dataclass(frozen=True, kw_only=True)
class _File:
    """What a page is to show of a piece's file.

    Attributes:
        note: a sentence when the file itself is not shown.
        item: the file as an item of the page's property; None when it is there, or is none.
        columns: what to store once the page shows it.
    """

    note: str = ""
    item: Mapping[str, Any] | None = None
    columns: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class PageWriter:
    """Writes the pages of pieces, and counts in `shown` what it did."""

    ctx: Context
    sources: Mapping[str, PieceSource]
    shown: Shown

    async def write(self, piece: DuePiece) -> None:
        """Make the page of a piece, or write what it does not show yet.

        An error that concerns this piece alone is stored with it, and its next try is delayed.

        Raises:
            NotionAuthError, NotionUnavailable: what concerns all pages alike.
        """
        row = await self._row(piece)
        if row is None:
            return
        try:
            if row.notion_page_id is None and row.sent_at is not None:
                await self._search(piece, row)
                return
            file = await self._file(piece, row)
            values = page_values(piece, file.note)
            if row.notion_page_id is None:
                await self._make(piece, values, file)
            else:
                await self._change(piece, row, values, file)
        except NotionWriteUncertain as error:
            # Of a page that was asked for, `sent_at` stays: it is searched for.
            await self.failed(piece, str(error))
        except NotionUnavailable as error:
            if not error.concerns_one_request:
                raise
            await self.failed(piece, str(error))
        except NotionAuthError as error:
            await self.failed(piece, str(error))
            raise
        except (NotionRejected, NotionPageNotFound, OSError, ValueError) as error:
            await self.failed(piece, str(error))
            await read_anew(self.ctx)

    async def failed(self, piece: DuePiece, error: str) -> None:
        """Store why a page could not be written."""
        async with self.ctx.sessions.begin() as session:
            row = await held_page(session, piece.id)
            if row is not None:
                row.failed(error, self.ctx.clock())
        self.shown.failed += 1
        log.warning("piece_page_failed", piece_id=str(piece.id), error=error)

    def _source(self, piece: DuePiece) -> tuple[str, PieceSource]:
        name = RELATION_OF[PieceKind(piece.kind)]
        return name, self.sources[name]

    async def _row(self, piece: DuePiece) -> PiecePage | None:
        async with self.ctx.sessions() as session:
            return await session.get(PiecePage, piece.id)

    async def _store(self, piece: DuePiece, **columns: Any) -> None:
        async with self.ctx.sessions.begin() as session:
            row = await held_page(session, piece.id)
            if row is None:
                return
            for name, value in columns.items():
                setattr(row, name, value)

    async def _search(self, piece: DuePiece, row: PiecePage) -> None:
        """Look for a page whose request got no answer; after a while it counts as not made."""
        name, source = self._source(piece)
        marker = source.table.properties[MARKER]
        filter_ = {"property": marker.id, "rich_text": {"equals": str(piece.id)}}
        answer = await self.ctx.notion.query_database(source.data_source_id, filter_=filter_)
        if answer["results"]:
            page = answer["results"][0]["id"]
            columns = {"notion_page_id": page, "relation": name, "is_related": source.two_way}
            # Nothing counts as written: what it shows is written once more.
            await self._store(piece, sent_at=None, next_attempt_at=None, **columns)
            return
        now, sent_at = self.ctx.clock(), row.sent_at or self.ctx.clock()
        if now - sent_at >= GIVEN_UP:
            await self._store(piece, sent_at=None, next_attempt_at=None)
            return
        await self._store(piece, next_attempt_at=sent_at + GIVEN_UP)

    async def _file(self, piece: DuePiece, row: PiecePage) -> _File:
        """The file for a page; it is sent to Notion when its content is another one than before."""
        root = self.ctx.settings.production_folder
        called = f"{piece.kind}-{piece.position:02}"
        here = await file_here(root, piece.path, piece.sha256, called)
        if here is None:
            return _File(note=_elsewhere(piece))
        if not self._source(piece)[1].table.properties.get(FILE):
            return _File()
        if here.sha256 == row.refused_sha256:
            return _File(note=_refused(here, piece))
        if here.sha256 == row.file_sha256:
            return _File()
        try:
            upload_id = await upload(self.ctx, here)
        except FileRefused:
            return _File(note=_refused(here, piece), columns={"refused_sha256": here.sha256})
        self.shown.files += 1
        columns = {"file_sha256": here.sha256, "file_name": here.name, "refused_sha256": None}
        return _File(item=uploaded(upload_id, here.name), columns=columns)

    async def _make(self, piece: DuePiece, values: Mapping[str, Any], file: _File) -> None:
        name, source = self._source(piece)
        body = page_body(values, source.table)
        if file.item is not None:
            body[source.table.properties[FILE].id] = {"files": [file.item]}
        await self._store(piece, sent_at=self.ctx.clock())
        try:
            page = await self.ctx.notion.create_page(source.data_source_id, body)
        except NotionWriteUncertain:
            raise
        except NotionIntegrationError:
            await self._store(piece, sent_at=None)  # surely no page was made
            raise
        two_way = source.two_way and BACK in source.table.properties
        columns = {"notion_page_id": page["id"], "relation": name, "is_related": two_way}
        await self._shown(piece, values, {**file.columns, **columns, "sent_at": None})
        self.shown.made += 1

    async def _change(
        self, piece: DuePiece, row: PiecePage, values: Mapping[str, Any], file: _File
    ) -> None:
        page_id, source = str(row.notion_page_id), self._source(piece)[1]
        body = page_body(changed_values(values, row.written), source.table)
        try:
            if file.item is not None:
                prop = source.table.properties[FILE]
                page = await self.ctx.notion.get_page(page_id)
                present = files_on(page, prop.id)
                # After a lost answer the page may hold this very file already.
                ours = [name for name in (row.file_name, file.item["name"]) if name]
                body[prop.id] = with_files(present, ours, [file.item])
            if body:
                await self.ctx.notion.update_page(page_id, body)
                self.shown.changed += 1
        except (NotionRejected, NotionPageNotFound):
            if not await is_gone(self.ctx, page_id):
                raise
            # People threw it away: it is not made again.
            await self._store(piece, trashed_at=self.ctx.clock())
            return
        await self._shown(piece, values, file.columns)

    async def _shown(
        self, piece: DuePiece, values: Mapping[str, Any], columns: Mapping[str, Any]
    ) -> None:
        async with self.ctx.sessions.begin() as session:
            row = await held_page(session, piece.id)
            if row is None:
                return
            for name, value in columns.items():
                setattr(row, name, value)
            table = self._source(piece)[1].table
            row.written = {**row.written, **values_shown(values, table)}
            row.succeeded(piece.changes)


def _elsewhere(piece: DuePiece) -> str:
    """Where a file is that is not among ours; empty for a piece without one."""
    if piece.path is None:
        return ""
    if piece.own:
        return (
            f"Its file is no longer there: {piece.path}. Put it back, or reject this scene to have "
            "it made anew."
        )
    return f"Its file is with its worker: {piece.path}."


def _refused(file: FileHere, piece: DuePiece) -> str:
    return f"The workspace does not take this file ({size_of(file)}). It is here: {piece.path}."


def files_on(page: Mapping[str, Any], property_id: str) -> list[dict[str, Any]]:
    """The items of a files property of a page; empty when it has none."""
    found = (prop for prop in page["properties"].values() if prop["id"] == property_id)
    return list((next(found, None) or {}).get("files") or ())


async def is_gone(ctx: Context, page_id: str) -> bool:
    """Whether a page is in the trash, or is not found."""
    try:
        page = await ctx.notion.get_page(page_id)
    except NotionPageNotFound:
        return True
    return bool(page.get("in_trash"))
