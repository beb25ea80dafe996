"""Find the board that NOTION_DATABASE_ID names: a database, or a data source of one."""

from __future__ import annotations

from typing import Any

from models.errors import BoardError, NotionPageNotFound, NotionRejected
from models.rules.notion_ids import bare_id
from tasks.notion.client import NotionClient

_NOT_THAT = (NotionPageNotFound, NotionRejected)
"""Errors for the id of something else: 404, or 400 where Notion says what the id is of."""


async def find_board(notion: NotionClient, wanted: str, chosen: str | None) -> tuple[str, str]:
    """The ids of the database and of the data source to follow.

    One request when `wanted` is a database's id.

    Args:
        chosen: name or id of the data source, when the database has several.

    Raises:
        BoardError: when `wanted` is neither; the message says what it is, if known.
    """
    try:
        database = await notion.get_database(wanted)
    except _NOT_THAT:
        return await _of_data_source(notion, wanted)
    return str(database["id"]), choose_data_source(database["data_sources"], chosen)


def choose_data_source(sources: list[dict[str, Any]], wanted: str | None) -> str:
    """The id of the data source with a name or id, or of the only one.

    Raises:
        BoardError: when none or several match.
    """
    found = [source["id"] for source in sources if wanted is None or _is_named(source, wanted)]
    if len(found) != 1:
        names = ", ".join(f"“{s['name']}” ({s['id']})" for s in sources)
        raise BoardError(
            "Set NOTION_DATA_SOURCE to the name or id of one of the database's data sources: "
            f"{names}."
        )
    return str(found[0])


def _is_named(source: dict[str, Any], wanted: str) -> bool:
    return wanted == source["name"] or bare_id(wanted) == bare_id(source["id"])


async def _of_data_source(notion: NotionClient, wanted: str) -> tuple[str, str]:
    try:
        source = await notion.get_data_source(wanted)
    except _NOT_THAT:
        raise BoardError(await _what_it_is(notion, wanted)) from None
    return str(source["parent"]["database_id"]), str(source["id"])


async def _what_it_is(notion: NotionClient, wanted: str) -> str:
    try:
        await notion.get_page(wanted)
        databases = await notion.child_databases(wanted)
    except _NOT_THAT:
        return (
            f"Notion finds no database {wanted}: is NOTION_DATABASE_ID right, "
            "and is the database shared with the connection (••• menu of the page, Connections)?"
        )
    named = [f"“{block['child_database']['title']}” ({block['id']})" for block in databases]
    found = "No database stands on that page."
    if named:
        found = f"Databases on that page: {', '.join(named)}."
    return (
        f"NOTION_DATABASE_ID names a page, {wanted}, and not a database: "
        f"open the board as a page of its own and copy its link. {found}"
    )
