"""A page that could not be read may hold an edit: nothing is written before it was read."""

from __future__ import annotations

from kit.stage import Stage


async def test_an_edit_that_could_not_be_read_is_not_written_over(stage: Stage) -> None:
    page, other = await stage.add_valid(status="Queued"), await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    await stage.moves(other, "Processing")
    await stage.edit(page, priority="High", status="Draft")
    stage.sandbox.faults.add(500, method="GET", path=f"/v1/pages/{page}", times=30)
    await stage.webhook(page)
    await stage.ingest()
    await stage.cycle()
    assert (await stage.shows(page))["Status"] == "Draft"
    assert (await stage.shows(other))["Status"] == "Processing"
    stage.sandbox.faults.clear()
    for _ in range(3):
        stage.clock.pass_(120)
        await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.priority == "high"
    assert (await stage.shows(page))["Status"] == "Processing"
    assert [row.lost_value for row in await stage.history(page) if row.action == "overruled"] == [
        "Draft"
    ]


async def test_a_card_that_a_sweep_could_not_read_again_is_read_without_a_webhook(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Ready for Review")
    await stage.cycle()
    await stage.edit(page, status="Uploading")
    await stage.webhook(page)
    await stage.ingest()
    # The same minute: a query's row that says something new is read by id, because queries lag
    # behind.
    await stage.edit(page, status="Draft", priority="Low")
    stage.sandbox.faults.add(500, method="GET", path=f"/v1/pages/{page}", times=30)
    await stage.cycle()
    stage.sandbox.faults.clear()
    for _ in range(3):
        stage.clock.pass_(600)
        await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert (task.priority, (await stage.shows(page))["Status"]) == ("low", "Ready for Review")
    assert "Draft" in [row.lost_value for row in await stage.history(page)]


async def test_a_card_that_stays_unreadable_backs_off_and_stops_no_other(stage: Stage) -> None:
    page, other = await stage.add_valid(), await stage.add_valid()
    await stage.cycle()
    stage.sandbox.faults.add(500, method="GET", path=f"/v1/pages/{page}", times=1000)
    await stage.edit(page, title="Colossal squid")
    await stage.webhook(page)
    await stage.ingest()
    for n in range(30):
        stage.clock.pass_(60)
        await stage.moves(other, "Processing" if n % 2 else "Assets Generating")
        report = await stage.cycle()
        assert report.pushed == 1
    card = await stage.card(page)
    assert card.last_error is not None
    assert card.attempts < 12
