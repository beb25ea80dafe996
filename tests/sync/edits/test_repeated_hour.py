"""Time zones of server, database or role change nothing, not even in the hour that comes twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest
from kit.clock import Clock
from kit.stage import Stage
from sqlalchemy import URL

from models.postgres.engine import libpq, open_engine, open_sessions

HALF_PAST_TWO, HALF_PAST_TWO_AGAIN = (
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
)
"""In Berlin, on the last Sunday of October 2026."""
ODD = {
    "timezone": "Europe/Berlin",
    "datestyle": "SQL, DMY",
    "intervalstyle": "iso_8601",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "serializable",
}
"""What an administrator may have said of all sessions of a database."""


@pytest.fixture(params=[["timezone"], list(ODD)], ids=["time-zone", "everything"])
async def stage(database: URL, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A stage on a database whose sessions begin oddly."""
    with psycopg.connect(libpq(database), autocommit=True) as admin:
        for name, value in ((name, ODD[name]) for name in request.param):
            admin.execute(f"ALTER DATABASE {database.database} SET {name} = '{value}'")
    engine = open_engine(database)
    made = Stage(open_sessions(engine), Clock())
    made.clock.now = HALF_PAST_TWO
    await made.open()
    yield made
    await made.close()
    await engine.dispose()


async def test_cards_made_and_moved_in_the_hour_that_comes_twice_are_nobodys_tampering(
    stage: Stage, database: URL
) -> None:
    pages = [await stage.add_valid(title=f"Squid {number}") for number in range(3)]
    for moment in (HALF_PAST_TWO, HALF_PAST_TWO_AGAIN):
        stage.clock.now = moment
        pages.append(await stage.add_valid(title="Made then"))
        for page in pages:
            await stage.edit(page, status="Queued" if moment == HALF_PAST_TWO else "Draft")
        await stage.cycle()
        stage.clock.pass_(240)
        await stage.cycle()
    with psycopg.connect(
        libpq(database), autocommit=True
    ) as worker:  # its session is as odd as the database says
        stage.clock.pass_(60)
        worker.execute(
            "SELECT set_config('showrunner.now', %s, false)", [stage.clock.now.isoformat()]
        )
        worker.execute("UPDATE tasks SET board_status = 'Processing'")
    await stage.cycle()
    stage.clock.pass_(300)
    assert not (await stage.cycle()).pushed
    for page in pages:
        history = await stage.history(page)
        assert [row.property for row in history if row.action in {"refused", "overruled"}] == []
        task, shows = await stage.task(page), await stage.shows(page)
        assert task is not None
        assert datetime.fromisoformat(shows["Updated"]) == task.status_changed_at.replace(
            second=0, microsecond=0
        )
