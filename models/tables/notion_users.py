"""The Notion users whose edits are our own writes, and the names of other users.

Our user belongs to the token, and the token may change. So the bot of each token is stored under a
fingerprint of the token, and Notion is asked only for a token that is not known yet. The bots of
former tokens stay ours, because an event about their writes may arrive later.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.tables.sync_state import BOT, PEOPLE, SyncState, get_value, remember

_DIGITS: Final = 32
"""Hexadecimal digits of a fingerprint: enough that no two tokens share one."""


def fingerprint(token: str) -> str:
    """An identifier of a token, from which the long random token cannot be recovered."""
    return hmac.new(b"Showrunner: whose token", token.encode(), sha256).hexdigest()[:_DIGITS]


async def bot_of(session: AsyncSession, token: str) -> str | None:
    """The id of a token's bot; None when it is not stored."""
    known: dict[str, Any] | None = await get_value(session, _key(token))
    return str(known["id"]) if known is not None else None


async def record_bot(session: AsyncSession, token: str, bot_id: str) -> None:
    """Store the id of a token's bot."""
    await remember(session, _key(token), value={"id": bot_id})


async def our_bots(session: AsyncSession) -> frozenset[str]:
    """The bots of all tokens that this database was ever used with."""
    rows = await session.scalars(
        select(SyncState.value).where(col(SyncState.key).startswith(BOT, autoescape=True))
    )
    return frozenset(str(value["id"]) for value in rows if value is not None)


def is_our_bot(user_id: object, bots: Collection[str]) -> bool:
    """Whether a Notion user is one of our bots."""
    return isinstance(user_id, str) and user_id in bots


def _key(token: str) -> str:
    return f"{BOT}:{fingerprint(token)}"


_PERSON: Final = "person:"
REFUSED_FOR: Final = timedelta(days=1)
"""How long users are not requested again after Notion refused to return them."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """The stored names of users.

    Attributes:
        known: names by user id; '' for a user without a name, or whom Notion does not find.
        refused_at: when Notion last refused to return a user.
    """

    known: Mapping[str, str]
    refused_at: datetime | None = None

    def who(self, actor: str) -> str:
        """The author of a change for display: with the name, if it is known."""
        name = self.known.get(actor.removeprefix(_PERSON)) if actor.startswith(_PERSON) else None
        return f"{name} (person)" if name else actor

    def unknown(self, actors: Iterable[str], now: datetime) -> list[str]:
        """The ids of the users to request from Notion, in that order, without repeats."""
        if self.refused_at is not None and now - self.refused_at < REFUSED_FOR:
            return []
        ids = dict.fromkeys(
            actor.removeprefix(_PERSON) for actor in actors if actor.startswith(_PERSON)
        )
        return [id_ for id_ in ids if id_ not in self.known]


async def names_known(session: AsyncSession) -> Names:
    """The names that are stored."""
    row = await session.get(SyncState, PEOPLE)
    if row is None:
        return Names(known={})
    return Names(known=row.value or {}, refused_at=row.moment)


async def keep_names(session: AsyncSession, names: Names) -> None:
    """Store the names; the caller commits."""
    await remember(session, PEOPLE, value=dict(names.known), moment=names.refused_at)
