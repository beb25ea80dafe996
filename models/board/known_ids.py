"""Known ids of a board's properties, options and views, so that people may rename them later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncSession

from models.rules.board_schema import Board
from models.tables.sync_state import BOARD_IDS, get_value, remember


@dataclass(frozen=True, kw_only=True)
class KnownIds:
    """Ids by Showrunner's names. What was renamed or deleted stays under the name it had.

    Attributes:
        properties: property ids by Showrunner's name.
        options: option ids by their names, by property.
        views: view ids by `ViewPlan.key`.
    """

    properties: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)

    def with_newer(self, newer: Self) -> Self:
        """Merge newer ids into these; under the same name the newer id wins."""
        names = {*self.options, *newer.options}
        options = {
            name: {**self.options.get(name, {}), **newer.options.get(name, {})} for name in names
        }
        return type(self)(
            properties={**self.properties, **newer.properties},
            options=options,
            views={**self.views, **newer.views},
        )


def ids_of(board: Board) -> KnownIds:
    """The ids of a board's properties and options as it is now."""
    options = {
        name: dict(zip(prop.options, prop.option_ids, strict=True))
        for name, prop in board.properties.items()
        if prop.option_ids
    }
    properties = {name: prop.id for name, prop in board.properties.items()}
    return KnownIds(properties=properties, options=options)


async def read_known_ids(session: AsyncSession, data_source_id: str) -> KnownIds:
    """The stored ids of the board with that data source; empty when it was never read."""
    known: dict[str, Any] | None = await get_value(session, _key(data_source_id))
    return KnownIds() if known is None else KnownIds(**known)


async def remember_ids(session: AsyncSession, data_source_id: str, newer: KnownIds) -> None:
    """Store ids beside those that were stored before."""
    known = await read_known_ids(session, data_source_id)
    merged = known.with_newer(newer)
    if merged != known:
        await remember(session, _key(data_source_id), value=asdict(merged))


def _key(data_source_id: str) -> str:
    return f"{BOARD_IDS}:{data_source_id}"
