"""How PostgreSQL runs a claim: its plan, its buffers, and its scans of `tasks`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import psycopg

_SOURCE: Final = "SELECT prosrc FROM pg_proc WHERE oid = %s::regproc"
_ARGUMENTS: Final = {
    "channels": "NULL::text[]",
    "skipped": "'{}'::uuid[]",
    "moment": "showrunner_now()",
    "producer": "'workers'::text",
    "uploads": "NULL::text[]",
}
_SCANS: Final = (
    "SELECT seq_scan, seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'tasks'"
)


def choosing(connection: psycopg.Connection) -> str:
    """The statement by which `showrunner.next_task` chooses, with its arguments filled in.

    EXPLAIN shows nothing of what a function does, so its own statement is explained instead.
    """
    row = connection.execute(_SOURCE, ["showrunner.next_task"]).fetchone()
    assert row is not None
    chooses = r"((?:WITH .*?)?SELECT best\.id)\s+INTO best_one\b(.*?);"
    found = re.search(chooses, str(row[0]), re.DOTALL)
    assert found is not None, "showrunner.next_task no longer has one statement that chooses"
    return re.sub(r"\bnext_task\.(\w+)", lambda name: _ARGUMENTS[name[1]], f"{found[1]}{found[2]}")


def choosing_plan(connection: psycopg.Connection) -> str:
    """The text of EXPLAIN (ANALYZE, BUFFERS) of that statement."""
    rows = connection.execute(_explain("", choosing(connection))).fetchall()
    return "\n".join(str(row[0]) for row in rows)


def task_scans(connection: psycopg.Connection) -> list[str]:
    """How `tasks` is read by that statement, for example `Index Scan using ix_tasks_to_claim`."""
    found = _as_json(connection, choosing(connection))
    return [
        f"{node['Node Type']} using {node['Index Name']}" if "Index Name" in node else "Seq Scan"
        for node in _nodes(found["Plan"])
        if node.get("Relation Name") == "tasks"
    ]


def claim_buffers(connection: psycopg.Connection, claim: str) -> int:
    """Claim a task, and return the pages of 8 kB that were touched for it."""
    plan = _as_json(connection, claim)["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def sequential_reads(connection: psycopg.Connection, claim: str) -> tuple[int, int]:
    """Claim a task; sequential scans of `tasks` and the rows that they read, triggers included."""
    with connection.transaction():
        connection.execute(claim)
        row = connection.execute(_SCANS).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _as_json(connection: psycopg.Connection, statement: str) -> dict[str, Any]:
    row = connection.execute(_explain(", FORMAT JSON", statement)).fetchone()
    assert row is not None
    found: dict[str, Any] = (row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]
    return found


def _explain(more: str, statement: str) -> bytes:
    return f"EXPLAIN (ANALYZE, BUFFERS{more}) {statement}".encode()


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
