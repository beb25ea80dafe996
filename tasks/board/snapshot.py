"""A Notion in which a board is set up, and what is seen of the board there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from models.board.known_ids import KnownIds, ids_of, read_known_ids, remember_ids
from models.board.snapshot import BoardSnapshot
from models.errors import BoardError, NotionPageNotFound, NotionRejected
from models.postgres.engine import Sessions
from models.rules.board_schema import Board
from models.rules.channels import channel_named
from models.rules.codec import plain_text
from models.rules.first_contact import is_our_attention
from models.rules.notion_ids import bare_id
from models.tables.card_queries import count_notes
from models.tables.sync_state import BOARD, WATERMARK, get_moment, get_value
from tasks.board.find import choose_data_source, find_board
from tasks.notion.client import NotionClient


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a board is set up.

    Attributes:
        notion: the workspace.
        channels: ids of the configured channels.
        sessions: the database that remembers the board's ids; None while there is none.
        data_source: name or id of the data source to look at, when the database has several.
    """

    notion: NotionClient
    channels: tuple[str, ...]
    sessions: Sessions | None = None
    data_source: str | None = None


async def take_snapshot(site: Site, database_id: str) -> BoardSnapshot:
    """The board as it is now, and what it is known by; one request for each of its views and three more.

    What is seen is remembered when there is a database, so that it is found again after people renamed it.
    """
    try:
        database = await _database(site, database_id)
        source_id = await _followed(site, database)
        source = None if source_id is None else await site.notion.get_data_source(source_id)
    except NotionPageNotFound:
        return BoardSnapshot(database=None, data_source=None, channels=site.channels)
    if source is None:
        return BoardSnapshot(database=database, data_source=None, channels=site.channels)
    snapshot = BoardSnapshot(
        database=database,
        data_source=source,
        views=await read_views(site, database["id"], source["id"]),
        known_ids=await _recalled(site, source["id"]),
        channels=site.channels,
    )
    snapshot = _as_on_board(snapshot)
    if site.sessions is not None:
        async with site.sessions.begin() as session:
            seen = snapshot.ids()
            if await get_value(session, BOARD) is None:
                # People may still decide that a column called Attention is theirs, and rename it.
                others = {
                    name: known for name, known in seen.properties.items() if name != "Attention"
                }
                seen = replace(seen, properties=others)
            await remember_ids(session, source["id"], seen)
    return snapshot


async def with_notes(site: Site, snapshot: BoardSnapshot) -> BoardSnapshot:
    """What is seen, with the cards whose Attention holds what people wrote: Notion shows a hundred, for one request.

    Once the board was imported the database knows all of them.
    """
    found = snapshot.property("Attention")
    if snapshot.data_source is None or found is None or found["type"] != "rich_text":
        return snapshot
    if site.sessions is not None:
        async with site.sessions() as session:
            if await get_moment(session, WATERMARK) is not None:
                return replace(snapshot, notes=await count_notes(session))
    filled = {"property": found["id"], "rich_text": {"is_not_empty": True}}
    answer = await site.notion.query_database(snapshot.data_source["id"], filter_=filled)
    texts = [
        plain_text(prop["rich_text"])
        for page in answer["results"]
        for prop in page["properties"].values()
        if prop["id"] == found["id"]
    ]
    return replace(snapshot, notes=sum(not is_our_attention(one) for one in texts))


def _as_on_board(snapshot: BoardSnapshot) -> BoardSnapshot:
    """With the channels as the board's options spell them, where people read both as the same."""
    options = snapshot.option_names("Channel")
    return replace(
        snapshot,
        channels=tuple(channel_named(channel, options) or channel for channel in snapshot.channels),
    )


async def _database(site: Site, id_: str) -> dict[str, Any]:
    """The database of that id, or of the data source of that id."""
    try:
        return await site.notion.get_database(id_)
    except (NotionPageNotFound, NotionRejected) as error:
        try:
            found, _ = await find_board(site.notion, id_, site.data_source)
        except BoardError:
            raise NotionPageNotFound(str(error), status=404) from None
        return await site.notion.get_database(found)


async def read_views(site: Site, database_id: str, source_id: str) -> tuple[dict[str, Any], ...]:
    """The views of a data source, whole, in the order of the tabs; kinds that the API does not know are left out."""
    views = []
    for view_id in await site.notion.view_ids(database_id):
        try:
            view = await site.notion.get_view(view_id)
        except (NotionRejected, NotionPageNotFound):
            continue
        if bare_id(view.get("data_source_id") or "") == bare_id(source_id):
            views.append(view)
    return tuple(views)


async def _followed(site: Site, database: dict[str, Any]) -> str | None:
    """The data source that the sync follows, or would; None when it is not clear which."""
    sources = database["data_sources"]
    if site.sessions is not None:
        async with site.sessions() as session:
            known = await get_value(session, BOARD)
        if known is not None and bare_id(known["database_id"]) == bare_id(database["id"]):
            return str(known["board"]["data_source_id"])
    try:
        return choose_data_source(sources, site.data_source)
    except BoardError:
        return None


async def _recalled(site: Site, source_id: str) -> KnownIds:
    if site.sessions is None:
        return KnownIds()
    async with site.sessions() as session:
        known_ids, known = await read_known_ids(session, source_id), await get_value(session, BOARD)
    # A database that followed the board before ids were remembered apart knows some of them all the
    # same.
    if known is None or known["board"]["data_source_id"] != source_id:
        return known_ids
    return ids_of(Board.from_json(known["board"])).with_newer(known_ids)
