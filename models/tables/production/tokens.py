"""`tokens`: who may use the HTTP contract, and for what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlmodel import Field, SQLModel

from models.tables.production.columns import moment, now, one_of, required

SCOPES = ("worker", "reviewer", "reader")


class Token(SQLModel, table=True):
    """A bearer token. Only a hash of the secret is kept."""

    __tablename__ = "tokens"
    __table_args__ = (
        CheckConstraint(one_of("scope", *SCOPES), name="scope"),
        CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash"),
        {"comment": "Who may use the HTTP contract. Secrets are kept as hashes."},
    )

    name: str = Field(sa_column=required(String(100), "Whose token it is.", primary_key=True))
    scope: str = Field(sa_column=required(String(10), "worker, reviewer or reader."))
    hash: str = Field(
        sa_column=required(String(64), "SHA-256 of the secret, in lower case.", unique=True)
    )
    created_at: datetime = Field(sa_column=now("When it was made."))
    last_used_at: datetime | None = Field(default=None, sa_column=moment("When it was used last."))
    revoked_at: datetime | None = Field(
        default=None, sa_column=moment("Since when it counts no longer.")
    )
