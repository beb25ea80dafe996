"""What a cycle leaves in both databases, and what that adds up to with retention.

Real runs of the `push` deployment in a warm worker, with the server's settings as `showrunner up`
makes them and a board on which nothing happens, asked for back to back instead of once a minute.
Prefect's SQLite file is measured by a packed copy, so that pages which are merely reserved do not
count; what PostgreSQL writes is counted in its log (WAL).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from benchmarks.kit.figures import Figure, main
from benchmarks.kit.places import CHANNELS, Board, board, connected, database, quiet
from benchmarks.kit.prefect_holds import Held, held
from benchmarks.kit.prefect_stack import Prefect, prefect_server, warm_worker
from flows.server.prefect_settings import server_environment
from models.settings import Settings
from models.tables.webhook_events import Delivery, put
from tasks.runtime.context import Context
from tasks.runtime.report import NOTHING

IDLE_RUNS, BUSY_RUNS = 25, 6
SECONDS = 25.0
"""After which no further idle run is asked for, however few there were."""
CYCLES_A_DAY = 1_440
KB, MB = 1_000, 1_000_000
BEFORE_KB = 180
"""Measured before Showrunner was built: a run with 5 tasks, 10 log lines and a table, kept for ever
(260 MB a day)."""
EVENTS = ("events", "event_resources")
TRANSIENT = ("automation_bucket",)
"""Two rows while an automation waits for a run's next sign of life: gone some minutes after it
ended."""
_PERSISTED = 7.0
"""Seconds until the server has written the last event: it gathers them for five."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """What runs left behind.

    Attributes:
        runs: how many.
        prefect: in Prefect's database.
        wal: bytes of PostgreSQL's log; rows: rows that came in our tables; logged: bytes in the
            worker's log.
    """

    runs: int
    prefect: Held
    wal: int
    rows: int
    logged: int

    @property
    def events(self) -> float:
        """Bytes a run, of events."""
        return sum(self.prefect.bytes[table] for table in EVENTS) / self.runs

    @property
    def kept(self) -> float:
        """Bytes a run that stay as long as the run itself: states, task runs, log lines, tables."""
        passing = (*EVENTS, *TRANSIENT)
        return (
            sum(size for table, size in self.prefect.bytes.items() if table not in passing)
            / self.runs
        )

    def rows_of(self, table: str) -> float:
        """Rows a run in a table of Prefect's."""
        return self.prefect.rows[table] / self.runs


@dataclass(frozen=True, kw_only=True)
class Moment:
    """How much there is of everything."""

    prefect: Held
    wal: int
    rows: int
    logged: int

    def left_since(self, before: Moment) -> Left:
        """What came since; every run counts, whoever asked for it."""
        prefect = self.prefect.less(before.prefect)
        ended = (
            prefect.rows["flow_run_state"] + 2
        ) // 4  # each of ours is scheduled, pending, running, completed
        return Left(
            runs=max(1, ended),
            prefect=prefect,
            wal=self.wal - before.wal,
            rows=self.rows - before.rows,
            logged=self.logged - before.logged,
        )


async def moment(server: Prefect, ctx: Context) -> Moment:
    """Look, once the server has written what it still holds."""
    await asyncio.sleep(_PERSISTED)
    tables = (
        "tasks",
        "cards",
        "webhook_events",
        "task_history",
        "sync_state",
        "incidents",
        "rate_limit",
    )
    counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    async with ctx.sessions() as session:
        query = text(f"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'), {counts}")
        wal, rows = (await session.execute(query)).one()
    prefect_holds = await asyncio.to_thread(held, server.home / "prefect.db")
    return Moment(
        prefect=prefect_holds,
        wal=int(wal),
        rows=int(rows),
        logged=(server.home / "worker.log").stat().st_size,
    )


async def idle(server: Prefect, push: str) -> None:
    """Cycles with nothing to do, one after another."""
    until = time.monotonic() + SECONDS
    for _ in range(IDLE_RUNS):
        if time.monotonic() > until:
            break
        await server.run(push)


async def busy(server: Prefect, ctx: Context, push: str) -> None:
    """Cycles that each write one card."""
    steps = ["Assets Generating", "Assets Ready"]
    for number in range(BUSY_RUNS):
        async with ctx.sessions.begin() as session:
            move = text(
                "UPDATE tasks SET board_status = :to WHERE id = (SELECT id FROM tasks ORDER "
                "BY id LIMIT 1)"
            )
            await session.execute(move, {"to": steps[number % 2]})
        await server.run(push)


async def with_events(server: Prefect, ctx: Context, ingest: str) -> None:
    """Ingest runs that each look at one card."""
    async with ctx.sessions() as session:
        page_id = (
            await session.execute(text("SELECT notion_page_id FROM cards LIMIT 1"))
        ).scalar_one()
    for number in range(BUSY_RUNS):
        event = Delivery(
            event_id=f"event-{number}",
            event_type="page.properties_updated",
            page_id=page_id,
            payload={"authors": []},
        )
        async with ctx.sessions.begin() as session:
            await put(session, event, now=ctx.clock(), correlation_id=event.event_id)
        await server.run(ingest)


async def looked(notion: Board, settings: Settings) -> dict[str, Left]:
    """The three kinds of runs in turn."""
    environment = {
        "NOTION_API_TOKEN": notion.bot_token,
        "NOTION_BASE_URL": notion.base_url,
        "NOTION_DATABASE_ID": notion.database_id,
        "NOTION_REQUESTS_PER_SECOND": "50",
        "CHANNEL_CONFIGS": str(CHANNELS),
        "DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
    }
    async with (
        prefect_server() as server,
        warm_worker(server, environment, poll_seconds=0.1),
        connected(settings) as ctx,
    ):
        push, ingest = (
            await server.deployment("push/push"),
            await server.deployment("ingest/ingest"),
        )
        while await server.run(push) != NOTHING:  # the first imports the board
            pass
        moments = [await moment(server, ctx)]
        for work in (idle(server, push), busy(server, ctx, push), with_events(server, ctx, ingest)):
            await work
            moments.append(await moment(server, ctx))
    kinds = ("idle", "busy", "ingest")
    return {
        kind: later.left_since(earlier)
        for kind, earlier, later in zip(kinds, moments, moments[1:], strict=False)
    }


def steady(left: Left, kept: Settings) -> float:
    """Bytes that idle cycles, one a minute, keep in Prefect's database in the long run.

    Both the server's vacuum and our retention come once an hour, so everything stays for up to an
    hour longer.
    """
    runs = 60 * (kept.retention_idle_runs_hours + 1)
    events = 60 * (kept.retention_prefect_events_hours + 1)
    return runs * left.kept + events * left.events


def figures(left: dict[str, Left]) -> list[Figure]:
    """The table."""
    cycle, kept = left["idle"], Settings.model_construct()
    whole = cycle.kept + cycle.events
    task_runs, lines = cycle.rows_of("task_run"), cycle.rows_of("log")
    events = f"{cycle.events / KB:.0f} KB {cycle.rows_of('events'):.0f} events"
    vacuum = server_environment(CHANNELS, 1)["PREFECT_SERVER_EVENTS_RETENTION_PERIOD"]
    return [
        Figure(
            what="what an idle cycle leaves in Prefect's database",
            limit=f"less than the {BEFORE_KB} KB a run measured before; no task run, log "
            f"line or table",
            measured=f"{whole / KB:.0f} KB: {cycle.kept / KB:.1f} KB run and states, {events}",
            ratio=whole / KB / BEFORE_KB,
            good=whole / KB < BEFORE_KB and task_runs == lines == cycle.rows_of("artifact") == 0,
            note=f"Mean of {cycle.runs} runs. Events are kept for {vacuum} and go within "
            f"another hour",
        ),
        Figure(
            what=f"an idle day ({CYCLES_A_DAY:,} cycles): written to Prefect's database, "
            f"and kept in the long run",
            limit=f"kept: less than a day was before ({BEFORE_KB * CYCLES_A_DAY / KB:.0f} "
            f"MB), for ever",
            measured=f"{whole * CYCLES_A_DAY / MB:.0f} MB written, "
            f"{steady(cycle, kept) / MB:.0f} MB kept",
            ratio=steady(cycle, kept) / (BEFORE_KB * KB * CYCLES_A_DAY),
            good=steady(cycle, kept) < BEFORE_KB * KB * CYCLES_A_DAY,
        ),
        Figure(
            what="what an idle cycle leaves in our database",
            limit="no row",
            measured=f"{cycle.rows} rows; {cycle.wal / cycle.runs / KB:.1f} KB of WAL; "
            f"{cycle.logged / cycle.runs:.0f} bytes in the worker's log",
            good=cycle.rows == 0,
        ),
        *(
            Figure(
                what=f"what {name} leaves in Prefect's database",
                limit=f"less than {BEFORE_KB} KB",
                measured=f"{(each.kept + each.events) / KB:.0f} KB, of which "
                f"{each.kept / KB:.0f} KB for "
                f"{kept.retention_runs_days} days: {each.rows_of('task_run'):.0f} task runs, "
                f"{each.rows_of('log'):.0f} log lines, {each.rows_of('artifact'):.0f} table",
                ratio=(each.kept + each.events) / KB / BEFORE_KB,
                good=each.kept + each.events < BEFORE_KB * KB,
            )
            for name, each in (
                ("a cycle that pushes a card", left["busy"]),
                ("an ingest run", left["ingest"]),
            )
        ),
    ]


async def measure() -> Sequence[Figure]:
    """A board without latency: what is measured is no time."""
    quiet()
    with database() as url:
        async with board(20, latency_ms=0, options=("--requests-per-minute", "100000")) as notion:
            return figures(await looked(notion, notion.settings(url)))


if __name__ == "__main__":
    main(measure)
