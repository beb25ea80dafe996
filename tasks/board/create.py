"""Create a board, or complete one that is there. Idempotent, also after an interruption."""

from __future__ import annotations

from dataclasses import dataclass

from models.board.drift import drift
from models.board.drift_kinds import Drift, RepairAction, Severity
from models.board.snapshot import BoardSnapshot
from models.board.spec import OPTIONS_MAX
from models.errors import GiveUp, NotionPageNotFound
from models.rules.new_board import board_schema
from models.rules.notion_ids import bare_id
from models.tables.sync_state import BOARDS_MADE, get_value, remember
from tasks.board.repair import databases_on, found_or_made, repair
from tasks.board.snapshot import BoardAccess, take_snapshot


@dataclass(frozen=True, kw_only=True)
class MadeBoard:
    """The result of `make_board`.

    Attributes:
        new: whether the database itself was created now.
        snapshot: the board after that.
        added: differences that were repaired.
        refused: differences whose repair Notion refused, with its reason.
        left: the other differences.
    """

    new: bool
    snapshot: BoardSnapshot
    added: list[Drift]
    refused: list[tuple[Drift, str]]
    left: list[Drift]

    @property
    def database_id(self) -> str:
        """The value for NOTION_DATABASE_ID."""
        return str((self.snapshot.database or {})["id"])


async def make_board(access: BoardAccess, page_id: str, title: str) -> MadeBoard:
    """Create the board of that title on a page, with views and relation databases.

    Only what is missing is created.

    Raises:
        GiveUp: when the connection does not see the page, or a database of that title is no board.
        NotionWriteUncertain: something may have been created and is not found. Run it again.
    """
    found = await _found(access, page_id, title)
    database_id = found or await found_or_made(
        access, page_id, title, board_schema(access.channels[:OPTIONS_MAX])
    )
    if access.sessions is not None:
        async with access.sessions.begin() as session:
            made = await get_value(session, BOARDS_MADE) or {}
            await remember(session, BOARDS_MADE, value={**made, _key(page_id, title): database_id})
    snapshot = await take_snapshot(access, database_id)
    if found is not None:
        _check_is_board(snapshot, title)
    done = await repair(access, snapshot, {RepairAction.ADD})
    return MadeBoard(
        new=found is None,
        snapshot=done.snapshot,
        added=[*done.mended, *done.followed],
        refused=done.refused,
        left=done.left,
    )


async def _found(access: BoardAccess, page_id: str, title: str) -> str | None:
    """Id of the database of that title, or of the one created for it and then renamed or moved."""
    try:
        found = (await databases_on(access, page_id)).get(title)
    except NotionPageNotFound:
        raise GiveUp(
            f"Notion finds no page {page_id}: give the page's link, and add the connection to it "
            "there (••• menu of the page, Connections)."
        ) from None
    if found is not None or access.sessions is None:
        return found
    async with access.sessions() as session:
        made = (await get_value(session, BOARDS_MADE) or {}).get(_key(page_id, title))
    if made is None:
        return None
    try:
        database = await access.notion.get_database(made)
    except NotionPageNotFound:
        return None
    return None if database.get("in_trash") else str(made)


def _key(page_id: str, title: str) -> str:
    return f"{bare_id(page_id)}:{title}"


def _check_is_board(snapshot: BoardSnapshot, title: str) -> None:
    stopping = [one.wrong for one in drift(snapshot) if one.severity is Severity.STOPS]
    if stopping:
        raise GiveUp(
            f"There is a database “{title}” on that page that is no board of Showrunner's "
            f"({stopping[0]}) "
            "Give the new board another name with --title."
        )
