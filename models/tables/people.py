"""Names of the people whose changes the history keeps by their ids, as Notion told them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from models.tables.sync_state import PEOPLE, SyncState, remember

_PERSON: Final = "person:"
REFUSED_FOR: Final = timedelta(days=1)
"""How long a connection that may not read users is not asked to again."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What is known.

    Attributes:
        known: names by user id; empty for users whom Notion does not find or gives no name.
        refused_at: when Notion last refused to tell any.
    """

    known: Mapping[str, str]
    refused_at: datetime | None = None

    def who(self, actor: str) -> str:
        """The author of a change as a person reads it: with the name, where it is known."""
        name = self.known.get(actor.removeprefix(_PERSON)) if actor.startswith(_PERSON) else None
        return f"{name} (person)" if name else actor

    def unknown(self, actors: Iterable[str], now: datetime) -> list[str]:
        """The ids of the people among them whom Notion may be asked about, in that order, each once."""
        if self.refused_at is not None and now - self.refused_at < REFUSED_FOR:
            return []
        ids = dict.fromkeys(
            actor.removeprefix(_PERSON) for actor in actors if actor.startswith(_PERSON)
        )
        return [id_ for id_ in ids if id_ not in self.known]


async def names_known(session: AsyncSession) -> Names:
    """What was told so far."""
    row = await session.get(SyncState, PEOPLE)
    return Names(
        known=(row.value or {}) if row is not None else {},
        refused_at=row.moment if row is not None else None,
    )


async def keep_names(session: AsyncSession, names: Names) -> None:
    """Remember them. The caller commits."""
    await remember(session, PEOPLE, value=dict(names.known), moment=names.refused_at)
