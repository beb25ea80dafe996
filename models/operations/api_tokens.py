"""Tokens of the worker API: make, list, revoke and recognize them.

A secret is shown once, when it is made. Only its SHA-256 is stored: it is too long to be guessed,
so a slow hash would protect nothing more.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from models.errors import GiveUp
from models.tables.production.tokens import Token

PREFIX: Final = "showrunner_"
"""Secrets begin so, for scanners that look for leaked ones."""
USED_EVERY: Final = timedelta(minutes=1)
"""How often the last use is written at most."""
NAME_MAX: Final = 40
_NAME: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{NAME_MAX - 1}}}")
_BYTES: Final = 32


class Scope(StrEnum):
    """What a token allows, stored by value."""

    WORKER = "worker"
    """Take tasks and report about them."""
    REVIEWER = "reviewer"
    """Read, approve, reject, stop and retry."""
    READER = "reader"
    """Read."""


def hash_of(secret: str) -> str:
    """The form in which a secret is stored."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


async def create_token(session: AsyncSession, name: str, scope: Scope, *, now: datetime) -> str:
    """Make a token. The caller commits.

    Returns:
        The secret, which is stored nowhere.

    Raises:
        GiveUp: when the name is taken, or cannot be one.
    """
    if _NAME.fullmatch(name) is None:
        raise GiveUp(
            f"A token's name has 1 to {NAME_MAX} letters, digits, dots, dashes and underscores, "
            "and begins with a letter or digit."
        )
    if await session.get(Token, name) is not None:
        raise GiveUp(
            f"There is a token “{name}” already; a revoked one keeps its name. Choose another."
        )
    secret = PREFIX + secrets.token_urlsafe(_BYTES)
    session.add(Token(name=name, scope=scope, hash=hash_of(secret), created_at=now))
    await session.flush()
    return secret


async def list_tokens(session: AsyncSession) -> list[Token]:
    """All tokens, the oldest first; the revoked ones too."""
    return list(
        await session.scalars(select(Token).order_by(col(Token.created_at), col(Token.name)))
    )


async def revoke_token(session: AsyncSession, name: str, *, now: datetime) -> bool:
    """Revoke a token from the next request on. The caller commits.

    Returns:
        Whether it counted until now.

    Raises:
        GiveUp: when there is none of that name.
    """
    token = await session.get(Token, name, with_for_update=True)
    if token is None:
        raise GiveUp(f"There is no token “{name}”: `showrunner token list` shows them.")
    if token.revoked_at is not None:
        return False
    token.revoked_at = now
    return True


async def token_of(session: AsyncSession, secret: str, *, now: datetime) -> Token | None:
    """The token of a secret, None when it does not count. Its use is noted. The caller commits."""
    sought = hash_of(secret)
    found = await session.scalars(select(Token).where(Token.hash == sought))
    token: Token | None = found.first()
    if token is None or not hmac.compare_digest(token.hash, sought) or token.revoked_at is not None:
        return None
    if token.last_used_at is None or now - token.last_used_at >= USED_EVERY:
        used = update(Token).where(col(Token.name) == token.name).values(last_used_at=now)
        await session.execute(used, execution_options={"synchronize_session": False})
    return token
