"""Writes whose answer was lost count as ours when the board shows them, after any later edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from kit.stage import Stage

from models.tables.task_history import TaskHistory


class Killed(OSError):
    """The process ends here; of a kind that costs no single card."""


def dies_after_its_write(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    write = stage.ctx.notion.update_page

    async def dies(page_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        monkeypatch.undo()
        await write(page_id, properties)
        raise Killed

    monkeypatch.setattr(stage.ctx.notion, "update_page", dies)


async def lost(stage: Stage, page: str) -> list[TaskHistory]:
    return [row for row in await stage.history(page) if row.action in {"refused", "overruled"}]


async def killed_while_writing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, page: str, status: str
) -> None:
    await stage.moves(page, status)
    dies_after_its_write(stage, monkeypatch)
    with pytest.raises(Killed):
        await stage.cycle()


async def test_a_write_whose_process_died_is_not_held_against_a_person(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await killed_while_writing(stage, monkeypatch, page, "Processing")
    await stage.moves(page, "Assets Generating")
    stage.clock.pass_(60)
    await stage.cycle()
    shows = await stage.shows(page)
    assert (shows["Status"], shows["Attention"]) == ("Assets Generating", "")
    assert await lost(stage, page) == []


async def test_a_title_typed_after_it_names_nobody_for_the_move(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await killed_while_writing(stage, monkeypatch, page, "Processing")
    await stage.edit(page, title="Colossal squid")
    await stage.moves(page, "Assets Generating")
    stage.clock.pass_(60)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert (task.title, task.board_status) == ("Colossal squid", "Assets Generating")
    assert await lost(stage, page) == []


async def test_a_write_that_never_arrived_explains_no_later_move_of_a_user(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Draft")
    await stage.cycle()

    async def never_arrives(_page_id: str, _properties: Mapping[str, Any]) -> dict[str, Any]:
        raise Killed

    await stage.moves(page, "Queued")
    with monkeypatch.context() as dying:
        dying.setattr(stage.ctx.notion, "update_page", never_arrives)
        with pytest.raises(Killed):
            await stage.cycle()
    await stage.moves(page, "Draft")
    stage.clock.pass_(600)
    await stage.cycle()
    await stage.edit(page, status="Queued")
    stage.clock.pass_(60)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert task.status == "pending"


async def test_our_attention_from_before_a_crash_is_nobodys_tampering(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Processing")
    await stage.cycle()
    await stage.edit(page, status="Draft")
    stage.clock.pass_(60)
    dies_after_its_write(stage, monkeypatch)
    with pytest.raises(Killed):
        await stage.cycle()
    assert "cannot be moved" in (await stage.shows(page))["Attention"]
    await stage.moves(page, "Assets Ready")
    stage.clock.pass_(60)
    await stage.cycle()
    assert (await stage.shows(page))["Attention"] == ""
    assert [row.property for row in await lost(stage, page)] == ["Status"]


async def test_a_write_that_was_saved_despite_its_error_is_not_taken_for_a_persons_move(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    stage.sandbox.faults.add(status=503, times=1, saved=True, method="PATCH")
    read = stage.ctx.notion.get_page

    async def read_late(page_id: str) -> dict[str, Any]:
        await stage.moves(page, "Assets Generating")
        return await read(page_id)

    with monkeypatch.context() as patched:
        patched.setattr(stage.ctx.notion, "get_page", read_late)
        await stage.cycle()
    stage.clock.pass_(60)
    await stage.cycle()
    shows = await stage.shows(page)
    assert (shows["Status"], shows["Attention"]) == ("Assets Generating", "")
    assert await lost(stage, page) == []
