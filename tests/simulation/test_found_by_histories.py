"""What histories found in the core, each as the shortest story that shows it."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Mapping
from dataclasses import replace
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from kit.stage import CHANNEL, Stage

from models.rules.channels import ChannelFolder
from tasks.runtime.concurrency import run_all


def _change_type(stage: Stage, name: str, kind: str) -> None:
    """People change a property's type in Notion's app; the sandbox's API has no word for it."""
    source = stage.sandbox.state.sources[stage.data_source_id]
    prop = next(prop for prop in source.schema.values() if prop.name == name)
    source.schema = {**source.schema, prop.id: replace(prop, kind=kind)}


async def test_a_priority_whose_property_changed_its_type_is_not_read_as_emptied(
    stage: Stage,
) -> None:
    page = await stage.add_valid(priority="High")
    await stage.cycle()
    _change_type(stage, "Priority", "status")
    await stage.edit(page, title="Colossal squid")
    stage.clock.pass_(60)
    for _ in range(2):
        await stage.cycle()
        stage.clock.pass_(600)
    _change_type(stage, "Priority", "select")
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert (task.priority, task.title) == ("high", "Colossal squid")
    assert (await stage.shows(page))["Priority"] == "High"


@pytest.mark.parametrize("name", ["Priority", "Story Direction"])
async def test_a_column_that_people_delete_takes_nothing_from_the_tasks(
    stage: Stage, name: str
) -> None:
    page = await stage.add_valid(priority="High", story="Slow and dark")
    await stage.cycle()
    await stage.ask(
        "PATCH", f"/v1/data_sources/{stage.data_source_id}", {"properties": {name: None}}
    )
    await stage.edit(page, title="Colossal squid")
    stage.clock.pass_(60)
    await stage.cycle()
    await stage.moves(page, "Processing")
    stage.clock.pass_(60)
    await stage.cycle()
    await stage.edit(page, topic="Mesonychoteuthis")
    stage.clock.pass_(60)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert (task.priority, task.story_direction, task.topic) == (
        "high",
        "Slow and dark",
        "Mesonychoteuthis",
    )
    assert not [h for h in await stage.history(page) if h.property == name]


async def test_an_option_that_is_deleted_while_a_cycle_runs_is_not_made_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    write = stage.ctx.notion.update_page

    async def write_too_late(page_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        await _delete_option(stage, "Processing")
        return await write(page_id, properties)

    monkeypatch.setattr(stage.ctx.notion, "update_page", write_too_late)
    report = await stage.cycle()
    assert report.failed == 1
    assert "Processing" not in await _options(stage)
    assert (await stage.shows(page))["Status"] == "Queued"


async def _options(stage: Stage) -> list[str]:
    source = await stage.ask("GET", f"/v1/data_sources/{stage.data_source_id}")
    return [option["name"] for option in source["properties"]["Status"]["select"]["options"]]


async def _delete_option(stage: Stage, name: str) -> None:
    kept = [{"name": option} for option in await _options(stage) if option != name]
    change = {"properties": {"Status": {"select": {"options": kept}}}}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", change)


async def test_work_that_is_cancelled_before_it_began_leaves_nothing_behind() -> None:
    async def fails() -> None:
        raise ValueError("it failed")

    async def waits() -> None:
        await asyncio.sleep(60)

    async def never_begun() -> None:
        await run_all((waits() for _ in range(3)), at_once=1)

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        task = asyncio.create_task(never_begun())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ValueError, match="it failed"):
            await run_all([fails(), waits(), waits()])
        gc.collect()
    assert [
        str(warning.message) for warning in heard if "never awaited" in str(warning.message)
    ] == []


async def test_a_write_that_was_saved_despite_its_error_is_not_taken_for_a_persons_move(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    stage.sandbox.faults.add(503, saved=True, method="PATCH")
    read = stage.ctx.notion.get_page

    async def read_late(page_id: str) -> dict[str, Any]:
        await stage.moves(page, "Assets Generating")
        return await read(page_id)

    with monkeypatch.context() as patched:
        patched.setattr(stage.ctx.notion, "get_page", read_late)
        await stage.cycle()
    stage.clock.pass_(60)
    await stage.cycle()
    shown = await stage.shows(page)
    assert (shown["Status"], shown["Attention"]) == ("Assets Generating", "")
    assert [row.action for row in await stage.history(page)] == ["created", "changed", "changed"]


async def test_a_card_that_is_told_to_choose_a_channel_is_told_anew_when_the_channels_change(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(channel="")
    await stage.cycle()
    assert "history_in_ten" in (await stage.shows(page))["Attention"]
    left = {CHANNEL: (await stage.ctx.channels())[CHANNEL]}

    async def only_those() -> ChannelFolder:
        return ChannelFolder(channels=left)

    monkeypatch.setattr(stage.ctx, "channel_folder", only_those)
    stage.clock.pass_(60)
    await stage.cycle()
    assert (await stage.shows(page))["Attention"] == f"Channel is empty; choose one of: {CHANNEL}."


async def test_a_property_that_comes_back_under_another_name_is_read_again(stage: Stage) -> None:
    """Seed 27: its type was changed, a cycle passed, then it was renamed and changed back."""
    page = await stage.add_valid(priority="High")
    await stage.cycle()
    _change_type(stage, "Priority", "status")
    await stage.edit(page, title="Colossal squid")
    stage.clock.pass_(60)
    await stage.cycle()
    source = stage.sandbox.state.sources[stage.data_source_id]
    prop = next(prop for prop in source.schema.values() if prop.name == "Priority")
    source.schema = {**source.schema, prop.id: replace(prop, kind="select", name="Urgency")}
    for _ in range(2):
        stage.clock.pass_(3601)
        await stage.cycle()
    await stage.ask(
        "PATCH",
        f"/v1/pages/{page}",
        {"properties": {prop.id: {"select": {"name": "Low"}}}},
    )
    stage.clock.pass_(60)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.priority == "low"


async def test_an_edit_after_a_sweeps_query_is_read_though_a_row_took_minutes(
    stage: Stage,
) -> None:
    """Seed 400053: the next sweep began where the last answer had come, not the query's."""
    odd, page = await stage.add_valid(), await stage.add_valid(priority="Normal")
    for _ in range(2):
        stage.clock.pass_(600)
        await stage.cycle()
    asked_at = stage.clock.now
    await stage.edit(odd, title="Colossal squid")
    stage.clock.pass_(1)
    await stage.edit(page, priority="High")
    stage.clock.pass_(600)
    late = {"asked": True}

    def alter(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if not (late["asked"] and request.url.path.endswith("/query")):
            return response
        late["asked"] = False
        answer = response.json()
        answer["results"] = [row for row in answer["results"] if row["id"] == odd]
        del answer["results"][0]["properties"]["Topic"]
        moment = format_datetime(asked_at, usegmt=True)
        return httpx.Response(200, json=answer, headers={"Date": moment}, request=request)

    assert stage.between is not None
    stage.between.alter = alter
    await stage.cycle()
    assert not late["asked"]
    stage.clock.pass_(60)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.priority == "high"
