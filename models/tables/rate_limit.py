"""The one row that paces every process's requests to Notion: whose turn is next, and when the last ones went.

`moment` of the row is the next moment that nobody has reserved; `value` is {"sent": when the last requests went, oldest
first, "held": until when nobody may send}, both in seconds since 1970. Only PostgreSQL's clock is read, so that any
number of machines agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

KEY = "notion_budget"

_NOW = "extract(epoch FROM clock_timestamp())::float8"
_SENT = "coalesce(s.value -> 'sent', '[]'::jsonb)"
_NOT_FLUSHED = "set_config('synchronous_commit', 'off', true)"
"""What a crash of PostgreSQL forgets is over before PostgreSQL is back, so nobody waits for the
disk."""

_RESERVE = f"""
INSERT INTO sync_state AS s (key, moment, updated_at)
VALUES (:key, clock_timestamp() + make_interval(secs => :interval), clock_timestamp())
ON CONFLICT (key) DO UPDATE
SET moment = greatest(s.moment, clock_timestamp()) + make_interval(secs => :interval)
RETURNING extract(epoch FROM moment - make_interval(secs => :interval) - clock_timestamp())::float8, {_NOT_FLUSHED}
"""  # noqa: S608 - constants of ours

_TOO_EARLY = f"""greatest(
  CASE WHEN jsonb_array_length({_SENT}) >= :requests
       THEN ({_SENT} ->> (jsonb_array_length({_SENT}) - :requests))::float8 + :seconds ELSE 0 END,
  coalesce((s.value ->> 'held')::float8, 0),
  CASE WHEN :background THEN extract(epoch FROM s.moment)::float8 ELSE 0 END
) - {_NOW}"""
"""Seconds until a request may go."""

# Who wakes late in the background keeps its rhythm: the next moment lies an interval after the one
# it woke for.
_TAKE = f"""
UPDATE sync_state AS s
SET moment = CASE WHEN :background
      THEN greatest(s.moment, clock_timestamp() - make_interval(secs => :interval)) + make_interval(secs => :interval)
      ELSE s.moment END,
    value = jsonb_build_object('held', s.value -> 'held', 'sent',
      CASE WHEN jsonb_array_length({_SENT}) >= :requests THEN {_SENT} - 0 ELSE {_SENT} END || to_jsonb({_NOW}))
WHERE s.key = :key AND {_TOO_EARLY} <= 0
RETURNING {_NOT_FLUSHED}
"""  # noqa: S608 - the same

_WAIT = f"SELECT {_TOO_EARLY} FROM sync_state AS s WHERE s.key = :key"  # noqa: S608 - the same

_HOLD = f"""
INSERT INTO sync_state AS s (key, moment, value, updated_at)
VALUES (:key, clock_timestamp() + make_interval(secs => :held), jsonb_build_object('held', {_NOW} + :held),
        clock_timestamp())
ON CONFLICT (key) DO UPDATE
SET moment = greatest(s.moment, excluded.moment),
    value = jsonb_build_object('sent', {_SENT},
      'held', greatest((s.value ->> 'held')::float8, (excluded.value ->> 'held')::float8))
"""  # noqa: S608 - the same


@dataclass(frozen=True, kw_only=True)
class Rate:
    """So many requests in any span of so many seconds, and the seconds between two when they are spread evenly."""

    requests: int
    seconds: float

    @property
    def interval(self) -> float:
        """Seconds."""
        return self.seconds / self.requests

    @classmethod
    def of(cls, per_second: float, leeway: float = 0.0) -> Self:
        """The rate of a limit per second; `leeway` lengthens its span by that part, for what is late on its way."""
        requests = max(1, int(per_second))
        return cls(requests=requests, seconds=requests / per_second * (1 + leeway))


async def reserve(session: AsyncSession, rate: Rate, key: str = KEY) -> float:
    """Reserve the next moment that nobody has; seconds until it.

    The row's lock makes the order fair.
    """
    wait = (await session.execute(text(_RESERVE), {"key": key, "interval": rate.interval})).one()[0]
    return max(0.0, float(wait))


async def take(
    session: AsyncSession, rate: Rate, key: str = KEY, *, background: bool = False
) -> float:
    """Send now, if the rate allows it at this moment: 0 and it is noted; else the seconds until it may.

    Args:
        background: also not before every moment that somebody has reserved.
    """
    given: dict[str, Any] = {
        "key": key,
        "requests": rate.requests,
        "seconds": rate.seconds,
        "interval": rate.interval,
        "background": background,
    }
    if (await session.execute(text(_TAKE), given)).first() is not None:
        return 0.0
    wait = (await session.execute(text(_WAIT), given)).scalar_one_or_none()
    if wait is None:
        await reserve(session, rate, key)
        return await take(session, rate, key)
    # Free since: who finds that has to try again, and a wait of 0 would say that the moment is
    # theirs.
    return max(float(wait), 0.001)


async def hold(session: AsyncSession, seconds: float, key: str = KEY) -> None:
    """Let nobody send for that long, not even who has a moment reserved: Notion said so (429 or 529)."""
    await session.execute(text(_HOLD), {"key": key, "held": seconds})
