"""The verification tokens that handshakes brought, in one row of `sync_state`.

While the operator holds enrolment open anybody can send a handshake, with a token of his own
choice, and sign events with it. Only while there is no secret at all the first token counts at
once: nobody could let anything in otherwise. Beside a secret a token is a candidate, which proves
nothing until the operator accepts it: Notion alone knows the right one, and says so when the
operator pastes it there. The token before goes on counting until the accepted one has signed
something, so that a change loses no event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Self

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from models.errors import GiveUp
from models.tables.sync_state import ENROLLED, SyncState, forget, get_value, remember, remember_once

CANDIDATES_MAX: Final = 5
"""The newest that are kept: a stranger's handshakes must not fill the database."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A verification token.

    Attributes:
        received_at: when its handshake came; None when that was not noted.
        beside: the mark (`mark_of`) of the NOTION_WEBHOOK_SECRET that was configured then; None
            when there was none.
    """

    token: str
    received_at: datetime | None = None
    beside: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What is stored: only what is known."""
        stored = {"token": self.token}
        if self.received_at is not None:
            stored["received_at"] = self.received_at.isoformat()
        if self.beside is not None:
            stored["beside"] = self.beside
        return stored

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The token that `as_json` wrote."""
        at = value.get("received_at")
        received_at = datetime.fromisoformat(at) if at is not None else None
        return cls(token=value["token"], received_at=received_at, beside=value.get("beside"))


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What handshakes brought.

    Attributes:
        secret: the one that counts; None when none does.
        former: the one that counted before, until `secret` has signed something.
        candidates: those that wait to be accepted, the newest first.
    """

    secret: Token | None = None
    former: str | None = None
    candidates: tuple[Token, ...] = ()

    def with_handshake(self, new: Token) -> Self:
        """With one more token: the secret if there is none, else a candidate; known ones once."""
        if self.secret is None and new.beside is None:
            return replace(self, secret=new)
        if self.secret is not None and self.secret.token == new.token:
            return self
        others = [one for one in self.candidates if one.token != new.token]
        return replace(self, candidates=(new, *others)[:CANDIDATES_MAX])

    def accepting(self, text: str | None) -> Self:
        """With a candidate as the secret, named by the beginning of its token; None: the only one.

        Raises:
            GiveUp: when that is none or several of them.
        """
        if not self.candidates:
            raise GiveUp(
                "No token waits to be accepted: `showrunner webhook token` says which one counts."
            )
        found = [one for one in self.candidates if text is None or one.token.startswith(text)]
        if len(found) != 1:
            raise GiveUp(
                f"{len(found)} waiting tokens begin like that: name the one that Notion took, as "
                "`showrunner webhook token --all` prints it."
            )
        return replace(
            self, secret=found[0], former=self.secret.token if self.secret else None, candidates=()
        )

    def counting(self, configured: str | None) -> list[str]:
        """The tokens that count beside a configured secret.

        One counts only beside the secret that was configured when it came: whoever sets another one
        means that alone.
        """
        if self.secret is None or (
            configured is not None and self.secret.beside != mark_of(configured)
        ):
            return []
        tokens = (self.secret.token, self.former)
        return [token for token in tokens if token is not None]

    def as_json(self) -> dict[str, Any]:
        """What is stored: only what there is."""
        stored: dict[str, Any] = {}
        if self.secret is not None:
            stored = self.secret.as_json()
        if self.former is not None:
            stored["former"] = self.former
        if self.candidates:
            stored["candidates"] = [one.as_json() for one in self.candidates]
        return stored

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> Self:
        """What `as_json` wrote; nothing for None."""
        value = value or {}
        return cls(
            secret=Token.from_json(value) if "token" in value else None,
            former=value.get("former"),
            candidates=tuple(Token.from_json(one) for one in value.get("candidates", ())),
        )


def mark_of(secret: str | None) -> str | None:
    """By what a configured secret is known again without being stored."""
    return sha256(secret.encode()).hexdigest() if secret is not None else None


async def read_tokens(session: AsyncSession) -> Tokens:
    """What handshakes brought."""
    return Tokens.from_json(await get_value(session, ENROLLED))


async def hold_tokens(session: AsyncSession) -> Tokens:
    """The same, locked until the commit."""
    await remember_once(session, ENROLLED, value={})
    row = select(SyncState.value).where(SyncState.key == ENROLLED).with_for_update()
    return Tokens.from_json((await session.scalars(row)).one())


async def store_tokens(session: AsyncSession, tokens: Tokens) -> None:
    """Set them; the row goes with the last."""
    if tokens == Tokens():
        await forget(session, ENROLLED)
    else:
        await remember(session, ENROLLED, value=tokens.as_json())
