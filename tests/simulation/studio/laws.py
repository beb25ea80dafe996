"""What must hold of money and videos, by the services' own ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from simulation.studio.records import CAN_BE_LOOKED_UP, Order, Sent
from simulation.studio.world import StudioWorld

Charge = dict[str, Any]
KEPT: Final = timedelta(days=30)
"""How long Kling keeps a clip."""
_EXACT: Final = Decimal("0.000001")
"""USD: what spends are rounded to."""
_BOOKED: Final = """
    SELECT s.task_id, p.maker, coalesce(sum(s.counted), 0) AS usd
    FROM spends s JOIN pieces p ON p.id = s.piece_id GROUP BY s.task_id, p.maker
"""


async def check(world: StudioWorld) -> None:
    """Note every law that does not hold."""
    ledger = [row for row in world.services.ledger() if row["service"] != "youtube"]
    refunded = {row["refund_of"] for row in ledger}
    kept = [row for row in ledger if row["refund_of"] is None and row["id"] not in refunded]
    unknown = [row["key"] for row in kept if row["key"] not in world.records.sent]
    world.failures += [f"{key} was charged, and nobody saw it being sent" for key in unknown]
    known = [row for row in kept if row["key"] in world.records.sent]
    _charged_once(world, known)
    await _booked_as_charged(world, known)
    _published_once(world)


def _charged_once(world: StudioWorld, charges: list[Charge]) -> None:
    """A piece made from the same is charged once, unless what was paid for was lost."""
    resubmit_below = _resubmit_below(world)
    of_order: dict[Order, list[tuple[Sent, Charge]]] = defaultdict(list)
    for charge in charges:
        sent = world.records.sent[charge["key"]]
        of_order[sent.order].append((sent, charge))
    for order, paid in of_order.items():
        once_more: set[int] = set()
        paid.sort(key=lambda one: one[0].ordered_at)
        for (before, charge), (after, _) in pairwise(paid):
            what = f"{order.kind} {order.position} of {world.name(order.task)}"
            why = _why_not_again(world, before, charge, after)
            if why is not None:
                world.failures.append(f"{what} was charged again, and {why}")
                continue
            world.happened["charged again, as it may be"] += 1
            if after.said_so > before.said_so:
                continue
            if before.estimate > resubmit_below or after.said_so in once_more:
                world.failures.append(f"{what} was charged again, and nobody said so")
            once_more.add(after.said_so)


def _why_not_again(world: StudioWorld, sent: Sent, charge: Charge, again: Sent) -> str | None:
    """Why what was charged may not be ordered again; None when it was lost."""
    if sent.left_at > again.ordered_at:
        return None  # its process was held up, so its order was given up before it was sent
    if sent.service in CAN_BE_LOOKED_UP:
        is_gone = any(charge["subject"] in path for path in world.records.gone)
        is_gone = is_gone or again.at - sent.at >= KEPT
        return None if is_gone else "it could be found"
    return "its answer came" if sent.is_answered and sent.stored_at < again.ordered_at else None


async def _booked_as_charged(world: StudioWorld, charges: list[Charge]) -> None:
    """What is booked is what was charged, and what nobody can know."""
    least: Counter[tuple[UUID, str]] = Counter()
    most: Counter[tuple[UUID, str]] = Counter()
    usd = {row["key"]: Decimal(str(row["usd"])) for row in charges}
    for key, sent in world.records.sent.items():
        of = (sent.order.task, sent.service)
        charged = usd.get(key, Decimal(0))
        is_known = sent.is_answered or (sent.service in CAN_BE_LOOKED_UP and key in usd)
        may_be = {charged} if is_known else {charged, sent.estimate}
        least[of] += min(may_be)  # type: ignore[assignment]
        most[of] += max(may_be)  # type: ignore[assignment]
    booked = {(row["task_id"], row["maker"]): row["usd"] for row in await world.own.sql(_BOOKED)}
    for of in {*booked, *least}:
        is_ = booked.get(of, Decimal(0))
        if not least[of] - _EXACT <= is_ <= most[of] + _EXACT:
            task, service = of
            world.failures.append(
                f"{service} for {world.name(task)}: {is_} USD are booked, and from {least[of]} to "
                f"{most[of]} were charged"
            )


def _published_once(world: StudioWorld) -> None:
    published = Counter(video["snippet"]["title"] for video in world.services.videos())
    for number, task in enumerate(world.tasks, start=1):
        if published[f"Video {number}"] > world.approvals[task]:
            world.failures.append(
                f"Video {number} was approved {world.approvals[task]} times, and "
                f"{published[f'Video {number}']} are on YouTube"
            )


def _resubmit_below(world: StudioWorld) -> Decimal:
    return Decimal(str(world.resubmit_below))
