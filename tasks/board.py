"""Which board is followed, and how it looks: asked of Notion once, remembered, and refreshed when it counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from models.board import Board, read_board
from models.board_memory import memory_of, note
from models.errors import BoardError, NotionPageNotFound, SettingsError
from models.inbox import newest
from models.sync_state import BEGINNING, BOARD, BOT, WATERMARK, get_moment, get_value, remember
from tasks.alerts import Level, resolve_alert, send_alert
from tasks.connections import Connections

LOOK_AGAIN = timedelta(hours=1)
"""How long the board's schema counts as known where Notion tells of its changes: single events get lost."""

BOARD_DRIFT = "board_drift"
"""The incident of a board without options that cards are to be moved to."""


async def followed_board(on: Connections) -> Board:
    """The board as last seen: no request to Notion unless it was never seen.

    Raises:
        SettingsError: when NOTION_DATABASE_ID is missing, or names another board than this database has followed.
        BoardError: when the board cannot be followed; see `models.board.read_board`.
    """
    async with on.sessions() as session:
        known = await get_value(session, BOARD)
    if known is None:
        return await refreshed_board(on)
    check_same_board(known, on.settings.notion_database_id)
    return Board.from_json(known["board"])


def check_same_board(known: Mapping[str, Any], wanted: str | None) -> None:
    """Make sure that the board that is configured is the one that this database follows.

    Raises:
        SettingsError: when it is another one.
    """
    if wanted is not None and _bare(wanted) != _bare(known["database_id"]):
        raise SettingsError(
            f"This PostgreSQL database follows the board {known['database_id']}; NOTION_DATABASE_ID names {wanted}: "
            "set it back, or give the new board a PostgreSQL database of its own."
        )


async def board_to_write(on: Connections) -> Board:
    """The board as last seen, or as it is now when that was long ago or nobody would have told of a change since.

    Notion tells of each change of the schema, and an ingest run then looks at the board. What that misses is mended
    here: a workspace that sends us nothing is asked before every push, any other once in `LOOK_AGAIN`.
    """
    async with on.sessions() as session:
        known, seen = await get_value(session, BOARD), await get_moment(session, BOARD)
        last = await newest(session, dead=False, limit=1)
    trusted = seen is not None and on.clock() - seen < LOOK_AGAIN and any(event.received_at > seen for event in last)
    return Board.from_json(known["board"]) if known is not None and trusted else await refreshed_board(on)


async def board_after_refusal(on: Connections) -> Board:
    """The board as it is, after Notion refused a write to it: perhaps it changed. Looked at once a minute at most."""
    return await board_since(on, on.clock() - timedelta(minutes=1))


async def board_since(on: Connections, moment: datetime) -> Board:
    """The board as it was at that moment or later; asked of Notion once, however many want to know."""
    async with on.board_is_looked_at:
        async with on.sessions() as session:
            seen = await get_moment(session, BOARD)
        return await followed_board(on) if seen is not None and seen > moment else await refreshed_board(on)


async def refreshed_board(on: Connections) -> Board:
    """The board with the options and types it has now, remembered for the steps to come.

    When a property or option went, Notion has changed cards that nobody edited: the next sweep reads all of them. That
    the pipeline cannot show something for it is alerted, once, and over when the board has it again.
    """
    async with on.sessions() as session:
        known = await get_value(session, BOARD)
    if known is None:
        database_id, data_source_id, before = await _find_data_source(on)
    else:
        before = Board.from_json(known["board"])
        database_id, data_source_id = known["database_id"], before.data_source_id
    raw = await _data_source(on, data_source_id)
    try:
        board = read_board(raw, before)
    except BoardError:
        await _store(on, known, seen=None)
        raise
    value = {"database_id": database_id, "board": board.as_json()}
    anew = known != value and before is not None and board.lacks_what_was(before)
    await _store(on, value, seen=on.clock(), anew=anew)
    await _tell_missing_options(on, board)
    return board


async def _store(on: Connections, value: dict[str, Any] | None, *, seen: datetime | None, anew: bool = True) -> None:
    async with on.sessions.begin() as session:
        if value is not None:
            await remember(session, BOARD, value=value, moment=seen)
            board = Board.from_json(value["board"])
            await note(session, board.data_source_id, memory_of(board))
        if anew and await get_moment(session, WATERMARK) is not None:
            await remember(session, WATERMARK, moment=BEGINNING)


async def _data_source(on: Connections, data_source_id: str) -> dict[str, Any]:
    try:
        return await on.notion.get_data_source(data_source_id)
    except NotionPageNotFound as error:
        raise board_lost(data_source_id) from error


def board_lost(data_source_id: str) -> BoardError:
    """What a 404 for the board itself means: not that its cards are gone."""
    return BoardError(
        f"Notion does not find the board (data source {data_source_id}) any more: is it still shared with the "
        "connection (••• menu of the database, Connections), and not deleted for good? No card was marked as gone."
    )


async def _tell_missing_options(on: Connections, board: Board) -> None:
    missing = board.missing_options()
    if not missing:
        await resolve_alert(on, BOARD_DRIFT)
        return
    title = "The board lacks options that the pipeline needs"
    await send_alert(on, Level.ERROR, BOARD_DRIFT, title, {"missing": ", ".join(missing)})


async def bot_id(on: Connections) -> str:
    """The Notion user id under which our own writes come back."""
    async with on.sessions() as session:
        known = await get_value(session, BOT)
    if known is None:
        me = await on.notion.me()
        known = {"id": me["id"]}
        async with on.sessions.begin() as session:
            await remember(session, BOT, value=known)
    return str(known["id"])


async def _find_data_source(on: Connections) -> tuple[str, str, None]:
    wanted = on.settings.notion_database_id
    if wanted is None:
        raise SettingsError("NOTION_DATABASE_ID is not set: copy the link of the board's database in Notion into it.")
    try:
        database = await on.notion.get_database(wanted)
    except NotionPageNotFound:
        raise BoardError(
            f"Notion finds no database {wanted}: is NOTION_DATABASE_ID right, and is the database shared with the "
            "connection (••• menu of the page, Connections)?"
        ) from None
    return database["id"], choose_data_source(database["data_sources"], on.settings.notion_data_source), None


def choose_data_source(sources: list[dict[str, Any]], wanted: str | None) -> str:
    """The id of the data source that is meant by a name or id, or of the only one there is.

    Raises:
        BoardError: when that is none or several of them.
    """
    if wanted is not None:
        found = [s["id"] for s in sources if wanted == s["name"] or _bare(wanted) == _bare(s["id"])]
    else:
        found = [s["id"] for s in sources]
    if len(found) != 1:
        names = ", ".join(f"“{s['name']}” ({s['id']})" for s in sources)
        raise BoardError(f"Set NOTION_DATA_SOURCE to the name or id of one of the database's data sources: {names}.")
    return str(found[0])


def _bare(id_: str) -> str:
    return id_.replace("-", "").lower()
