"""The followed board and its schema: read from Notion once, stored, and refreshed when needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from models.board.known_ids import ids_of, remember_ids
from models.errors import BoardError, NotionPageNotFound, SettingsError
from models.rules.board_schema import Board, read_board
from models.rules.notion_ids import bare_id
from models.settings import Settings
from models.tables.incidents import IncidentKind
from models.tables.notion_users import bot_of, our_bots, record_bot
from models.tables.sync_state import BEGINNING, BOARD, WATERMARK, get_moment, get_value, remember
from models.tables.webhook_event_queries import newest
from tasks.alerts import Level, resolve_alert, send_alert
from tasks.board.find import find_board
from tasks.runtime.context import Context

READ_AGAIN_AFTER = timedelta(hours=1)
"""How long the stored schema is used in a workspace that sends us events: single ones get lost."""

SANDBOX_BOARD = "board.json"
"""The file in STATE_DIR that stores the sandbox board's ids."""
BOARD_DRIFT = IncidentKind.BOARD_DRIFT
"""The incident of a board that lacks options which cards must be moved to."""
PROPERTY_TYPE = IncidentKind.PROPERTY_TYPE
"""The incident of a board with a property that is ignored because of its type."""


async def followed_board(ctx: Context) -> Board:
    """The stored board; read from Notion when it was never read, or could not be followed then.

    So a board that is repaired in Notion is followed from the next read on.

    Raises:
        SettingsError: when NOTION_DATABASE_ID is missing, or names another board than the one that
            this database follows.
        BoardError: when the board cannot be followed; see `models.rules.board_schema.read_board`.
    """
    async with ctx.sessions() as session:
        seen = await get_moment(session, BOARD)
    board = await known_board(ctx)
    return board if board is not None and seen is not None else await refreshed_board(ctx)


async def known_board(ctx: Context) -> Board | None:
    """The stored board as it last could be followed; None when it was never read.

    Raises:
        SettingsError: when NOTION_DATABASE_ID names another board than the one that this database
            follows.
    """
    async with ctx.sessions() as session:
        known = await get_value(session, BOARD)
    if known is None:
        return None
    check_same_board(known, ctx.settings)
    return Board.from_json(known["board"])


def check_same_board(known: Mapping[str, Any], settings: Settings) -> None:
    """Check that the configured board is the one that this database follows.

    Raises:
        SettingsError: when it is another one.
    """
    wanted, followed = settings.notion_database_id, str(known["database_id"])
    followed_ids = {bare_id(followed), bare_id(known["board"]["data_source_id"])}
    if wanted is None or bare_id(wanted) in followed_ids:
        return
    sandbox = _sandbox_board(settings.state_dir)
    ours = "the sandbox board" if followed == sandbox else f"the board {followed}"
    other = f"NOTION_DATABASE_ID {wanted}"
    if wanted == sandbox:
        other = "the sandbox's (NOTION_API_TOKEN is not set)"
    raise SettingsError(
        f"This folder's database belongs to {ours}, and the settings name another one: {other}. "
        "Go on with that one in a STATE_DIR of its own (or a DATABASE_URL, where you set it), "
        "or let this database forget the former: `showrunner forget-board`."
    )


def _sandbox_board(state_dir: Path) -> str | None:
    """Database id of the sandbox board that `showrunner up` created in this folder, if any."""
    try:
        return str(json.loads((state_dir / SANDBOX_BOARD).read_text())["database_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


async def board_to_write(ctx: Context) -> Board:
    """The stored board, or as it is now when the stored one may be out of date.

    Notion sends an event for each change of the schema, and an ingest run then reads the board
    again. Events may be lost, so the board is also read again once in `READ_AGAIN_AFTER`. In a
    workspace that sends us no events it is read before every push.
    """
    async with ctx.sessions() as session:
        known, seen = await get_value(session, BOARD), await get_moment(session, BOARD)
        last = await newest(session, dead=False, limit=1)
    trusted = (
        seen is not None
        and ctx.clock() - seen < READ_AGAIN_AFTER
        and any(event.received_at > seen for event in last)
    )
    if known is None or not trusted:
        return await refreshed_board(ctx)
    return Board.from_json(known["board"])


async def board_if_long_known(ctx: Context) -> Board | None:
    """The board as it is now, if it was last read longer ago than `READ_AGAIN_AFTER`; else None."""
    async with ctx.sessions() as session:
        seen = await get_moment(session, BOARD)
    if seen is not None and ctx.clock() - seen < READ_AGAIN_AFTER:
        return None
    return await refreshed_board(ctx)


async def board_after_refusal(ctx: Context) -> Board:
    """The board after Notion refused a write to it, because its schema may have changed.

    Read at most once a minute.
    """
    return await board_since(ctx, ctx.clock() - timedelta(minutes=1))


async def board_since(ctx: Context, moment: datetime) -> Board:
    """The board as it was at that moment or later; concurrent callers share one request."""
    async with ctx.board_reading:
        async with ctx.sessions() as session:
            seen = await get_moment(session, BOARD)
        if seen is not None and seen > moment:
            return await followed_board(ctx)
        return await refreshed_board(ctx)


async def refreshed_board(ctx: Context) -> Board:
    """Read the board's schema from Notion and store it.

    When a property was added or deleted, or an option was deleted, cards change without an edit. So
    the next sweep reads all of them. Missing options that the pipeline needs are alerted once, and
    resolved when the board has them again. So are properties whose type cannot be used.

    Raises:
        SettingsError, BoardError: as of `followed_board`.
    """
    async with ctx.sessions() as session:
        known = await get_value(session, BOARD)
    if known is None:
        database_id, data_source_id, before = await _find_board(ctx)
    else:
        check_same_board(known, ctx.settings)
        before = Board.from_json(known["board"])
        database_id, data_source_id = known["database_id"], before.data_source_id
    raw = await _data_source(ctx, data_source_id)
    try:
        board = read_board(raw, before)
    except BoardError:
        await _store(ctx, known, seen=None)
        raise
    value = {"database_id": database_id, "board": board.as_json()}
    reread = known != value and before is not None and board.changed_cards(before)
    await _store(ctx, value, seen=ctx.clock(), reread_cards=reread)
    await _alert_missing_options(ctx, board)
    await _alert_ignored_properties(ctx, board)
    return board


async def _store(
    ctx: Context, value: dict[str, Any] | None, *, seen: datetime | None, reread_cards: bool = True
) -> None:
    async with ctx.sessions.begin() as session:
        if value is not None:
            await remember(session, BOARD, value=value, moment=seen)
            board = Board.from_json(value["board"])
            await remember_ids(session, board.data_source_id, ids_of(board))
        if reread_cards and await get_moment(session, WATERMARK) is not None:
            await remember(session, WATERMARK, moment=BEGINNING)


async def _data_source(ctx: Context, data_source_id: str) -> dict[str, Any]:
    try:
        return await ctx.notion.get_data_source(data_source_id)
    except NotionPageNotFound as error:
        raise board_lost(data_source_id) from error


def board_lost(data_source_id: str) -> BoardError:
    """The error for a 404 for the board itself, which does not mean that its cards were deleted."""
    return BoardError(
        f"Notion does not find the board (data source {data_source_id}) any more: "
        "is it still shared with the connection (••• menu of the database, Connections), "
        "and not deleted for good? No card was marked as gone."
    )


async def _alert_missing_options(ctx: Context, board: Board) -> None:
    missing = board.missing_options()
    if not missing:
        await resolve_alert(ctx, BOARD_DRIFT)
        return
    title = "The board lacks options that the pipeline needs"
    await send_alert(ctx, Level.ERROR, BOARD_DRIFT, title, {"missing": ", ".join(missing)})


async def _alert_ignored_properties(ctx: Context, board: Board) -> None:
    if not board.ignored:
        await resolve_alert(ctx, PROPERTY_TYPE)
        return
    title = "A property of the board has a type that cannot be used"
    await send_alert(ctx, Level.ERROR, PROPERTY_TYPE, title, {"board": " ".join(board.ignored)})


async def bot_id(ctx: Context) -> str:
    """The Notion user id of our token's bot; read from Notion once per token."""
    async with ctx.sessions() as session:
        known = await bot_of(session, ctx.token)
    if known is None:
        known = str((await ctx.notion.me())["id"])
        async with ctx.sessions.begin() as session:
            await record_bot(session, ctx.token, known)
    return known


async def bot_ids(ctx: Context) -> frozenset[str]:
    """Ids of all bots whose events are echoes of our writes: of the present and former tokens."""
    await bot_id(ctx)
    async with ctx.sessions() as session:
        return await our_bots(session)


async def _find_board(ctx: Context) -> tuple[str, str, None]:
    wanted = ctx.settings.notion_database_id
    if wanted is None:
        raise SettingsError(
            "NOTION_DATABASE_ID is not set: "
            "copy the link of the board's database in Notion into it."
        )
    return *await find_board(ctx.notion, wanted, ctx.settings.notion_data_source), None
