"""`rate_limit`: one row paces the requests that all processes send to Notion.

Only PostgreSQL's clock is read, so that any number of machines agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import ARRAY, Column, String, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, select

from models.postgres.engine import timestamptz

NOTION: Final = "notion"
"""The name of the row for Notion's API."""


class RateLimit(SQLModel, table=True):
    """The state of one limit.

    Attributes:
        next_slot_at: the next moment that no process has reserved.
        blocked_until: until when no process may send, because Notion said so; None for never.
        sent_at: when the last requests were sent, oldest first.
    """

    __tablename__ = "rate_limit"

    name: str = Field(sa_column=Column(String(100), primary_key=True))
    next_slot_at: datetime = Field(sa_column=Column(timestamptz(), nullable=False))
    blocked_until: datetime | None = Field(default=None, sa_column=Column(timestamptz()))
    sent_at: list[datetime] = Field(
        default_factory=list,
        sa_column=Column(ARRAY(timestamptz()), nullable=False, server_default="{}"),
    )


_NOT_FLUSHED: Final = "set_config('synchronous_commit', 'off', true)"
"""The commit does not wait for the disk: what a crash of PostgreSQL could lose is outdated before
PostgreSQL is back."""

_RESERVE: Final = f"""
INSERT INTO rate_limit AS r (name, next_slot_at)
VALUES (:name, clock_timestamp() + make_interval(secs => :interval))
ON CONFLICT (name) DO UPDATE
SET next_slot_at = greatest(r.next_slot_at, clock_timestamp()) + make_interval(secs => :interval)
RETURNING
  extract(epoch FROM next_slot_at - make_interval(secs => :interval) - clock_timestamp())::float8,
  {_NOT_FLUSHED}
"""  # noqa: S608 - constants of ours

_WAIT_SECONDS: Final = """coalesce(extract(epoch FROM greatest(
  CASE WHEN cardinality(r.sent_at) >= :requests
    THEN r.sent_at[cardinality(r.sent_at) - :requests + 1] + make_interval(secs => :seconds) END,
  r.blocked_until,
  CASE WHEN :background THEN r.next_slot_at END
) - clock_timestamp())::float8, 0)"""
"""Seconds until a request may be sent; 0 or less for now."""

# Background work that wakes late keeps its rhythm: the next slot lies an interval after the slot
# that it woke for, not after now.
_TAKE: Final = f"""
UPDATE rate_limit AS r
SET next_slot_at = CASE WHEN :background
      THEN greatest(r.next_slot_at, clock_timestamp() - make_interval(secs => :interval))
        + make_interval(secs => :interval)
      ELSE r.next_slot_at END,
    sent_at = CASE WHEN cardinality(r.sent_at) >= :requests THEN r.sent_at[2:] ELSE r.sent_at END
      || clock_timestamp()
WHERE r.name = :name AND {_WAIT_SECONDS} <= 0
RETURNING {_NOT_FLUSHED}
"""  # noqa: S608 - constants of ours

_ASK: Final = f"SELECT {_WAIT_SECONDS} FROM rate_limit AS r WHERE r.name = :name"  # noqa: S608

_HOLD: Final = """
INSERT INTO rate_limit AS r (name, next_slot_at, blocked_until)
VALUES (
  :name,
  clock_timestamp() + make_interval(secs => :held),
  clock_timestamp() + make_interval(secs => :held)
)
ON CONFLICT (name) DO UPDATE
SET next_slot_at = greatest(r.next_slot_at, excluded.next_slot_at),
    blocked_until = greatest(r.blocked_until, excluded.blocked_until)
"""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `requests` in any span of `seconds`."""

    requests: int
    seconds: float

    @property
    def interval(self) -> float:
        """Seconds between two requests when they are spread evenly."""
        return self.seconds / self.requests

    @classmethod
    def of(cls, per_second: float, leeway: float = 0.0) -> Self:
        """The rate of a limit per second.

        Args:
            per_second: requests a second; may be less than one.
            leeway: the part by which the span is lengthened, for requests that are late on their
                way.
        """
        requests = max(1, int(per_second))
        return cls(requests=requests, seconds=requests / per_second * (1 + leeway))


async def reserve(session: AsyncSession, rate: Rate, name: str = NOTION) -> float:
    """Reserve the next free slot, and return the seconds until it.

    The row's lock makes the order fair.
    """
    given = {"name": name, "interval": rate.interval}
    wait = (await session.execute(text(_RESERVE), given)).one()[0]
    return max(0.0, float(wait))


async def take(
    session: AsyncSession, rate: Rate, name: str = NOTION, *, background: bool = False
) -> float:
    """Record a request as sent now and return 0, or return the seconds until it may be sent.

    Args:
        session: whose transaction writes the row.
        rate: the limit.
        name: of the limit's row.
        background: wait for every reserved slot as well.
    """
    given: dict[str, Any] = {
        "name": name,
        "requests": rate.requests,
        "seconds": rate.seconds,
        "interval": rate.interval,
        "background": background,
    }
    if (await session.execute(text(_TAKE), given)).first() is not None:
        return 0.0
    wait = (await session.execute(text(_ASK), given)).scalar_one_or_none()
    if wait is None:
        await reserve(session, rate, name)
        return await take(session, rate, name)
    # The slot may have become free since the UPDATE. The caller must try again then, and 0 would
    # mean that the request was recorded.
    return max(float(wait), 0.001)


async def hold(session: AsyncSession, seconds: float, name: str = NOTION) -> None:
    """Block every process for `seconds`, reserved slots included, as Notion asked (429 or 529)."""
    await session.execute(text(_HOLD), {"name": name, "held": seconds})


async def next_free_slot(session: AsyncSession, name: str = NOTION) -> datetime | None:
    """The next moment that no process has reserved; None before the first request."""
    row = select(RateLimit.next_slot_at).where(RateLimit.name == name)
    return (await session.scalars(row)).first()
