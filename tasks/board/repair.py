"""Mending a board: what the API can add or set back without losing anything; never a deletion, never a rename."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from models.board.drift import drift
from models.board.drift_kinds import Drift, Part, RepairAction
from models.board.repair_requests import changed_view, new_view, property_body, relation_body
from models.board.snapshot import BoardSnapshot
from models.board.spec import NAMES, RELATED_SCHEMA
from models.errors import GiveUp, NotionAuthError, NotionWriteUncertain
from models.rules.board_schema import OPTIONAL_RELATIONS
from tasks.board.snapshot import Site, read_views, take_snapshot

log = structlog.get_logger("showrunner.board")


@dataclass
class Repair:
    """What became of each difference.

    Attributes:
        sight: the board as it was last read.
        mended: gone now.
        refused: tried in vain, with Notion's reason.
        left: nothing was tried: only a person can mend it, or it was not asked for.
    """

    snapshot: BoardSnapshot
    mended: list[Drift] = field(default_factory=list)
    refused: list[tuple[Drift, str]] = field(default_factory=list)
    left: list[Drift] = field(default_factory=list)


async def repair(
    site: Site, snapshot: BoardSnapshot, mends: Collection[RepairAction] = frozenset(RepairAction)
) -> Repair:
    """Mend what may be mended, the schema before the views that name it; then read the board again and compare.

    Args:
        site: the workspace.
        sight: the board as it was just read.
        mends: what to do; `create` only adds.

    Raises:
        NotionWriteUncertain: a write may or may not have been saved and is not to be seen: running again goes on.
        NotionAuthError, NotionUnavailable: what concerns every request alike.
    """
    found = drift(snapshot)
    if all(one.repair_action not in mends for one in found):
        return Repair(snapshot=snapshot, left=found)
    bench = _Bench(site, snapshot, mends)
    await bench.properties()
    await bench.views()
    after = await take_snapshot(site, str((snapshot.database or {})["id"]))
    left = drift(after)
    done = Repair(snapshot=after, mended=[one for one in bench.tried if not _still(one, left)])
    for one in left:
        if one.repair_action in mends:
            reason = bench.reasons.get(
                (one.part, one.about), "Notion accepted the change and did not make it."
            )
            done.refused.append((one, reason))
        else:
            done.left.append(one)
    log.info("board_repaired", mended=[f"{one.slug} {one.about}".strip() for one in done.mended])
    return done


def _still(one: Drift, left: Sequence[Drift]) -> bool:
    return any(
        (one.slug, one.part, one.about) == (other.slug, other.part, other.about) for other in left
    )


_Mending = Callable[[str, Sequence[Drift]], Awaitable[None]]


class _Bench:
    """A board being mended."""

    def __init__(
        self, site: Site, snapshot: BoardSnapshot, mends: Collection[RepairAction]
    ) -> None:
        self._site, self._sight, self._mends = site, snapshot, mends
        self._source_id = str((snapshot.data_source or {})["id"])
        self._related: dict[str, str] | None = None
        self.reasons: dict[tuple[Part, str], str] = {}
        self.tried: list[Drift] = []

    def _drifts(self, part: Part) -> dict[str, list[Drift]]:
        """What is to be mended in the sight as it is, by property or view."""
        found: dict[str, list[Drift]] = {}
        for one in drift(self._sight):
            if one.part is part and one.repair_action in self._mends:
                found.setdefault(one.about, []).append(one)
        return found

    async def properties(self) -> None:
        """Mend the schema, one property a request: what Notion refuses holds up nothing else."""
        wrong = self._drifts(Part.PROPERTY)
        for name in (name for name in NAMES if name in wrong):
            await self._try(Part.PROPERTY, name, wrong[name], self._mend_property, self._reread)

    async def _mend_property(self, name: str, _drifts: Sequence[Drift]) -> None:
        # A list of options replaces all: one that a person added a moment ago must be in it.
        await self._reread()
        drifts = self._drifts(Part.PROPERTY).get(name)
        if drifts is None:
            return
        if name in OPTIONAL_RELATIONS:
            body = relation_body(name, await self._related_source(name))
        else:
            body = property_body(self._sight, name, drifts)
        answer = await self._site.notion.update_data_source(self._source_id, body)
        self._sight = replace(self._sight, data_source=answer)

    async def _reread(self) -> None:
        self._sight = replace(
            self._sight, data_source=await self._site.notion.get_data_source(self._source_id)
        )

    async def views(self) -> None:
        """Mend the views, each a request."""
        for key, drifts in self._drifts(Part.VIEW).items():
            await self._try(Part.VIEW, key, drifts, self._mend_view, self._reread_views)

    async def _mend_view(self, key: str, drifts: Sequence[Drift]) -> None:
        plan = self._sight.plan(key)
        view = self._sight.planned_views.get(key)
        body = (
            new_view(self._sight, plan)
            if view is None
            else changed_view(self._sight, plan, view, drifts)
        )
        if body is None:
            raise GiveUp("The board lacks the properties or options that the view needs.")
        if view is None:
            await self._site.notion.create_view(body)
        else:
            await self._site.notion.update_view(view["id"], body)

    async def _reread_views(self) -> None:
        database_id = str((self._sight.database or {})["id"])
        self._sight = replace(
            self._sight, views=await read_views(self._site, database_id, self._source_id)
        )

    async def _try(
        self,
        part: Part,
        about: str,
        drifts: Sequence[Drift],
        mend: _Mending,
        reread: Callable[[], Awaitable[None]],
    ) -> None:
        self.tried += drifts
        try:
            await mend(about, drifts)
        except NotionWriteUncertain as error:
            await reread()
            if about in self._drifts(part):
                raise _again(error) from error
        except NotionAuthError:
            raise
        except GiveUp as error:
            self.reasons[part, about] = str(error)

    async def _related_source(self, name: str) -> str:
        """The data source of a relation database: the one of that title beside the board, else a new one."""
        parent = (self._sight.database or {}).get("parent") or {}
        if "page_id" not in parent:
            raise GiveUp(
                "The board does not stand on a page, so no database can be made beside it; add the relation."
            )
        if self._related is None:
            self._related = await databases_on(self._site, parent["page_id"])
        if name not in self._related:
            self._related[name] = await found_or_made(
                self._site, parent["page_id"], name, RELATED_SCHEMA
            )
        database = await self._site.notion.get_database(self._related[name])
        return str(database["data_sources"][0]["id"])


async def databases_on(site: Site, page_id: str) -> dict[str, str]:
    """Ids of the databases that stand on a page, by title; of twins the first."""
    blocks = await site.notion.child_databases(page_id)
    return {block["child_database"]["title"]: block["id"] for block in reversed(blocks)}


async def found_or_made(site: Site, page_id: str, title: str, schema: dict[str, Any]) -> str:
    """A new database on a page; its id.

    One that was made although Notion said otherwise is found, not made twice.

    Raises:
        NotionWriteUncertain: it may have been made and is not to be seen.
    """
    try:
        return str((await site.notion.create_database(page_id, title, schema))["id"])
    except NotionWriteUncertain as error:
        found = (await databases_on(site, page_id)).get(title)
        if found is None:
            raise _again(error) from error
        return found


def _again(error: NotionWriteUncertain) -> NotionWriteUncertain:
    told = (
        f"{error}. Nothing of it is to be seen. Run the command again: it goes on where it stopped."
    )
    return NotionWriteUncertain(told, status=error.status, code=error.code)
