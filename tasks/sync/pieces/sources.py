"""The databases of the pieces: read once an hour, and after something was refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from models.errors import NotionPageNotFound, NotionRejected
from models.rules.board_schema import Board
from models.sync.pieces.source import PieceSource, read_source, relations_of, target_of
from models.tables.sync_state import PIECE_SOURCES, forget, get_moment, get_value, remember
from tasks.runtime.context import Context

READ_AGAIN_AFTER: Final = timedelta(hours=1)


async def piece_sources(ctx: Context, board: Board) -> Mapping[str, PieceSource]:
    """The databases that pages can be made in, by the card's relation.

    They are those that the board's relations lead to now. A database that Notion does not show us,
    or that lacks the marker, is left out: `showrunner board check` says so.
    """
    known = await known_sources(ctx)
    if known is None:
        known = await _read(ctx, board)
    return {name: source for name, source in known.items() if source.is_usable}


async def known_sources(ctx: Context) -> Mapping[str, PieceSource] | None:
    """The databases as they were read last; None when they are to be read anew."""
    async with ctx.sessions() as session:
        stored = await get_value(session, PIECE_SOURCES)
        seen = await get_moment(session, PIECE_SOURCES)
    if stored is None or seen is None or ctx.clock() - seen >= READ_AGAIN_AFTER:
        return None
    return {name: PieceSource.from_json(value) for name, value in stored.items()}


async def _read(ctx: Context, board: Board) -> dict[str, PieceSource]:
    async with ctx.sessions() as session:
        stored = await get_value(session, PIECE_SOURCES) or {}
    raw = await ctx.notion.get_data_source(board.data_source_id)
    found = {}
    for name, relation in relations_of(raw, board.ids).items():
        try:
            target = await ctx.notion.get_data_source(target_of(relation))
        except (NotionPageNotFound, NotionRejected):
            continue
        if not target.get("in_trash"):
            ids = _ids(stored.get(name), str(target["id"]))
            found[name] = read_source(target, relation, board.data_source_id, ids)
    async with ctx.sessions.begin() as session:
        value = {name: source.as_json() for name, source in found.items()}
        await remember(session, PIECE_SOURCES, value=value, moment=ctx.clock())
    return found


def _ids(stored: Mapping[str, object] | None, source_id: str) -> dict[str, str]:
    """The known ids of a database's properties, unless the relation leads to another one now."""
    if stored is None:
        return {}
    known = PieceSource.from_json(stored)
    return dict(known.ids) if known.data_source_id == source_id else {}


async def read_anew(ctx: Context) -> None:
    """Have the databases read at the next run, because one of them refused something."""
    async with ctx.sessions.begin() as session:
        stored = await get_value(session, PIECE_SOURCES)
        if stored is not None:
            await remember(session, PIECE_SOURCES, value=stored, moment=None)


async def forget_sources(ctx: Context) -> None:
    """Forget the databases, with the ids that their properties are known by."""
    async with ctx.sessions.begin() as session:
        await forget(session, PIECE_SOURCES)
