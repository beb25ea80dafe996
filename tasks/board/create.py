"""Making a board: found if it is there, made if not, and completed; twice is once, whatever stopped the first time."""

from __future__ import annotations

from dataclasses import dataclass

from models.board.drift import drift
from models.board.drift_kinds import Drift, RepairAction, Severity
from models.board.snapshot import BoardSnapshot
from models.board.spec import OPTIONS_MAX
from models.errors import GiveUp, NotionPageNotFound
from models.rules.board_schema import board_schema
from models.rules.notion_ids import bare_id
from models.tables.sync_state import BOARDS_MADE, get_value, remember
from tasks.board.repair import databases_on, found_or_made, repair
from tasks.board.snapshot import Site, take_snapshot


@dataclass(frozen=True, kw_only=True)
class MadeBoard:
    """A board that was made or found.

    Attributes:
        new: whether the database itself was made now.
        sight: the board as it is.
        added: what was added to it.
        refused: what Notion did not take, with its reason.
        left: how it differs otherwise from what it should be.
    """

    new: bool
    snapshot: BoardSnapshot
    added: list[Drift]
    refused: list[tuple[Drift, str]]
    left: list[Drift]

    @property
    def database_id(self) -> str:
        """For NOTION_DATABASE_ID."""
        return str((self.snapshot.database or {})["id"])


async def make_board(site: Site, page_id: str, title: str) -> MadeBoard:
    """The board of that title on a page, with its views and relation databases; only what is missing is made.

    Raises:
        GiveUp: when the connection does not see the page, or a database of that title is there and no board.
        NotionWriteUncertain: something may have been made and is not to be seen: running again goes on.
    """
    found = await _found(site, page_id, title)
    database_id = found or await found_or_made(
        site, page_id, title, board_schema(site.channels[:OPTIONS_MAX])
    )
    if site.sessions is not None:
        async with site.sessions.begin() as session:
            made = await get_value(session, BOARDS_MADE) or {}
            await remember(session, BOARDS_MADE, value={**made, _key(page_id, title): database_id})
    snapshot = await take_snapshot(site, database_id)
    if found is not None:
        _check_is_board(snapshot, title)
    done = await repair(site, snapshot, {RepairAction.ADD})
    return MadeBoard(
        new=found is None,
        snapshot=done.snapshot,
        added=done.mended,
        refused=done.refused,
        left=done.left,
    )


async def _found(site: Site, page_id: str, title: str) -> str | None:
    """The database of that title on the page, or the one that was made for it before it was renamed or moved."""
    try:
        found = (await databases_on(site, page_id)).get(title)
    except NotionPageNotFound:
        raise GiveUp(
            f"Notion finds no page {page_id}: give the page's link, and add the connection to it there (••• menu of "
            "the page, Connections)."
        ) from None
    if found is not None or site.sessions is None:
        return found
    async with site.sessions() as session:
        made = (await get_value(session, BOARDS_MADE) or {}).get(_key(page_id, title))
    try:
        return (
            None
            if made is None or (await site.notion.get_database(made)).get("in_trash")
            else str(made)
        )
    except NotionPageNotFound:
        return None


def _key(page_id: str, title: str) -> str:
    return f"{bare_id(page_id)}:{title}"


def _check_is_board(snapshot: BoardSnapshot, title: str) -> None:
    stopping = [one.wrong for one in drift(snapshot) if one.severity is Severity.STOPS]
    if stopping:
        raise GiveUp(
            f"There is a database “{title}” on that page that is no board of Showrunner's ({stopping[0]}) "
            "Give the new board another name with --title."
        )
