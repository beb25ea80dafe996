"""`logins`: with which a maker acts for a channel's account at a service.

They stand in PostgreSQL because that is all that workers share. One is of no use without the
program's own secret, which is a setting and in no table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy import String, Text, delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col, select

from models.tables.production.columns import now, required


class LoginRow(SQLModel, table=True):
    """What a service gave when a person let a maker act for a channel's account."""

    __tablename__ = "logins"
    __table_args__ = (
        {
            "comment": "With which a maker acts for a channel's account at a service. Secret: for "
            "Showrunner alone."
        },
    )

    maker: str = Field(sa_column=required(String(100), "The maker that uses it.", primary_key=True))
    channel_id: str = Field(
        sa_column=required(String(100), "The channel whose account it is.", primary_key=True)
    )
    secret: str = Field(
        repr=False, sa_column=required(Text, "What the service gave, for example a refresh token.")
    )
    account: str = Field(sa_column=required(Text, "The account's name, for people."))
    created_at: datetime = Field(sa_column=now("When a person said yes."))


async def logins_of(session: AsyncSession, channel: str) -> Mapping[str, SecretStr]:
    """The logins of a channel, by maker."""
    wanted = select(LoginRow).where(col(LoginRow.channel_id) == channel)
    rows = (await session.scalars(wanted)).all()
    return {row.maker: SecretStr(row.secret) for row in rows}


async def all_logins(session: AsyncSession, maker: str) -> Sequence[LoginRow]:
    """A maker's logins, by channel."""
    wanted = select(LoginRow).where(col(LoginRow.maker) == maker)
    return (await session.scalars(wanted.order_by(col(LoginRow.channel_id)))).all()


async def put_login(
    session: AsyncSession, maker: str, channel: str, *, secret: SecretStr, account: str
) -> None:
    """Store a login in place of the one before."""
    row = insert(LoginRow).values(
        maker=maker,
        channel_id=channel,
        secret=secret.get_secret_value(),
        account=account,
        created_at=func.showrunner_now(),
    )
    changed = {name: row.excluded[name] for name in ("secret", "account", "created_at")}
    await session.execute(
        row.on_conflict_do_update(index_elements=["maker", "channel_id"], set_=changed)
    )


async def remove_login(session: AsyncSession, maker: str, channel: str) -> SecretStr | None:
    """Delete a login; None when there was none."""
    gone = delete(LoginRow).where(col(LoginRow.maker) == maker, col(LoginRow.channel_id) == channel)
    secret = (await session.execute(gone.returning(col(LoginRow.secret)))).scalar()
    return None if secret is None else SecretStr(secret)
