"""The channel folder while the sync runs: wrong files, and names that look alike."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from kit.stage import CHANNEL, CHANNELS, Stage

from models.tables.incidents import open_incidents
from models.tables.reference_data import ChannelRow, configured_channels
from models.tables.sync_state import DAILY_BUDGET, get_value
from tasks.runtime.channels import channels_in_force, store_channels
from tasks.runtime.context import Context

NFC, NFD = "Caf\u00e9", "Cafe\u0301"


@pytest.fixture
def folder(stage: Stage, tmp_path: Path) -> Path:
    """A channel folder that the test may change."""
    made = tmp_path / "channels"
    shutil.copytree(CHANNELS, made)
    stage.ctx.settings = stage.ctx.settings.model_copy(update={"channel_configs": made})
    return made


async def alerts(stage: Stage) -> list[str]:
    async with stage.sessions() as session:
        return [incident.title for incident in await open_incidents(session)]


def restarted(stage: Stage) -> None:
    """Another process goes on, which remembers nothing."""
    ctx = stage.ctx
    stage.ctx = Context(ctx.settings, ctx.sessions, ctx.notion, clock=ctx.clock, sleep=ctx.sleep)


async def test_a_channel_file_that_breaks_stops_nothing_and_is_alerted_until_it_is_repaired(
    stage: Stage, folder: Path
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    file = folder / f"{CHANNEL}.yaml"
    good = file.read_text()
    file.write_text("display_name: x\n\tvoice: y\n")
    for _ in range(2):
        restarted(stage)
        stage.clock.pass_(60)
        await stage.cycle()
        [said] = await alerts(stage)
        assert said.startswith(f"Channel file {CHANNEL}.yaml: line 2: ")
    later = await stage.add_valid(status="Queued")
    stage.clock.pass_(60)
    await stage.cycle()
    for card in (page, later):
        shown = await stage.shows(card)
        assert (shown["Status"], shown["Attention"]) == ("Queued", "")
        task = await stage.task(card)
        assert task is not None
        assert (task.status, task.channel_id) == ("pending", CHANNEL)
    file.write_text(good)
    stage.clock.pass_(60)
    await stage.cycle()
    assert await alerts(stage) == []


async def test_a_wrong_file_of_the_only_channel_is_no_end_either(
    stage: Stage, folder: Path
) -> None:
    (folder / "history_in_ten.yaml").unlink()
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    (folder / f"{CHANNEL}.yaml").write_text("")
    restarted(stage)
    stage.clock.pass_(60)
    await stage.cycle()
    assert (await stage.shows(page))["Attention"] == ""
    assert len(await alerts(stage)) == 1


async def test_a_deleted_file_is_a_deleted_channel(stage: Stage, folder: Path) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    (folder / f"{CHANNEL}.yaml").unlink()
    stage.clock.pass_(60)
    await stage.cycle()
    assert "Unknown channel" in (await stage.shows(page))["Attention"]
    assert await alerts(stage) == []


@pytest.mark.parametrize(
    ("file", "option"), [(NFD, NFC), (NFC, NFD), (NFC, "CAF\u00c9"), (f"{NFC} ", NFC)], ids=ascii
)
async def test_a_channel_is_recognized_in_any_unicode_form_and_the_task_has_the_configured_id(
    stage: Stage, folder: Path, file: str, option: str
) -> None:
    (folder / f"{file}.yaml").write_text("display_name: Coffee\n")
    page = await stage.add_valid(channel=option, status="Queued")
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.channel_id == NFC
    shown = await stage.shows(page)
    assert (shown["Channel"], shown["Attention"]) == (option, "")
    stage.clock.pass_(60)
    async with stage.requests() as made:
        report = await stage.cycle()
    assert [request for request in made() if request.startswith("PATCH")] == []
    assert (report.taken, report.refused, report.invalid) == (0, 0, 0)
    assert [row.action for row in await stage.history(page)] == ["created"]


async def test_a_wrong_production_block_is_a_fault_of_its_file_and_the_last_good_one_counts(
    stage: Stage, folder: Path
) -> None:
    file = folder / f"{CHANNEL}.yaml"
    good = "display_name: x\nproduction: {gates: [assembly], budget: {month: 30}}\n"
    file.write_text(good)
    await stage.cycle()
    file.write_text(good.replace("month", "week").replace("30", "40"))
    for _ in range(2):
        restarted(stage)
        stage.clock.pass_(60)
        await stage.cycle()
        [said] = await alerts(stage)
        assert said.startswith(f"Channel file {CHANNEL}.yaml: production.budget.week: ")
    async with stage.sessions() as session:
        row = await session.get_one(ChannelRow, CHANNEL)
    assert (row.producer, row.gates, row.budget_month) == ("workers", ["assembly"], 30)
    file.write_text("display_name: x\n")
    stage.clock.pass_(60)
    await stage.cycle()
    assert await alerts(stage) == []
    async with stage.sessions() as session:
        row = await session.get_one(ChannelRow, CHANNEL)
    assert row.budget_month is None


async def test_the_budget_of_the_day_is_stored_and_forgotten(stage: Stage) -> None:
    for wanted, stored in ((Decimal("12.5"), {"usd": "12.5"}), (None, None)):
        settings = stage.ctx.settings.model_copy(update={"production_daily_budget": wanted})
        stage.ctx.settings = settings
        await stage.cycle()
        async with stage.sessions() as session:
            assert await get_value(session, DAILY_BUDGET) == stored


async def test_a_new_file_for_the_option_of_a_configured_channel_is_wrong_and_changes_nothing(
    stage: Stage, folder: Path
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    (folder / f"{CHANNEL.capitalize()}.yaml").write_text("display_name: Twin\n")
    restarted(stage)
    stage.clock.pass_(60)
    await stage.cycle()
    assert sorted(await stage.ctx.channels()) == [CHANNEL, "history_in_ten", "kitchen_science"]
    [said] = await alerts(stage)
    assert said.startswith(f"Channel file {CHANNEL.capitalize()}.yaml: Notion takes ")
    task = await stage.task(page)
    assert task is not None
    assert task.channel_id == CHANNEL


async def test_a_worker_that_starts_while_a_file_is_wrong_keeps_its_channel_configured(
    stage: Stage, folder: Path
) -> None:
    await stage.cycle()
    (folder / f"{CHANNEL}.yaml").write_text("display_name: [")
    found = await channels_in_force(folder, stage.sessions)
    await store_channels(stage.sessions, found.channels, None)
    async with stage.sessions() as session:
        assert CHANNEL in await configured_channels(session)
