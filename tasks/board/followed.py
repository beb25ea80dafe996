"""Which board is followed, and how it looks: asked of Notion once, remembered, and refreshed when it counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from models.board.known_ids import memory_of, note
from models.errors import BoardError, NotionPageNotFound, SettingsError
from models.rules.board_schema import Board, read_board
from models.rules.notion_ids import bare_id
from models.settings import Settings
from models.tables.notion_users import bot_of, note_bot, our_bots
from models.tables.sync_state import BEGINNING, BOARD, WATERMARK, get_moment, get_value, remember
from models.tables.webhook_events import newest
from tasks.alerts import Level, resolve_alert, send_alert
from tasks.board.find import find_board
from tasks.runtime.context import Context

LOOK_AGAIN = timedelta(hours=1)
"""How long the board's schema counts as known where Notion tells of its changes: single events get
lost."""

SANDBOX_BOARD = "board.json"
"""The file in STATE_DIR that remembers the sandbox's board."""
BOARD_DRIFT = "board_drift"
"""The incident of a board without options that cards are to be moved to."""


async def followed_board(ctx: Context) -> Board:
    """The board as last seen: no request to Notion unless it was never seen, or could not be followed then.

    Whoever mends a board that cannot be followed, and whether or not anybody tells of it, the next look shows it.

    Raises:
        SettingsError: when NOTION_DATABASE_ID is missing, or names another board than this database has followed.
        BoardError: when the board cannot be followed; see `models.rules.board_schema.read_board`.
    """
    async with ctx.sessions() as session:
        seen = await get_moment(session, BOARD)
    board = await known_board(ctx)
    return board if board is not None and seen is not None else await refreshed_board(ctx)


async def known_board(ctx: Context) -> Board | None:
    """The board as it could be followed last, whatever became of it since; None when it was never seen.

    Raises:
        SettingsError: when NOTION_DATABASE_ID names another board than this database has followed.
    """
    async with ctx.sessions() as session:
        known = await get_value(session, BOARD)
    if known is None:
        return None
    check_same_board(known, ctx.settings)
    return Board.from_json(known["board"])


def check_same_board(known: Mapping[str, Any], settings: Settings) -> None:
    """Make sure that the board that is configured is the one that this database follows.

    Raises:
        SettingsError: when it is another one.
    """
    wanted, followed = settings.notion_database_id, str(known["database_id"])
    ours = {bare_id(followed), bare_id(known["board"]["data_source_id"])}
    if wanted is None or bare_id(wanted) in ours:
        return
    sandboxes = _sandbox_board(settings.state_dir)
    theirs = "the sandbox board" if followed == sandboxes else f"the board {followed}"
    named = (
        "the sandbox's (NOTION_API_TOKEN is not set)"
        if wanted == sandboxes
        else f"NOTION_DATABASE_ID {wanted}"
    )
    raise SettingsError(
        f"This folder's database belongs to {theirs}, and the settings name another one: {named}. Go on with that one "
        "in a STATE_DIR of its own (or a DATABASE_URL, where you set it), or let this database forget the former: "
        "`showrunner forget-board`."
    )


def _sandbox_board(state_dir: Path) -> str | None:
    """The database id of the sandbox's board that `showrunner up` made in this folder."""
    try:
        return str(json.loads((state_dir / SANDBOX_BOARD).read_text())["database_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


async def board_to_write(ctx: Context) -> Board:
    """The board as last seen, or as it is now when that was long ago or nobody would have told of a change since.

    Notion tells of each change of the schema, and an ingest run then looks at the board. What that misses is mended
    here: a workspace that sends us nothing is asked before every push, any other once in `LOOK_AGAIN`.
    """
    async with ctx.sessions() as session:
        known, seen = await get_value(session, BOARD), await get_moment(session, BOARD)
        last = await newest(session, dead=False, limit=1)
    trusted = (
        seen is not None
        and ctx.clock() - seen < LOOK_AGAIN
        and any(event.received_at > seen for event in last)
    )
    return (
        Board.from_json(known["board"])
        if known is not None and trusted
        else await refreshed_board(ctx)
    )


async def board_if_long_known(ctx: Context) -> Board | None:
    """The board as it is now, if it was last asked for longer ago than `LOOK_AGAIN`; else None."""
    async with ctx.sessions() as session:
        seen = await get_moment(session, BOARD)
    return (
        None if seen is not None and ctx.clock() - seen < LOOK_AGAIN else await refreshed_board(ctx)
    )


async def board_after_refusal(ctx: Context) -> Board:
    """The board as it is, after Notion refused a write to it: perhaps it changed.

    Looked at once a minute at most.
    """
    return await board_since(ctx, ctx.clock() - timedelta(minutes=1))


async def board_since(ctx: Context, moment: datetime) -> Board:
    """The board as it was at that moment or later; asked of Notion once, however many want to know."""
    async with ctx.board_is_looked_at:
        async with ctx.sessions() as session:
            seen = await get_moment(session, BOARD)
        return (
            await followed_board(ctx)
            if seen is not None and seen > moment
            else await refreshed_board(ctx)
        )


async def refreshed_board(ctx: Context) -> Board:
    """The board with the options and types it has now, remembered for the steps to come.

    When a property came or went, or an option went, cards show something else although nobody
    edited them: the next sweep reads all of them. That the pipeline cannot show something for it is
    alerted, once, and over when the board has it again.

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
    anew = known != value and before is not None and board.changed_cards(before)
    await _store(ctx, value, seen=ctx.clock(), anew=anew)
    await _tell_missing_options(ctx, board)
    return board


async def _store(
    ctx: Context, value: dict[str, Any] | None, *, seen: datetime | None, anew: bool = True
) -> None:
    async with ctx.sessions.begin() as session:
        if value is not None:
            await remember(session, BOARD, value=value, moment=seen)
            board = Board.from_json(value["board"])
            await note(session, board.data_source_id, memory_of(board))
        if anew and await get_moment(session, WATERMARK) is not None:
            await remember(session, WATERMARK, moment=BEGINNING)


async def _data_source(ctx: Context, data_source_id: str) -> dict[str, Any]:
    try:
        return await ctx.notion.get_data_source(data_source_id)
    except NotionPageNotFound as error:
        raise board_lost(data_source_id) from error


def board_lost(data_source_id: str) -> BoardError:
    """What a 404 for the board itself means: not that its cards are gone."""
    return BoardError(
        f"Notion does not find the board (data source {data_source_id}) any more: is it still shared with the "
        "connection (••• menu of the database, Context), and not deleted for good? No card was marked as gone."
    )


async def _tell_missing_options(ctx: Context, board: Board) -> None:
    missing = board.missing_options()
    if not missing:
        await resolve_alert(ctx, BOARD_DRIFT)
        return
    title = "The board lacks options that the pipeline needs"
    await send_alert(ctx, Level.ERROR, BOARD_DRIFT, title, {"missing": ", ".join(missing)})


async def bot_id(ctx: Context) -> str:
    """The Notion user id under which what we write with our token comes back: asked of Notion once a token."""
    token = ctx.settings.notion_api_token
    given = token.get_secret_value() if token is not None else ""
    async with ctx.sessions() as session:
        known = await bot_of(session, given)
    if known is None:
        known = str((await ctx.notion.me())["id"])
        async with ctx.sessions.begin() as session:
            await note_bot(session, given, known)
    return known


async def bot_ids(ctx: Context) -> frozenset[str]:
    """Every Notion user under which writes of ours come back: with our token, or with one that we had before."""
    await bot_id(ctx)
    async with ctx.sessions() as session:
        return await our_bots(session)


async def _find_board(ctx: Context) -> tuple[str, str, None]:
    wanted = ctx.settings.notion_database_id
    if wanted is None:
        raise SettingsError(
            "NOTION_DATABASE_ID is not set: copy the link of the board's database in Notion into it."
        )
    return *await find_board(ctx.notion, wanted, ctx.settings.notion_data_source), None
