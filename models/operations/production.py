"""What production is doing, and what of it needs a human: for doctor, watchdog, `card show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.operations.health.check import Check, checked, warning
from models.operations.known_problems import PROBLEMS
from models.production.attempts import ATTEMPTS
from models.production.leases import DEATHS
from models.production.money import usd
from models.rules.formatting import utc_time
from models.tables.incidents import IncidentKind

SILENT: Final = timedelta(hours=1)
"""A worker that was not heard of for longer is stuck, however long its lease is."""
KINDS: Final = (
    IncidentKind.WORKER_LOST,
    IncidentKind.STEP_STUCK,
    IncidentKind.BUDGET_REACHED,
)

_LOST = """
SELECT l.task_id::text AS subject, t.title, t.board_status, l.worker, l.deaths, l.heartbeat_at
FROM leases AS l JOIN tasks AS t ON t.id = l.task_id
WHERE (l.worker IS NOT NULL AND l.until <= :now OR l.deaths > 0)
  AND (t.status IN ('processing', 'pending', 'approved')
       OR l.deaths >= :most AND t.board_status = 'Error: Manual Review')
ORDER BY l.task_id LIMIT 100
"""
_STUCK = """
SELECT l.task_id::text AS subject, t.title, t.board_status, l.worker, l.deaths, l.heartbeat_at
FROM leases AS l JOIN tasks AS t ON t.id = l.task_id
WHERE l.worker IS NOT NULL AND l.until > :now AND l.heartbeat_at <= :silent_since
ORDER BY l.task_id LIMIT 100
"""
_BUDGETS = """
SELECT 'day' AS subject, 'all channels today' AS what, b.usd AS budget, s.usd AS spent
FROM (SELECT (value ->> 'usd')::numeric AS usd FROM sync_state
      WHERE key = 'production_daily_budget') AS b
CROSS JOIN (SELECT coalesce(sum(usd), 0) AS usd FROM spend_totals
            WHERE day >= date_trunc('day', CAST(:now AS timestamptz) AT TIME ZONE 'UTC')) AS s
WHERE showrunner.is_reached(b.usd, s.usd)
UNION ALL
SELECT 'channel/' || c.id, 'the channel “' || c.id || '” this month', c.budget_month, s.usd
FROM channels AS c
CROSS JOIN LATERAL (SELECT coalesce(sum(usd), 0) AS usd FROM spend_totals
  WHERE channel_id = c.id
    AND day >= date_trunc('month', CAST(:now AS timestamptz) AT TIME ZONE 'UTC')) AS s
WHERE c.configured AND showrunner.is_reached(c.budget_month, s.usd)
UNION ALL
SELECT 'video/' || t.id, 'the video “' || t.title || '”', c.budget_video, s.usd
FROM tasks AS t
JOIN channels AS c ON c.id = t.channel_id AND c.budget_video IS NOT NULL
CROSS JOIN LATERAL (SELECT sum(counted) AS usd FROM spends WHERE task_id = t.id) AS s
WHERE t.status IN ('pending', 'processing', 'approved')
  AND showrunner.is_reached(c.budget_video, s.usd)
ORDER BY 1 LIMIT 100
"""
_OF_TASK = """
SELECT l.worker, l.taken_at, l.until, l.heartbeat_at, l.step, l.detail, l.attempts, l.deaths,
  l.next_attempt_at, l.stop_requested_at IS NOT NULL AS stopping,
  (SELECT sum(s.counted) FROM spends AS s WHERE s.task_id = l.task_id) AS cost,
  nullif(showrunner.gate_text(t), '') AS gate, showrunner.progress_of(l.task_id) AS progress
FROM leases AS l JOIN tasks AS t ON t.id = l.task_id
WHERE l.task_id = :task
"""
_COUNTS = """
SELECT
  (SELECT count(*) FROM leases WHERE worker IS NOT NULL) AS working,
  (SELECT count(*) FROM tasks WHERE status = 'pending') AS waiting,
  (SELECT count(*) FROM leases AS l JOIN tasks AS t ON t.id = l.task_id
   WHERE l.worker IS NULL AND t.status IN ('processing', 'awaiting_review')
     AND showrunner.gate_text(t) <> '') AS at_gate,
  (SELECT count(*) FROM tasks WHERE status IN ('failed', 'retry')) AS errors
"""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Something of production that needs a human; an incident once.

    Attributes:
        name: of the incident.
        title: one sentence.
        facts: ids and facts by name.
    """

    name: str
    title: str
    facts: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ProductionFacts:
    """How many tasks are in work, in the queue, at a gate or at an error; what needs a human."""

    working: int
    waiting: int
    at_gate: int
    errors: int
    troubles: Sequence[Trouble]


async def read_production(session: AsyncSession, now: datetime) -> ProductionFacts:
    """Count the tasks in production, and find what needs a human."""
    counts = (await session.execute(text(_COUNTS))).mappings().one()
    return ProductionFacts(**counts, troubles=await troubles(session, now))


async def troubles(session: AsyncSession, now: datetime) -> list[Trouble]:
    """Dead workers, steps that are stuck, and budgets that are reached."""
    moments = {"now": now, "silent_since": now - SILENT}
    lost = (await session.execute(text(_LOST), {"now": now, "most": DEATHS})).mappings()
    stuck = (await session.execute(text(_STUCK), moments)).mappings()
    budgets = (await session.execute(text(_BUDGETS), {"now": now})).mappings()
    return [
        *(_of_worker(IncidentKind.WORKER_LOST, row, "stopped answering") for row in lost),
        *(_of_worker(IncidentKind.STEP_STUCK, row, "is silent") for row in stuck),
        *(
            Trouble(
                name=IncidentKind.BUDGET_REACHED.about(row["subject"]),
                title=f"The budget of {usd(row['budget'])} for {row['what']} is used up.",
                facts={"spent": usd(row["spent"]), "budget": usd(row["budget"])},
            )
            for row in budgets
        ),
    ]


def _of_worker(kind: IncidentKind, row: Any, what: str) -> Trouble:
    heard = row["heartbeat_at"]
    return Trouble(
        name=kind.about(row["subject"]),
        title=f"The worker of “{row['title']}” {what} at “{row['board_status']}”.",
        facts={
            "task": row["subject"],
            "worker": row["worker"] or "released",
            "leases_expired": str(row["deaths"]),
            "last_heartbeat": "never" if heard is None else utc_time(heard),
        },
    )


async def task_production(session: AsyncSession, task_id: UUID) -> dict[str, Any] | None:
    """Who works on a task and how it goes; None when nobody ever took it."""
    row = (await session.execute(text(_OF_TASK), {"task": task_id})).mappings().first()
    return None if row is None else dict(row)


def production_lines(found: Mapping[str, Any]) -> list[str]:
    """The same in sentences, for people."""
    lines = []
    if found["worker"] is not None:
        lines.append(
            f"“{found['worker']}” works on it since {utc_time(found['taken_at'])}, "
            f"lease until {utc_time(found['until'])}"
        )
        lines += [f"it says: {found['detail']}"] if found["detail"] else []
        lines += ["a person asked it to stop"] if found["stopping"] else []
    else:
        lines.append("nobody works on it")
    if found["next_attempt_at"] is not None:
        lines.append(
            f"attempt {found['attempts'] + 1} of {ATTEMPTS} at {utc_time(found['next_attempt_at'])}"
        )
    elif found["attempts"] or found["deaths"]:
        lines.append(f"failed attempts {found['attempts']}, expired leases {found['deaths']}")
    if found["progress"] is not None:
        lines.append(f"{found['progress']:.0%} made")
    if found["cost"] is not None:
        lines.append(f"cost {usd(Decimal(found['cost']))}")
    lines += [f"waits: {found['gate']}"] if found["gate"] else []
    return lines


def judge_production(known: ProductionFacts) -> Check:
    """Whether production goes on."""
    facts = (
        f"{known.working} in work, {known.waiting} waiting, {known.at_gate} at a gate, "
        f"{known.errors} with an error"
    )
    findings = [
        warning(one.title, PROBLEMS[one.name.partition(":")[0]].cure_for(one.facts.get("task")))
        for one in known.troubles
    ]
    return checked(
        "production",
        facts,
        findings,
        working=known.working,
        waiting=known.waiting,
        at_gate=known.at_gate,
        errors=known.errors,
    )
