"""Take a snapshot of a board in Notion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from models.board.known_ids import KnownIds, ids_of, read_known_ids, remember_ids
from models.board.snapshot import BoardSnapshot, RelatedSource
from models.errors import BoardError, NotionPageNotFound, NotionRejected
from models.postgres.engine import Sessions
from models.rules.board_schema import Board
from models.rules.channels import channel_named
from models.rules.codec.read import plain_text
from models.rules.first_contact import is_our_attention
from models.rules.notion_ids import bare_id
from models.sync.pieces.source import relations_of, target_of
from models.tables.card_queries import count_notes
from models.tables.sync_state import (
    BOARD,
    PIECE_SOURCES,
    WATERMARK,
    forget,
    get_moment,
    get_value,
)
from tasks.board.find import choose_data_source, find_board
from tasks.notion.client import NotionClient


@dataclass(frozen=True, kw_only=True)
class BoardAccess:
    """The Notion workspace and database that a board is created, checked or repaired with.

    Attributes:
        notion: client for the workspace.
        channels: ids of the configured channels.
        sessions: the database that stores the board's ids; None without a database.
        data_source: name or id of the data source to follow, when the database has several.
    """

    notion: NotionClient
    channels: tuple[str, ...]
    sessions: Sessions | None = None
    data_source: str | None = None


async def take_snapshot(access: BoardAccess, database_id: str) -> BoardSnapshot:
    """Read the board with one request per view and three more.

    The ids are stored when there is a database, so that renamed parts are found again.
    """
    try:
        database = await _database(access, database_id)
        source_id = await _followed(access, database)
        source = None
        if source_id is not None:
            source = await access.notion.get_data_source(source_id)
    except NotionPageNotFound:
        return BoardSnapshot(database=None, data_source=None, channels=access.channels)
    if source is None:
        return BoardSnapshot(database=database, data_source=None, channels=access.channels)
    snapshot = BoardSnapshot(
        database=database,
        data_source=source,
        views=await read_views(access, database["id"], source["id"]),
        known_ids=await _known_ids(access, source["id"]),
        channels=access.channels,
    )
    snapshot = _as_on_board(await with_related(access, snapshot))
    if access.sessions is not None:
        await _remember(access.sessions, source["id"], snapshot.ids())
    return snapshot


async def with_related(access: BoardAccess, snapshot: BoardSnapshot) -> BoardSnapshot:
    """Add the databases of the pieces as they are now: three requests each, and one per view."""
    if snapshot.data_source is None:
        return snapshot
    relations = relations_of(snapshot.data_source, snapshot.known_ids.properties)
    related = {name: await _related(access, relation) for name, relation in relations.items()}
    return replace(snapshot, related=related)


async def _related(access: BoardAccess, relation: dict[str, Any]) -> RelatedSource:
    try:
        source = await access.notion.get_data_source(target_of(relation))
    except (NotionPageNotFound, NotionRejected):
        return RelatedSource(relation=relation, data_source=None)
    views = await read_views(access, source["parent"]["database_id"], source["id"])
    return RelatedSource(relation=relation, data_source=source, views=views)


async def _remember(sessions: Sessions, source_id: str, seen: KnownIds) -> None:
    async with sessions.begin() as session:
        await forget(session, PIECE_SOURCES)  # read again before pages of pieces are written
        if await get_value(session, BOARD) is None:
            # Until the first import people may rename a column of their own called Attention.
            others = dict(seen.properties)
            others.pop("Attention", None)
            seen = replace(seen, properties=others)
        await remember_ids(session, source_id, seen)


async def with_notes(access: BoardAccess, snapshot: BoardSnapshot) -> BoardSnapshot:
    """Add the number of cards whose Attention holds people's own text.

    After an import it comes from the database, before that from the first hundred cards in Notion.
    """
    found = snapshot.property("Attention")
    if snapshot.data_source is None or found is None or found["type"] != "rich_text":
        return snapshot
    if access.sessions is not None:
        async with access.sessions() as session:
            if await get_moment(session, WATERMARK) is not None:
                return replace(snapshot, notes=await count_notes(session))
    filled = {"property": found["id"], "rich_text": {"is_not_empty": True}}
    answer = await access.notion.query_database(snapshot.data_source["id"], filter_=filled)
    texts = [
        plain_text(prop["rich_text"])
        for page in answer["results"]
        for prop in page["properties"].values()
        if prop["id"] == found["id"]
    ]
    return replace(snapshot, notes=sum(not is_our_attention(one) for one in texts))


def _as_on_board(snapshot: BoardSnapshot) -> BoardSnapshot:
    """Spell the channels as the board's options do, where they differ in case or Unicode form."""
    options = snapshot.option_names("Channel")
    return replace(
        snapshot,
        channels=tuple(channel_named(channel, options) or channel for channel in snapshot.channels),
    )


async def _database(access: BoardAccess, id_: str) -> dict[str, Any]:
    """The database of that id, or of the data source of that id."""
    try:
        return await access.notion.get_database(id_)
    except (NotionPageNotFound, NotionRejected) as error:
        try:
            found, _ = await find_board(access.notion, id_, access.data_source)
        except BoardError:
            raise NotionPageNotFound(str(error), status=404) from None
        return await access.notion.get_database(found)


async def read_views(
    access: BoardAccess, database_id: str, source_id: str
) -> tuple[dict[str, Any], ...]:
    """The complete views of a data source in the order of the tabs, without unsupported kinds."""
    views = []
    for view_id in await access.notion.view_ids(database_id):
        try:
            view = await access.notion.get_view(view_id)
        except (NotionRejected, NotionPageNotFound):
            continue
        if bare_id(view.get("data_source_id") or "") == bare_id(source_id):
            views.append(view)
    return tuple(views)


async def _followed(access: BoardAccess, database: dict[str, Any]) -> str | None:
    """Id of the data source that the sync follows, or would follow; None when it is ambiguous."""
    sources = database["data_sources"]
    if access.sessions is not None:
        async with access.sessions() as session:
            known = await get_value(session, BOARD)
        if known is not None and bare_id(known["database_id"]) == bare_id(database["id"]):
            return str(known["board"]["data_source_id"])
    try:
        return choose_data_source(sources, access.data_source)
    except BoardError:
        return None


async def _known_ids(access: BoardAccess, source_id: str) -> KnownIds:
    if access.sessions is None:
        return KnownIds()
    async with access.sessions() as session:
        known_ids, known = await read_known_ids(session, source_id), await get_value(session, BOARD)
    # The stored board holds ids too, of a database that is older than the stored ids.
    if known is None or known["board"]["data_source_id"] != source_id:
        return known_ids
    return ids_of(Board.from_json(known["board"])).with_newer(known_ids)
