"""A task's production on the terminal: who works on it, what it waits for, what was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from cli.output.text import print_table, say, short, short_id
from models.production.overview import Details, Overview
from models.production.steps import STEPS
from models.rules.formatting import clock_time
from models.tables.production.leases import LeaseRow

_TITLE: Final = 255


def print_list(found: Sequence[Overview], *, staged: bool) -> None:
    """Print tasks in a table.

    Args:
        staged: with what each waits for, and its cost.
    """
    columns: tuple[str, ...] = ("task", "status", "board status", "priority", "channel")
    if staged:
        columns += ("waits for", "cost (USD)")
    rows = [(*_cells(one), *(_stage(one) if staged else ()), _title(one)) for one in found]
    print_table((*columns, "title"), rows, flexible="title")


def _cells(overview: Overview) -> tuple[str, ...]:
    task = overview.task
    return short_id(task.id), task.status, task.board_status, task.priority, task.channel_id


def _title(overview: Overview) -> str:
    return short(overview.task.title, _TITLE)


def _stage(overview: Overview) -> tuple[str, str]:
    lease, gate = overview.lease, overview.gate
    if gate is not None:
        return f"a person: {gate.step}, round {gate.round}", _money(overview)
    if lease is not None and lease.next_attempt_at is not None:
        return f"its next try, {clock_time(lease.next_attempt_at)}", _money(overview)
    return overview.worker or "", _money(overview)


def _money(overview: Overview) -> str:
    return f"{overview.cost:.2f}"


def print_production(overview: Overview, made: Details, now: datetime) -> None:
    """Print who works on a task, what it waits for, what it cost, and its pieces."""
    for name, words in _facts(overview, now):
        say(f"{name:<18} {words}")
    if made.pieces:
        rows = [
            (piece.kind, piece.position, piece.round, piece.state, piece.url or piece.path or "")
            for piece in made.pieces
        ]
        print_table(("piece", "scene", "round", "state", "where"), rows)


def _facts(overview: Overview, now: datetime) -> Iterator[tuple[str, str]]:
    if overview.lease is not None:
        yield from _of_lease(overview.lease, now)
    if overview.gate is not None:
        step, round_ = overview.gate.step, overview.gate.round
        what = f"{step} ({STEPS[step].piece}), round {round_}"
        yield "waits for", f"a person: approve or reject {what}"
    if overview.cost:
        yield "cost", f"{overview.cost:.2f} USD spent, or may have been"


def _of_lease(lease: LeaseRow, now: datetime) -> Iterator[tuple[str, str]]:
    if lease.worker is not None and lease.taken_at is not None and lease.until is not None:
        expired = ", expired" if lease.until <= now else ""
        yield "worker", f"{lease.worker} since {clock_time(lease.taken_at)}"
        yield "lease", f"until {clock_time(lease.until)}{expired}"
        yield "attempt", str(lease.attempts + lease.deaths + 1)
    if lease.detail:
        yield "doing", short(lease.detail)
    if lease.stop_requested_at is not None:
        yield "stopping", f"since {clock_time(lease.stop_requested_at)}, at its next report"
    if lease.approved_at is not None:
        yield "waits for", f"a worker, approved {clock_time(lease.approved_at)}"
    if lease.next_attempt_at is not None:
        yield "next try", f"{clock_time(lease.next_attempt_at)}, after {lease.attempts} attempts"
    if lease.failure:
        yield "failure", lease.failure


def production_json(overview: Overview, made: Details | None = None) -> dict[str, Any]:
    """The same for scripts."""
    gate = overview.gate
    facts: dict[str, Any] = {
        "gate": None if gate is None else gate.step,
        "round": None if gate is None else gate.round,
        "cost_usd": float(overview.cost),
        "lease": None if overview.lease is None else overview.lease.model_dump(exclude={"task_id"}),
    }
    if made is not None:
        for name, rows in (("pieces", made.pieces), ("reviews", made.reviews)):
            facts[name] = [row.model_dump(exclude={"task_id"}) for row in rows]
    return facts
