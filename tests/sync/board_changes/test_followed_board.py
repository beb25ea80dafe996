"""Which board is followed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kit.stage import Stage

from models.errors import BoardError, SettingsError
from tasks.board.find import choose_data_source
from tasks.board.followed import bot_id, followed_board, refreshed_board
from tasks.runtime.context import Context

SOURCES = [{"id": "1111-aaaa", "name": "Videos"}, {"id": "2222-bbbb", "name": "Ideas"}]


def test_the_only_data_source_needs_no_choice() -> None:
    assert choose_data_source(SOURCES[:1], None) == "1111-aaaa"


@pytest.mark.parametrize("choice", ["Ideas", "2222-bbbb", "2222BBBB"])
def test_one_of_several_data_sources_is_chosen_by_name_or_id(choice: str) -> None:
    assert choose_data_source(SOURCES, choice) == "2222-bbbb"


@pytest.mark.parametrize("choice", [None, "Other"])
def test_a_choice_that_is_missing_or_wrong_is_answered_with_what_there_is(
    choice: str | None,
) -> None:
    with pytest.raises(
        BoardError, match=r"NOTION_DATA_SOURCE.*“Videos” .1111-aaaa., “Ideas” .2222-bbbb."
    ):
        choose_data_source(SOURCES, choice)


async def test_a_known_board_is_not_asked_for_again(stage: Stage) -> None:
    await refreshed_board(stage.ctx)
    await bot_id(stage.ctx)
    async with stage.requests() as made:
        assert (await followed_board(stage.ctx)).data_source_id == stage.data_source_id
        await bot_id(stage.ctx)
    assert made() == []


async def test_another_board_on_the_same_database_is_refused(stage: Stage) -> None:
    await followed_board(stage.ctx)
    settings = stage.ctx.settings.model_copy(update={"notion_database_id": "0" * 32})
    other = Context(settings, stage.sessions, stage.ctx.notion, clock=stage.clock)
    with pytest.raises(SettingsError, match=r"belongs to the board .* `showrunner forget-board`"):
        await followed_board(other)
    with pytest.raises(SettingsError, match="forget-board"):
        await refreshed_board(other)


async def test_a_database_of_the_sandbox_is_reported_as_the_sandboxs(
    stage: Stage, tmp_path: Path
) -> None:
    await followed_board(stage.ctx)
    (tmp_path / "board.json").write_text(json.dumps({"database_id": stage.database_id}))
    settings = stage.ctx.settings.model_copy(
        update={"notion_database_id": "0" * 32, "state_dir": tmp_path}
    )
    other = Context(settings, stage.sessions, stage.ctx.notion, clock=stage.clock)
    with pytest.raises(SettingsError, match="This folder's database belongs to the sandbox board"):
        await refreshed_board(other)


def naming(stage: Stage, id_: str) -> Context:
    settings = stage.ctx.settings.model_copy(update={"notion_database_id": id_})
    return Context(settings, stage.sessions, stage.ctx.notion, clock=stage.clock)


async def test_a_data_sources_id_names_its_board(stage: Stage) -> None:
    ctx = naming(stage, stage.data_source_id)
    for _ in range(2):
        assert (await refreshed_board(ctx)).data_source_id == stage.data_source_id
    assert (await followed_board(stage.ctx)).data_source_id == stage.data_source_id


async def test_a_pages_id_is_reported_with_the_databases_on_that_page(stage: Stage) -> None:
    with pytest.raises(
        BoardError, match=f"names a page.* “Videos” .{stage.database_id}."
    ) as caught:
        await refreshed_board(naming(stage, stage.sandbox.root_page_id))
    assert "Notion answered" not in str(caught.value)
    card = await stage.add_valid()
    with pytest.raises(BoardError, match="No database stands on that page"):
        await refreshed_board(naming(stage, card))


async def test_a_database_that_notion_does_not_find_is_said_with_what_to_do(stage: Stage) -> None:
    settings = stage.ctx.settings.model_copy(update={"notion_database_id": "0" * 32})
    other = Context(settings, stage.sessions, stage.ctx.notion, clock=stage.clock)
    with pytest.raises(BoardError, match="shared with the connection"):
        await followed_board(other)
