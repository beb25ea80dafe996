"""Repair a board: add or reset what the API can without loss; never delete, never rename."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from models.board.drift import drift
from models.board.drift_kinds import Drift, Part, RepairAction
from models.board.drift_table import GALLERY_MISSING
from models.board.repair_requests import (
    changed_view,
    gallery_body,
    new_view,
    piece_properties_body,
    property_body,
    relation_body,
)
from models.board.snapshot import BoardSnapshot
from models.board.spec import NAMES
from models.errors import GiveUp, NotionAuthError, NotionWriteUncertain
from models.rules.board_schema import OPTIONAL_RELATIONS
from models.rules.notion_ids import bare_id
from models.sync.pieces.source import piece_schema
from tasks.board.snapshot import BoardAccess, read_views, take_snapshot, with_related

log = structlog.get_logger("showrunner.board")

_NO_EFFECT = "Notion accepted the change and did not make it."


@dataclass
class Repair:
    """The result of a repair.

    Attributes:
        snapshot: the board as it was last read.
        mended: differences of the board as it was that are repaired.
        followed: differences that came up during the repair, e.g. a view that did not show the
            cards of an option just added, and are repaired too.
        refused: differences whose repair failed, with the reason.
        left: differences that only a person can repair, or that were not asked for.
    """

    snapshot: BoardSnapshot
    mended: list[Drift] = field(default_factory=list)
    followed: list[Drift] = field(default_factory=list)
    refused: list[tuple[Drift, str]] = field(default_factory=list)
    left: list[Drift] = field(default_factory=list)


async def repair(
    access: BoardAccess,
    snapshot: BoardSnapshot,
    mends: Collection[RepairAction] = frozenset(RepairAction),
) -> Repair:
    """Repair the schema, then the views that name it; then read the board again and compare.

    Args:
        site: the workspace.
        snapshot: the board as it was just read.
        mends: the actions that are allowed; `create` only adds.

    Raises:
        NotionWriteUncertain: a write may have been saved and is not found. Run it again.
        NotionAuthError, NotionUnavailable: from any request.
    """
    found = drift(snapshot)
    if all(one.repair_action not in mends for one in found):
        return Repair(snapshot=snapshot, left=found)
    session = _RepairSession(access, snapshot, mends)
    await session.properties()
    await session.views()
    await session.pieces()
    after = await take_snapshot(access, str((snapshot.database or {})["id"]))
    left = drift(after)
    mended = [one for one in session.tried if not _is_in(one, left)]
    done = Repair(
        snapshot=after,
        mended=[one for one in mended if _is_in(one, found)],
        followed=[one for one in mended if not _is_in(one, found)],
    )
    for one in left:
        if one.repair_action in mends:
            reason = session.reasons.get((one.part, one.about), _NO_EFFECT)
            done.refused.append((one, reason))
        else:
            done.left.append(one)
    log.info("board_repaired", mended=[f"{one.slug} {one.about}".strip() for one in mended])
    return done


def _is_in(one: Drift, others: Sequence[Drift]) -> bool:
    return any(
        (one.slug, one.part, one.about) == (other.slug, other.part, other.about) for other in others
    )


_RepairOne = Callable[[str, Sequence[Drift]], Awaitable[None]]


class _RepairSession:
    """A board while it is repaired."""

    def __init__(
        self, access: BoardAccess, snapshot: BoardSnapshot, mends: Collection[RepairAction]
    ) -> None:
        self._access, self._snapshot, self._mends = access, snapshot, mends
        self._source_id = str((snapshot.data_source or {})["id"])
        self._related: dict[str, str] | None = None
        self.reasons: dict[tuple[Part, str], str] = {}
        self.tried: list[Drift] = []

    def _drifts(self, part: Part) -> dict[str, list[Drift]]:
        """The differences to repair in the present snapshot, by property or view."""
        found: dict[str, list[Drift]] = {}
        for one in drift(self._snapshot):
            if one.part is part and one.repair_action in self._mends:
                found.setdefault(one.about, []).append(one)
        return found

    async def properties(self) -> None:
        """Repair the schema with one request per property, so that a refusal stops no other."""
        wrong = self._drifts(Part.PROPERTY)
        for name in (name for name in NAMES if name in wrong):
            await self._try(Part.PROPERTY, name, wrong[name], self._repair_property, self._reread)

    async def _repair_property(self, name: str, _drifts: Sequence[Drift]) -> None:
        # A list of options replaces all, so it must hold one that a person added a moment ago.
        await self._reread()
        drifts = self._drifts(Part.PROPERTY).get(name)
        if drifts is None:
            return
        if name in OPTIONAL_RELATIONS:
            body = relation_body(name, await self._related_source(name))
        else:
            body = property_body(self._snapshot, name, drifts)
        answer = await self._access.notion.update_data_source(self._source_id, body)
        self._snapshot = replace(self._snapshot, data_source=answer)

    async def _reread(self) -> None:
        self._snapshot = replace(
            self._snapshot, data_source=await self._access.notion.get_data_source(self._source_id)
        )

    async def views(self) -> None:
        """Repair the views with one request each."""
        for key, drifts in self._drifts(Part.VIEW).items():
            await self._try(Part.VIEW, key, drifts, self._repair_view, self._reread_views)

    async def _repair_view(self, key: str, drifts: Sequence[Drift]) -> None:
        plan = self._snapshot.plan(key)
        view = self._snapshot.planned_views.get(key)
        if view is None:
            body = new_view(self._snapshot, plan)
        else:
            body = changed_view(self._snapshot, plan, view, drifts)
        if body is None:
            raise GiveUp("The board lacks the properties or options that the view needs.")
        if view is None:
            await self._access.notion.create_view(body)
        else:
            await self._access.notion.update_view(view["id"], body)

    async def _reread_views(self) -> None:
        database_id = str((self._snapshot.database or {})["id"])
        self._snapshot = replace(
            self._snapshot, views=await read_views(self._access, database_id, self._source_id)
        )

    async def pieces(self) -> None:
        """Complete the databases that the relations lead to."""
        await self._reread_pieces()
        for name, drifts in self._drifts(Part.PIECES).items():
            await self._try(Part.PIECES, name, drifts, self._repair_pieces, self._reread_pieces)

    async def _repair_pieces(self, name: str, _drifts: Sequence[Drift]) -> None:
        source = self._snapshot.piece_source(name)
        if source is not None and source.missing:
            body = piece_properties_body(source, self._source_id)
            await self._access.notion.update_data_source(source.data_source_id, body)
            await self._reread_pieces()
        wanted = [one.slug for one in self._drifts(Part.PIECES).get(name, ())]
        source = self._snapshot.piece_source(name)
        if source is not None and GALLERY_MISSING.slug in wanted:
            body = gallery_body(self._snapshot.related[name], source)
            await self._access.notion.create_view(body)

    async def _reread_pieces(self) -> None:
        self._snapshot = await with_related(self._access, self._snapshot)

    async def _try(
        self,
        part: Part,
        about: str,
        drifts: Sequence[Drift],
        repair_one: _RepairOne,
        reread: Callable[[], Awaitable[None]],
    ) -> None:
        self.tried += drifts
        try:
            await repair_one(about, drifts)
        except NotionWriteUncertain as error:
            await reread()
            if about in self._drifts(part):
                raise _as_retry(error) from error
        except NotionAuthError:
            raise
        except GiveUp as error:
            self.reasons[part, about] = str(error)

    async def _related_source(self, name: str) -> str:
        """The data source of the relation database of that title; a missing one is created."""
        parent = (self._snapshot.database or {}).get("parent") or {}
        if "page_id" not in parent:
            raise GiveUp(
                "The board does not stand on a page, so no database can be made beside it; "
                "add the relation."
            )
        # The board itself may have the title of a relation.
        board_id = str((self._snapshot.database or {})["id"])
        if self._related is None:
            found = await databases_on(self._access, parent["page_id"], but=board_id)
            self._related = found
        if name not in self._related:
            self._related[name] = await found_or_made(
                self._access, parent["page_id"], name, piece_schema(), but=board_id
            )
        database = await self._access.notion.get_database(self._related[name])
        return str(database["data_sources"][0]["id"])


def _complete(body: dict[str, Any] | None) -> dict[str, Any]:
    if body is None:
        raise GiveUp("The board lacks the properties or options that the view needs.")
    return body


async def databases_on(access: BoardAccess, page_id: str, *, but: str = "") -> dict[str, str]:
    """Ids of the databases on a page by title; of several with one title the first.

    Args:
        but: id of a database that is left out.
    """
    blocks = await access.notion.child_databases(page_id)
    others = (block for block in reversed(blocks) if bare_id(block["id"]) != bare_id(but))
    return {block["child_database"]["title"]: block["id"] for block in others}


async def found_or_made(
    access: BoardAccess, page_id: str, title: str, schema: dict[str, Any], *, but: str = ""
) -> str:
    """Create a database on a page and return its id.

    After an uncertain write it is searched for among the databases but that one, so that it is not
    created twice.

    Raises:
        NotionWriteUncertain: it may have been created and is not found.
    """
    try:
        return str((await access.notion.create_database(page_id, title, schema))["id"])
    except NotionWriteUncertain as error:
        found = (await databases_on(access, page_id, but=but)).get(title)
        if found is None:
            raise _as_retry(error) from error
        return found


def _as_retry(error: NotionWriteUncertain) -> NotionWriteUncertain:
    message = (
        f"{error}. Nothing of it is to be seen. Run the command again: it goes on where it stopped."
    )
    return NotionWriteUncertain(message, status=error.status, code=error.code)
