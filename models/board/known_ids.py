"""What each property, option and view of a board is known by, once seen: people may call them something else later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from sqlalchemy.ext.asyncio import AsyncSession

from models.rules.board_schema import Board
from models.tables.sync_state import BOARD_IDS, get_value, remember


@dataclass(frozen=True, kw_only=True)
class KnownIds:
    """Ids by Showrunner's names. What was renamed or went is kept under the name it had.

    Attributes:
        properties: property ids by Showrunner's name.
        options: option ids by their names, by property.
        views: view ids by `ViewPlan.key`.
    """

    properties: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)

    def with_newer(self, seen: Self) -> Self:
        """This and what is seen now; under the same name the newer id counts."""
        names = {*self.options, *seen.options}
        options = {
            name: {**self.options.get(name, {}), **seen.options.get(name, {})} for name in names
        }
        kind = type(self)
        return kind(
            properties={**self.properties, **seen.properties},
            options=options,
            views={**self.views, **seen.views},
        )


def ids_of(board: Board) -> KnownIds:
    """What a board as it is now is to be known by."""
    options = {
        name: dict(zip(prop.options, prop.option_ids, strict=True))
        for name, prop in board.properties.items()
        if prop.option_ids
    }
    return KnownIds(
        properties={name: prop.id for name, prop in board.properties.items()}, options=options
    )


async def read_known_ids(session: AsyncSession, data_source_id: str) -> KnownIds:
    """What the board with that data source is known by; nothing when it was never seen."""
    known: dict[str, Any] | None = await get_value(session, _key(data_source_id))
    return KnownIds() if known is None else KnownIds(**known)


async def remember_ids(session: AsyncSession, data_source_id: str, seen: KnownIds) -> None:
    """Remember what is seen now, beside what was seen before."""
    known = await read_known_ids(session, data_source_id)
    newer = known.with_newer(seen)
    if newer != known:
        await remember(session, _key(data_source_id), value=asdict(newer))


def _key(data_source_id: str) -> str:
    return f"{BOARD_IDS}:{data_source_id}"
