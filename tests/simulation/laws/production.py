"""Laws of production once the world is calm: money, pieces, leases, gates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from models.production.paid_orders import LOOK_UPS
from models.production.steps import Step, step_of
from models.rules.statuses import BoardStatus
from simulation.world.makers import Submission, hash_in
from simulation.world.world import World

UNDER_WAY: Final = {"submitting", "submitted", "unknown"}
_STUCK: Final = """
SELECT t.id, t.channel_id, t.board_status, l.worker, l.until, l.step, l.approved_at,
  l.next_attempt_at, c.configured, c.producer
FROM tasks AS t JOIN leases AS l ON l.task_id = t.id JOIN channels AS c ON c.id = t.channel_id
WHERE l.worker IS NOT NULL
  OR (c.configured AND t.status = 'processing'
    AND l.approved_at IS NULL AND l.next_attempt_at IS NULL
    AND NOT EXISTS (
      SELECT FROM production_steps AS s
      WHERE s.done_column = t.board_status AND s.name = ANY (c.gates)
    )
    AND (
      SELECT h.actor FROM task_history AS h
      WHERE h.task_id = t.id AND h.action = 'changed' AND h.property = 'Status'
      ORDER BY h.id DESC LIMIT 1
    ) SIMILAR TO '(worker:|dispatcher|token:|person:)%')
"""
"""Tasks that are stuck: their lease never ends, or no worker, person or timer will continue them.

Tasks that plain SQL moved last are left out: whoever wrote it has to continue them."""


async def broken(world: World) -> list[str]:
    """Every law that does not hold, each with the facts."""
    tasks = {row["id"]: row for row in await world.rows("SELECT * FROM tasks")}
    pieces = await world.rows("SELECT * FROM pieces")
    found = [*await _money_is_right(world, tasks), *await _outside_costs_are_booked(world)]
    found += _pieces_are_there(world, tasks, pieces)
    found += await _nobody_waits_for_ever(world)
    found += await _gates_are_passed_by_people(world, tasks)
    found += await _cards_tell_what_is(world)
    return found


# Money.


async def _money_is_right(world: World, tasks: dict[UUID, Any]) -> list[str]:
    """Every charge is booked, and nothing else: what nobody knows of may have been charged."""
    rows = await world.rows(
        "SELECT piece_id, sum(counted) AS usd, "
        "count(*) FILTER (WHERE kind = 'estimated') AS intents "
        "FROM spends WHERE maker IN ('painter', 'studio') GROUP BY piece_id"
    )
    booked = {row["piece_id"]: row for row in rows}
    sent = [one for service in world.production.services.values() for one in service.book.values()]
    world.happened["submissions"] += len(sent)
    found = []
    known = sorted((one for one in sent if one.piece is not None), key=lambda one: str(one.piece))
    for piece, group in groupby(known, key=lambda one: one.piece):
        of_piece = list(group)
        least, most = map(sum, zip(*(_cost(one, tasks) for one in of_piece), strict=True))
        if piece not in booked:
            found.append(f"{of_piece[0].order[:3]}: nothing is booked")
            continue
        # A process may die after it noted what it was about to send.
        most += of_piece[0].price * (booked[piece]["intents"] - len(of_piece))
        usd = booked[piece]["usd"]
        if not least <= usd <= most:
            what = of_piece[0].order[:3]
            found.append(f"{what}: {usd} USD are booked, and {least} to {most} were charged")
    return found


def _cost(one: Submission, tasks: dict[UUID, Any]) -> tuple[Decimal, Decimal]:
    """What is booked for a submission, at least and at most."""
    if one.taken and one.is_reported and one.order[0] in tasks:
        return one.usd, one.usd
    if one.is_sure and not one.taken:
        return Decimal(0), Decimal(0)
    return one.usd, one.price


async def _outside_costs_are_booked(world: World) -> list[str]:
    rows = await world.rows(
        "SELECT job_id, count(*) AS times, sum(counted) AS usd FROM spends "
        "WHERE maker IS NULL AND kind = 'charged' GROUP BY job_id"
    )
    booked = {row["job_id"]: row for row in rows}
    return [
        f"{job} cost {usd} USD, and {booked[job]['usd'] if job in booked else 'nothing'} is booked"
        for job, usd in world.outside.costs.items()
        if job not in booked or float(booked[job]["usd"]) != usd
    ]


# Pieces.


def _pieces_are_there(world: World, tasks: dict[UUID, Any], pieces: list[Any]) -> Iterator[str]:
    known = {row["id"]: row for row in pieces}
    for row in pieces:
        what = f"{row['kind']} {row['position']}, round {row['round']} of task {row['task_id']}"
        if row["state"] in UNDER_WAY:
            yield f"{what} is {row['state']} for ever"
        elif row["state"] == "done" and row["input_hash"] is not None:
            file = world.production.folder / (row["path"] or "")
            if not file.is_file():
                yield f"{what} is done, and its file is not there"
            elif hash_in(file.read_text()) != row["input_hash"]:
                yield f"{what} was made from something else: {file.read_text()[:200]}"
    there = {(row["task_id"], row["kind"], row["position"]) for row in pieces}
    for task, kind, position in sorted(world.outside.kept, key=str):
        if task in tasks and (task, kind, position) not in there:
            yield f"{kind} {position} of task {task} was accepted from a worker, and is lost"
    yield from _results_are_fetched(world, known)


def _results_are_fetched(world: World, known: dict[UUID, Any]) -> Iterator[str]:
    """What a service took is fetched, or looked for where nobody heard its answer."""
    for one in _taken(world):
        row = known.get(one.piece) if one.piece else None
        is_last = row is not None and row["submit_key"] == one.key
        what = f"{one.id} ({one.order[1]} {one.order[2]})"
        if is_last and one.is_sure and one.failure is None and not one.is_fetched:
            yield f"{what} was paid, and its result is lost"
        if is_last and not (one.is_sure or one.is_reported) and _can_be_found(world, one):
            yield f"the answer about {what} was lost, and nobody looked for it"


def _taken(world: World) -> Iterable[Submission]:
    for service in world.production.services.values():
        yield from (one for one in service.book.values() if one.taken)


def _can_be_found(world: World, sent: Submission) -> bool:
    """Whether the next look-up of its service would find it."""
    service = next(one for one in world.production.services.values() if sent.key in one.book)
    return service.can_be_looked_up and sent.in_vain < len(LOOK_UPS)


# Leases and gates.


async def _nobody_waits_for_ever(world: World) -> list[str]:
    return [
        f"task {row['id']} of {row['channel_id']} stands in {row['board_status']} for ever: "
        f"{row['worker'] or 'nobody'} works on it, step {row['step']}"
        for row in await world.rows(_STUCK)
    ]


async def _gates_are_passed_by_people(world: World, tasks: dict[UUID, Any]) -> list[str]:
    """A worker enters a step only while the gate before it is approved."""
    moves = await world.rows(
        "SELECT id, at, task_id, actor, old_value, new_value FROM task_history "
        "WHERE property = 'Status' AND action = 'changed' AND actor LIKE 'worker:%' "
        "AND task_id NOT IN (SELECT task_id FROM task_history "
        "WHERE property = 'Channel' AND task_id IS NOT NULL) ORDER BY id"
    )
    decisions = await world.rows(
        "SELECT at, task_id, gate, decision FROM reviews "
        "WHERE decision IN ('approve', 'reject') ORDER BY id"
    )
    rows = await world.rows("SELECT id, gates FROM channels")
    gates = {row["id"]: row["gates"] for row in rows}
    found = []
    for move in moves:
        step = step_of(BoardStatus(move["new_value"]))
        task = tasks.get(move["task_id"])
        if step is None or task is None or move["new_value"] in {"Under Review", "Review Approved"}:
            continue
        before = list(Step)[: list(Step).index(step)]
        passed = [gate for gate in before if gate in gates.get(task["channel_id"], ())]
        if not passed:
            continue
        given = [
            one["decision"]
            for one in decisions
            if (one["task_id"], one["gate"]) == (task["id"], passed[-1].value)
            and one["at"] <= move["at"]
        ]
        world.happened["gates that workers passed"] += 1
        if given[-1:] != ["approve"]:
            found.append(
                f"{move['actor']} moved task {task['id']} to {move['new_value']}, and the last "
                f"decision about {passed[-1]} was {given[-1] if given else 'none'}"
            )
    return found


def _without_estimate(attention: str) -> str:
    """The text without the price of going on.

    It is learned from other videos, and is that of the moment when the card came to the gate.
    """
    return re.sub(r" Going on costs about [\d,.]+ USD\.", "", attention)


async def _cards_tell_what_is(world: World) -> list[str]:
    """What production shows on a card is up to date."""
    rows = await world.rows(
        "SELECT c.notion_page_id, c.production_text, c.task_progress, c.task_cost, c.task_video, "
        "s.attention, s.progress, s.cost, s.video "
        "FROM cards AS c CROSS JOIN LATERAL showrunner.shown_on_card(c.task_id) AS s "
        "WHERE c.task_id IN (SELECT task_id FROM leases)"
    )
    found = []
    for row in rows:
        told = [
            row[name] for name in ("production_text", "task_progress", "task_cost", "task_video")
        ]
        is_ = [row[name] for name in ("attention", "progress", "cost", "video")]
        told[0], is_[0] = _without_estimate(told[0]), _without_estimate(is_[0])
        if told != is_:
            found.append(f"card {row['notion_page_id'][:8]} tells {told}, and should tell {is_}")
    return found
