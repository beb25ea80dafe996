"""Write the Preview of a card: pictures at the first gate, the film at the second.

The pictures are one contact sheet where a distribution makes one (entry point
`showrunner.contact_sheets`), else themselves. Files that an editor put there stay.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import structlog

from models.errors import NotionAuthError, NotionPageNotFound, NotionRejected, NotionUnavailable
from models.production.steps import PieceKind
from models.rules.board_schema import Property
from models.sync.pieces.page import uploaded, with_files
from models.tables.production.card_previews import CardPreview, DuePreview, held_preview
from models.tables.production.piece_queries import pieces_of
from models.tables.production.pieces import Piece
from tasks.runtime.context import Context
from tasks.sync.pieces.files import FileHere, FileRefused, file_here, upload
from tasks.sync.pieces.one_page import files_on
from tasks.sync.pieces.shown import Shown

log = structlog.get_logger("showrunner.pieces")

CONTACT_SHEETS: Final = "showrunner.contact_sheets"
"""Entry points: functions `(pictures: Mapping[int, Path], sheet: Path) -> None`, by scene."""
_PICTURES_MAX: Final = 20
"""Pictures that are attached when nothing makes a contact sheet."""


@dataclass(frozen=True)
class PreviewWriter:
    """Writes the Preview of cards, and counts in `shown` what it did."""

    ctx: Context
    prop: Property
    shown: Shown

    async def write(self, due: DuePreview) -> None:
        """Attach what is to be looked at, unless the card shows it already.

        Raises:
            NotionAuthError, NotionUnavailable: what concerns all cards alike.
        """
        try:
            await self._write(due)
        except (NotionRejected, NotionPageNotFound, OSError) as error:
            await self.failed(due, str(error))
        except (NotionAuthError, NotionUnavailable) as error:
            await self.failed(due, str(error))
            if isinstance(error, NotionAuthError) or not error.concerns_one_request:
                raise

    async def failed(self, due: DuePreview, error: str) -> None:
        """Store why a Preview could not be written."""
        async with self.ctx.sessions.begin() as session:
            row = await held_preview(session, due.task_id)
            if row is not None:
                row.failed(error, self.ctx.clock())
        self.shown.failed += 1
        log.warning("preview_failed", task_id=str(due.task_id), error=error)

    async def _write(self, due: DuePreview) -> None:
        async with self.ctx.sessions() as session:
            pieces = await pieces_of(session, due.task_id)
            row = await session.get(CardPreview, due.task_id)
        if row is None:
            return
        film = await self._film(pieces)
        if film is not None and film.sha256 != row.refused_sha256:
            try:
                await self._attach(due, row, f"film {film.sha256}", [film])
            except FileRefused:
                await self._store(due, refused_sha256=film.sha256)
            else:
                return
        await self._pictures(due, row, pieces)

    async def _film(self, pieces: Sequence[Piece]) -> FileHere | None:
        films = [one for one in pieces if one.kind == PieceKind.FILM and one.state == "done"]
        return await self._here(films[0]) if films else None

    async def _pictures(self, due: DuePreview, row: CardPreview, pieces: Sequence[Piece]) -> None:
        found = {one.position: await self._here(one) for one in _latest_pictures(pieces)}
        pictures = {scene: file for scene, file in found.items() if file is not None}
        if not pictures:
            await self._store(due, shown=due.changes)
            return
        hashes = "".join(file.sha256 for file in pictures.values())
        whole = hashlib.sha256(hashes.encode()).hexdigest()
        content = f"pictures {whole}"
        if row.content == content:
            await self._store(due, shown=due.changes)
            return
        with TemporaryDirectory(prefix="showrunner-sheet-") as folder:
            files = await _sheet(pictures, Path(folder), whole)
            try:
                await self._attach(due, row, content, files)
            except FileRefused as error:
                await self.failed(due, str(error))

    async def _here(self, piece: Piece) -> FileHere | None:
        root, name = self.ctx.settings.production_folder, f"{piece.kind}-{piece.position:02}"
        return await file_here(root, piece.path, piece.sha256, name)

    async def _attach(
        self, due: DuePreview, row: CardPreview, content: str, files: Sequence[FileHere]
    ) -> None:
        """Put files into Preview in the place of ours; people's own stay."""
        if row.content == content:
            await self._store(due, shown=due.changes)
            return
        items: list[dict[str, Any]] = []
        for file in files:
            items.append(uploaded(await upload(self.ctx, file), file.name))
            self.shown.files += 1
        names = [file.name for file in files]
        # Stored before the write: after a lost answer these are ours too.
        await self._store(due, file_names=sorted({*row.file_names, *names}))
        page = await self.ctx.notion.get_page(due.card_id)
        present = files_on(page, self.prop.id)
        body = with_files(present, (*row.file_names, *names), items)
        await self.ctx.notion.update_page(due.card_id, {self.prop.id: body})
        async with self.ctx.sessions.begin() as session:
            stored = await held_preview(session, due.task_id)
            if stored is not None:
                stored.content, stored.file_names = content, names
                stored.succeeded(due.changes)
        self.shown.previews += 1

    async def _store(self, due: DuePreview, **columns: Any) -> None:
        async with self.ctx.sessions.begin() as session:
            row = await held_preview(session, due.task_id)
            if row is not None:
                for name, value in columns.items():
                    setattr(row, name, value)


def _latest_pictures(pieces: Sequence[Piece]) -> list[Piece]:
    """The latest picture of each scene: composites, or the images when there is no composite."""
    for kind in (PieceKind.COMPOSITE, PieceKind.IMAGE):
        latest: dict[int, Piece] = {}
        for one in pieces:  # the latest round first
            if one.kind == kind and one.state == "done":
                latest.setdefault(one.position, one)
        if latest:
            return [latest[position] for position in sorted(latest)]
    return []


async def _sheet(pictures: Mapping[int, FileHere], folder: Path, whole: str) -> Sequence[FileHere]:
    """One contact sheet of the pictures; the pictures themselves when nothing makes one."""
    makers = list(entry_points(group=CONTACT_SHEETS))
    if len(pictures) == 1 or not makers:
        return list(pictures.values())[:_PICTURES_MAX]
    sheet = folder / "contact-sheet.jpg"
    paths = {scene: file.path for scene, file in pictures.items()}
    await asyncio.to_thread(makers[0].load(), paths, sheet)
    return [FileHere(path=sheet, sha256=whole, name=f"contact-sheet-{whole[:12]}.jpg")]
