"""What people do to the board's schema while the sync runs."""

from __future__ import annotations

from dataclasses import replace

from kit.stage import Stage

from models.board.known_ids import read_known_ids
from models.tables.incidents import open_incidents
from tasks.board.followed import BOARD_DRIFT


async def drifts(stage: Stage) -> list[str]:
    async with stage.sessions() as session:
        return [
            incident.facts["missing"] for incident in await open_incidents(session, BOARD_DRIFT)
        ]


async def set_statuses(stage: Stage, *without: str) -> list[dict[str, object]]:
    source = await stage.ask("GET", f"/v1/data_sources/{stage.data_source_id}")
    before = list(source["properties"]["Status"]["select"]["options"])
    options = [option for option in before if option["name"] not in without]
    body = {"properties": {"Status": {"select": {"options": options}}}}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", body)
    return before


async def test_a_renamed_property_goes_on_working_both_ways(stage: Stage) -> None:
    page = await stage.add_valid(topic="Architeuthis", status="Queued")
    await stage.cycle()
    names = {
        "Topic": "Stoff",
        "Status": "Stand",
        "Attention": "Bitte",
        "Title": "Name",
        "Updated": "Zuletzt",
    }
    body = {"properties": {old: {"name": new} for old, new in names.items()}}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", body)
    await stage.ask(
        "PATCH",
        f"/v1/pages/{page}",
        {"properties": {"Stoff": {"rich_text": [{"text": {"content": "Whale"}}]}}},
    )
    await stage.moves(page, "Processing")
    stage.clock.pass_(120)
    report = await stage.cycle()
    assert (report.pushed, report.failed) == (1, 0)
    task = await stage.task(page)
    assert task is not None
    assert task.topic == "Whale"
    assert (await stage.shows(page))["Stand"] == "Processing"
    assert await drifts(stage) == []


async def test_a_missing_option_is_alerted_once_and_over_when_it_is_back(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    before = await set_statuses(stage, "Assets Ready", "Uploading")
    for _ in range(2):
        await stage.moves(page, "Processing")
        await stage.cycle()
        await stage.moves(page, "Assets Generating")
        stage.clock.pass_(60)
        await stage.cycle()
    assert await drifts(stage) == ["Status: Assets Ready, Status: Uploading"]
    body = {"properties": {"Status": {"select": {"options": before}}}}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", body)
    await stage.moves(page, "Processing")
    stage.clock.pass_(60)
    await stage.cycle()
    assert await drifts(stage) == []


async def test_a_retyped_property_that_is_not_needed_is_one_alert_and_stops_nothing(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued", priority="High")
    await stage.cycle()
    source = await stage.ask("GET", f"/v1/data_sources/{stage.data_source_id}")
    options = source["properties"]["Priority"]["select"]["options"]
    for kind, named in (("rich_text", ["property_type"]), ("select", [])):
        shape = {"rich_text": {}, "select": {"options": options}}[kind]
        body = {"properties": {"Priority": {kind: shape}}}
        await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", body)
        for status in ("Processing", "Assets Generating"):
            await stage.moves(page, status)
            stage.clock.pass_(3700)
            report = await stage.cycle()
            assert (report.pushed, report.failed) == (1, 0)
            assert (await stage.shows(page))["Status"] == status
        async with stage.sessions() as session:
            assert [incident.name for incident in await open_incidents(session)] == named
        task = await stage.task(page)
        assert task is not None
        assert task.priority == "high", "what cannot be read is no edit"


async def test_the_sync_remembers_options_by_the_name_they_had(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    state = stage.sandbox.state
    source = state.sources[stage.data_source_id]
    status = next(prop for prop in source.schema.values() if prop.name == "Status")
    options = tuple(
        replace(o, name="In the queue") if o.name == "Queued" else o for o in status.options
    )
    queued = next(option.id for option in status.options if option.name == "Queued")
    state.put_source(
        replace(source, schema={**source.schema, status.id: replace(status, options=options)})
    )
    await stage.moves(page, "Processing")
    stage.clock.pass_(60)
    await stage.cycle()
    async with stage.sessions() as session:
        known = await read_known_ids(session, stage.data_source_id)
    assert known.options["Status"]["Queued"] == known.options["Status"]["In the queue"] == queued
