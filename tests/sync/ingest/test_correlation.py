"""One id through receiver, inbox, log and history."""

from __future__ import annotations

from kit.stage import Stage
from structlog.contextvars import bound_contextvars


async def test_a_single_events_id_from_the_receiver_is_in_the_history(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    stage.clock.pass_(60)
    await stage.edit(page, status="Queued")
    await stage.webhook(page)
    with bound_contextvars(correlation_id="run"):
        await stage.ingest()
    assert (await stage.history(page))[-1].correlation_id == "receiver"


async def test_events_taken_together_go_under_the_runs_id(stage: Stage) -> None:
    pages = [await stage.add_valid(), await stage.add_valid()]
    await stage.cycle()
    stage.clock.pass_(60)
    for page in pages:
        await stage.edit(page, status="Queued")
        await stage.webhook(page)
    with bound_contextvars(correlation_id="run"):
        await stage.ingest()
    assert {(await stage.history(page))[-1].correlation_id for page in pages} == {"run"}
