"""The automation against silent runs, evaluated by Prefect's own code over events of one run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.server.database import provide_database_interface
from prefect.server.events import triggers
from prefect.server.events.schemas.automations import Automation, EventTrigger, Firing
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL, temporary_settings

from flows.server.automations import RUN_ENDED, TAG, automations

HEARTBEAT = "prefect.flow-run.heartbeat"
RUNNING, COMPLETED = "prefect.flow-run.Running", "prefect.flow-run.Completed"
BEGAN = datetime.now(UTC) - timedelta(minutes=10)


@pytest.fixture
async def fired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Firing]]:
    """What the automations have fired, with a database of Prefect's own for them."""
    firings: list[Firing] = []

    async def act(firing: Firing) -> None:
        firings.append(firing)

    monkeypatch.setattr(triggers, "act", act)
    url = f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}"
    with temporary_settings({PREFECT_SERVER_DATABASE_CONNECTION_URL: url}):
        database = provide_database_interface()
        engine = await database.engine()
        tables = [
            table
            for name, table in database.Base.metadata.tables.items()
            if name.startswith("automation")
        ]
        async with engine.begin() as connection:
            await connection.run_sync(database.Base.metadata.create_all, tables=tables)
        made = [
            Automation.model_validate(core.model_dump(mode="json") | {"id": uuid4()})
            for core in automations()
        ]
        async with triggers.automations_session(begin_transaction=True) as session:
            session.add_all(database.Automation(**one.model_dump()) for one in made)
        for one in made:
            triggers.load_automation(one)
        yield firings
        await triggers.reset()
        await engine.dispose()


async def after_events(*events: tuple[str, float]) -> None:
    """Let Prefect receive a run's events, stamped so many seconds after its start, then wait."""
    resource = {"prefect.resource.id": f"prefect.flow-run.{uuid4()}"}
    tag = {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
    for name, seconds in events:
        event = ReceivedEvent(
            id=uuid4(),
            event=name,
            occurred=BEGAN + timedelta(seconds=seconds),
            resource=resource,
            related=[tag],
        )
        await triggers.reactive_evaluation(event)
    await triggers.reset_events_clock()  # it stands at the last event, ten minutes ago
    for automation in triggers.automations_by_id.values():
        for trigger in automation.triggers_of_type(EventTrigger):
            await triggers.proactive_evaluation(trigger, datetime.now(UTC))


@pytest.mark.parametrize(
    "events",
    [
        [(RUNNING, 0), (HEARTBEAT, 0.1), (COMPLETED, 1), (RUN_ENDED, 1.1)],
        [(RUNNING, 0), (COMPLETED, 1), (HEARTBEAT, 1.2), (RUN_ENDED, 1.3)],
        [(RUNNING, 0), (COMPLETED, 1), (RUN_ENDED, 1.3), (HEARTBEAT, 1.2)],
    ],
    ids=["in order", "the last heartbeat is late", "it arrives after the end"],
)
async def test_a_run_that_has_ended_is_never_silent_however_late_its_last_heartbeat(
    fired: list[Firing], events: list[tuple[str, float]]
) -> None:
    await after_events(*events)
    assert not fired


@pytest.mark.parametrize(
    "events",
    [
        [(RUNNING, 0), (HEARTBEAT, 0.1)],
        [(RUNNING, 0), (HEARTBEAT, 0.1), (HEARTBEAT, 30.1)],
        [("prefect.flow-run.Pending", 0)],
    ],
    ids=["after one heartbeat", "after two", "before its start"],
)
async def test_a_run_that_died_is_crashed_once(
    fired: list[Firing], events: list[tuple[str, float]]
) -> None:
    await after_events(*events)
    assert len(fired) == 1
