"""Two hosts behind one address; one of them is cut off in the middle of a burst.

Network namespaces stand in for hosts (Linux, as root). In the centre: PostgreSQL with our database
and Prefect's, the Prefect server, a Notion that answers after 300 ms, and HAProxy. Cut off is the
host that is pushing at that moment, and it stays so until everything is equal.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import httpx

from benchmarks.kit.figures import Figure, main, most_in_any_window
from benchmarks.kit.places import folder, quiet
from benchmarks.kit.waiting import answering, until
from benchmarks.two_hosts.burst import Burst, doubled, lost, records, undone
from benchmarks.two_hosts.hosts import Host, NotPermitted, demand, network, standing_at
from benchmarks.two_hosts.place import CONNECTIONS, Place, everything, said, shares
from benchmarks.two_hosts.stack import Machine

CARDS = 200
RECEIVED = "webhook_received"
TROUBLE = (
    "prefect_server_away",
    "prefect_server_back",
    "inbox_unavailable",
    "inbox_back",
    "watch_failed",
    "alert",
)
LOCK_SECONDS, CYCLE_SECONDS, LATER_SECONDS = 30.0, 60.0, 60.0
PATIENCE_SECONDS, RUN_SECONDS = 200.0, 360.0


@dataclass
class Log:
    """What happened, a line each, with the seconds since the burst began."""

    began: float = field(default_factory=time.monotonic)

    def __call__(self, line: str) -> None:
        """Say it."""
        sys.stderr.write(f"  {time.monotonic() - self.began:6.1f} s  {line}\n")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was measured; seconds count from the cut.

    Attributes:
        silent_until: when PostgreSQL had dropped the last connection of the cut-off host.
        taken_over: when the other host began a cycle.
        equal: when board and database were equal on every card.
        back: seconds from plugging in until the host that had been cut off worked again.
        moments: of each request, as a timestamp.
    """

    silent_until: float
    taken_over: float
    equal: float
    writes_left: int
    back: float
    survived: bool
    writes_after: int
    moments: list[float]
    refused: int
    doubled: list[str]
    lost: list[str]


async def noticed(place: Place, victim: Host, cut: float) -> tuple[float, float]:
    """Seconds from the cut until PostgreSQL dropped the host, and until the other's next cycle."""
    free = taken_over = 0.0
    while not free or not taken_over:
        left = (await records(place.database, CONNECTIONS, victim.address))[0]["count"]
        free = free or (0.0 if left else time.monotonic() - cut)
        holder = await place.holder()
        elsewhere = holder is not None and holder.host is not victim
        taken_over = taken_over or (time.monotonic() - cut if elsewhere else 0.0)
        await asyncio.sleep(0.1)
    return free, taken_over


async def works_again(place: Place, victim: Machine) -> None:
    """Return when its receiver answers and a run of push ended on it."""
    await answering(victim.health, LATER_SECONDS)

    async def ran_there() -> bool:
        run = await place.ask_for_a_cycle()

        async def where() -> str | None:
            return await place.ended(run)

        return bool(await until(where, "a run ends", seconds=LATER_SECONDS) == victim.host.name)

    await until(ran_there, "a run on the host that was cut off", seconds=LATER_SECONDS, every=0.0)


async def midst(burst: Burst, place: Place, since: int) -> Machine:
    """Half of it is done, and a cycle is writing to the board; on which host."""
    asked = False

    async def half() -> Machine | None:
        nonlocal asked
        if min(burst.edited, burst.moved) < burst.edits // 2:
            return None
        holder = await place.holder()
        if holder is None and not asked:
            await place.ask_for_a_cycle()
            asked = True
        writes = [each for each in await place.board.requests(since) if each["method"] == "PATCH"]
        return (
            holder
            if holder and any(each["from"] == holder.host.address for each in writes[-3:])
            else None
        )

    return await until(half, "a cycle in the midst of the burst", seconds=PATIENCE_SECONDS)


async def live_through(place: Place, say: Log) -> Outcome:
    """The burst, the cut, the silence, and the cable in again."""
    notion = place.board
    pages = [
        row["notion_page_id"]
        for row in await records(place.database, "SELECT notion_page_id FROM cards")
    ]
    first = await notion.last()
    burst = Burst(board=notion, database=place.database, pages=pages, rng=Random(7))
    say(
        f"PostgreSQL {await place.version()} for all; two workers, two receivers; {len(pages)} "
        f"cards imported: the burst"
    )
    began = datetime.now(UTC)
    raging = asyncio.create_task(burst.rage())
    victim = await midst(burst, place, first)
    place.net.pull(victim.host)
    cut, moment = time.monotonic(), datetime.now(UTC)
    burst.struck.set()
    name, at_cut = victim.host.name, await notion.last()
    say(
        f"{name}'s cable is pulled in the midst of its push, after {burst.edited} edits and "
        f"{burst.moved} moves; "
        f"requests so far: {told(await shares(place, first, at_cut))}"
    )
    watching = asyncio.create_task(noticed(place, victim.host, cut))
    await raging
    waiting = await undone(place.database)
    taken = Counter(
        {
            each.host.name: said(each.receiver_log, began, RECEIVED)[RECEIVED]
            for each in place.machines
        }
    )
    say(
        f"burst over: {burst.edited} edits, {burst.moved} moves; webhooks by receiver: "
        f"{told(taken)}; {waiting} wait"
    )
    free, taken_over = await asyncio.wait_for(watching, PATIENCE_SECONDS)
    say(
        f"PostgreSQL dropped {name} {free:.1f} s after the cut; the other's first cycle "
        f"began at {taken_over:.1f} s"
    )
    await until(place.settled, "board and database are equal", seconds=PATIENCE_SECONDS, every=1.0)
    equal = time.monotonic() - cut
    since = await shares(place, at_cut)
    say(
        f"board and database equal on all {len(pages)} cards {equal:.1f} s after the cut; "
        f"requests: {told(since)}"
    )
    alone = [told(said(log, moment, *TROUBLE)) for log in (victim.worker_log, victim.receiver_log)]
    crashed = await place.crashed(victim)
    say(
        f"{name} meanwhile: its worker said {alone[0]}, its receiver {alone[1]}; Prefect gave "
        f"up {crashed} of its runs"
    )
    place.net.plug_in(victim.host)
    plugged, before = time.monotonic(), await notion.last()
    await works_again(place, victim)
    back = time.monotonic() - plugged
    await until(
        place.settled, "board and database are equal again", seconds=PATIENCE_SECONDS, every=1.0
    )
    writes = [each for each in await notion.requests(before) if each["method"] == "PATCH"]
    survived = victim.worker.returncode is None and victim.receiver.returncode is None
    ends = "the same processes" if survived else "a process ENDED"
    say(
        f"plugged in: after {back:.1f} s {name}'s receiver and worker work again ({ends}); "
        f"{len(writes)} writes since"
    )
    requests = await notion.requests(first)
    outcome = Outcome(
        silent_until=free,
        taken_over=taken_over,
        equal=equal,
        writes_left=sum(each["method"] == "PATCH" and each["number"] > at_cut for each in requests),
        back=back,
        survived=survived,
        writes_after=len(writes),
        moments=[datetime.fromisoformat(each["time"]).timestamp() for each in requests],
        refused=sum(each["status"] == httpx.codes.TOO_MANY_REQUESTS for each in requests),
        doubled=await doubled(place.database),
        lost=await lost(burst),
    )
    most = most_in_any_window(outcome.moments, 1)
    say(
        f"doubled: {len(outcome.doubled)}, lost: {len(outcome.lost)}; at most {most} "
        f"requests in a second"
    )
    for fault in [*outcome.doubled, *outcome.lost][:5]:
        say(f"  {fault}")
    return outcome


def told(counts: Counter[str]) -> str:
    """In words."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "nothing"


def figures(outcome: Outcome) -> list[Figure]:
    """Each law with its limit."""
    least = CYCLE_SECONDS + LOCK_SECONDS + outcome.writes_left / 3
    most = most_in_any_window(outcome.moments, 1)
    what = "two hosts, 300 edits and 300 moves, one cut off in the midst of its push"
    return [
        Figure(
            what=f"{what}: board and database equal",
            limit=f"{least:.0f} s after the cut ({LOCK_SECONDS:.0f} s of silence, a cycle's "
            f"minute, writes left / 3)",
            measured=f"{outcome.equal:.0f} s",
            ratio=outcome.equal / least,
            good=outcome.equal <= least,
            note=f"{outcome.writes_left} writes were left",
        ),
        Figure(
            what="the lock and the claims of a host that was cut off are free",
            limit=f"{LOCK_SECONDS:.0f} s after the cut",
            measured=f"{outcome.silent_until:.1f} s",
            ratio=outcome.silent_until / LOCK_SECONDS,
            good=outcome.silent_until <= LOCK_SECONDS,
        ),
        Figure(
            what="most requests of both hosts in any second",
            limit="3",
            measured=f"{most}, {outcome.refused} refused with 429",
            ratio=most / 3,
            good=most <= 3 and not outcome.refused,
        ),
        Figure(
            what="edits or moves that took effect twice; edits or moves lost or overruled",
            limit="0; 0",
            measured=f"{len(outcome.doubled)}; {len(outcome.lost)}",
            good=not outcome.doubled and not outcome.lost,
        ),
        Figure(
            what="plugged in again: the cut-off host's receiver and worker work, without a restart",
            limit=f"{LATER_SECONDS:.0f} s, 0 writes",
            measured=f"{outcome.back:.0f} s, {outcome.writes_after} writes",
            good=outcome.survived and outcome.back <= LATER_SECONDS and not outcome.writes_after,
        ),
    ]


async def measure() -> Sequence[Figure]:
    """One run; where it cannot be made, that is what the figure says."""
    quiet()
    try:
        demand("haproxy", "setpriv")
        with folder() as made, network("host-a", "host-b") as net, standing_at(net.centre):
            async with asyncio.timeout(RUN_SECONDS), everything(net, made, CARDS) as place:
                return figures(await live_through(place, Log()))
    except (NotPermitted, TimeoutError) as error:
        why = str(error) or f"it was not over after {RUN_SECONDS:.0f} s"
        what = "two hosts, one cut off in the midst of a burst"
        return [
            Figure(what=what, limit="a run", measured="not run to its end", good=False, note=why)
        ]


if __name__ == "__main__":
    main(measure)
