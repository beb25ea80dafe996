"""Every change that makes a database of pieces differ from what it should be."""

from __future__ import annotations

from typing import Any

from board_changes import Case
from kit.processes.workspace import Board


async def assets(board: Board) -> dict[str, Any]:
    """The data source behind the relation Assets."""
    found = (await board.source())["properties"]["Assets"]["relation"]["data_source_id"]
    return await board.workspace.ask("GET", f"/v1/data_sources/{found}")


async def change_assets(board: Board, **properties: Any) -> None:
    source = await assets(board)
    body = {"properties": properties}
    await board.workspace.ask("PATCH", f"/v1/data_sources/{source['id']}", body)


async def related_to_plain_databases(board: Board) -> None:
    """As boards were made before: a database of names alone, behind a one-way relation."""
    source = await assets(board)
    gone = {name: None for name in source["properties"] if name != "Name"}
    await change_assets(board, **gone)
    relation = {"data_source_id": source["id"], "type": "single_property", "single_property": {}}
    await board.change(Assets={"relation": relation})


async def without_gallery(board: Board) -> None:
    source = await assets(board)
    stubs = await board.workspace.ask("GET", f"/v1/views?data_source_id={source['id']}")
    for stub in stubs["results"]:
        view = await board.workspace.ask("GET", f"/v1/views/{stub['id']}")
        if view["type"] == "gallery":
            await board.workspace.ask("DELETE", f"/v1/views/{stub['id']}")


async def piece_is_a_number(board: Board) -> None:
    await change_assets(board, Piece=None)
    await change_assets(board, Piece={"number": {}})


PIECE_CASES = {
    "a database of pieces as it was made before": Case(
        related_to_plain_databases, ["piece-properties-missing", "gallery-missing"], []
    ),
    "gallery gone": Case(without_gallery, ["gallery-missing"], []),
    "a marker of another type": Case(
        piece_is_a_number, ["piece-property-of-another-type"], ["piece-property-of-another-type"]
    ),
}
