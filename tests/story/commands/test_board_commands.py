"""`showrunner board …` as a person types it: before there is a database, and on a running board."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from kit.processes.programs import Up
from kit.stage import BOT_TOKEN, CHANNELS, Stage
from sqlalchemy import URL

from tasks.board.followed import followed_board


@pytest.fixture
def shell(tmp_path: Path, stage: Stage) -> Up:
    """A terminal of an operator who has a token, channels, and nothing else yet."""
    shutil.copytree(CHANNELS, tmp_path / "channel_configs")
    mine = {
        n: value
        for n, value in os.environ.items()
        if not n.startswith(("PREFECT_", "NOTION_", "DATABASE_"))
    }
    url = str(stage.people.base_url).rstrip("/")
    fast = {
        "NOTION_API_TOKEN": BOT_TOKEN,
        "NOTION_BASE_URL": url,
        "NOTION_REQUESTS_PER_SECOND": "100",
    }
    return Up(tmp_path, mine | fast)


async def create(shell: Up, stage: Stage) -> tuple[str, str]:
    """Make a board; its database's id and what was said."""
    link = f"https://www.notion.so/Studio-{stage.sandbox.root_page_id.replace('-', '')}?pvs=4"
    code, said = await shell.run("board", "create", "--parent", link)
    assert code == 0, said
    return said.split("NOTION_DATABASE_ID=")[1].strip(), said


async def test_a_board_is_made_with_the_token_alone_and_again_it_is_the_same(
    shell: Up, stage: Stage
) -> None:
    database_id, said = await create(shell, stage)
    assert said.startswith("Made the board.")
    links = [
        line.split()[-1]
        for line in said.splitlines()
        if line.startswith(("board", "view", "relation"))
    ]
    assert len(links) == 1 + 7 + 3
    assert all(link.startswith("https://") for link in links)
    again, said = await create(shell, stage)
    assert (again, said.splitlines()[0]) == (database_id, "The board was there.")


async def test_a_board_is_checked_repaired_and_checked_again(
    shell: Up, stage: Stage, database: URL
) -> None:
    shell.environment["DATABASE_URL"] = database.render_as_string(hide_password=False)
    database_id, _ = await create(shell, stage)
    shell.environment["NOTION_DATABASE_ID"] = database_id
    assert await shell.run("board", "check") == (0, "The board is as it should be.\n")
    source = (await stage.ask("GET", f"/v1/databases/{database_id}"))["data_sources"][0]["id"]
    changes = {
        "Topic": {"name": "Stoff"},
        "Attention": None,
        "Time in Status": None,
        "Title": {"name": "Name"},
    }
    await stage.ask("PATCH", f"/v1/data_sources/{source}", {"properties": changes})
    code, said = await shell.run("board", "check")
    assert code == 1
    assert "breaks: Editors are not told why a card is not followed" in said
    assert "4 differences: 1 loses something, 1 cosmetic, 2 note." in said
    assert said.splitlines()[-1] == f"board  {shell.environment['NOTION_BASE_URL']}"
    code, said = await shell.run("board", "check", "--json")
    assert [json.loads(line)["slug"] for line in said.splitlines()] == [
        *("property-missing", "formula-missing", "property-renamed", "property-renamed")
    ]
    code, said = await shell.run("board", "repair")
    assert code == 0
    assert said.startswith("Mended 2.")
    assert "Topic is called “Stoff”" in said
    code, said = await shell.run("board", "check")
    assert (code, "2 differences: 2 note." in said) == (0, True)


async def test_what_the_sync_remembers_of_its_board_is_as_new_as_the_last_repair(
    shell: Up, stage: Stage, database: URL
) -> None:
    shell.environment["DATABASE_URL"] = database.render_as_string(hide_password=False)
    shell.environment["NOTION_DATABASE_ID"] = stage.database_id
    before = await followed_board(stage.ctx)
    await stage.ask(
        "PATCH", f"/v1/data_sources/{stage.data_source_id}", {"properties": {"Topic": None}}
    )
    code, said = await shell.run("board", "repair")
    assert code == 0, said
    source = await stage.ask("GET", f"/v1/data_sources/{stage.data_source_id}")
    async with stage.requests() as made:
        known = (await followed_board(stage.ctx)).properties["Topic"].id
    assert made() == []
    assert known == source["properties"]["Topic"]["id"] != before.properties["Topic"].id


async def test_a_database_that_was_never_used_is_no_obstacle(
    shell: Up, stage: Stage, database: URL
) -> None:
    await stage.sql("DROP TABLE sync_state")
    shell.environment["DATABASE_URL"] = database.render_as_string(hide_password=False)
    await create(shell, stage)


@pytest.mark.parametrize(
    ("command", "lacks", "sentence"),
    [
        (("board", "check"), "NOTION_DATABASE_ID", "NOTION_DATABASE_ID is not set"),
        (("board", "repair"), "NOTION_API_TOKEN", "No Notion to work on"),
        (("board", "create", "--parent", "x"), "", "--parent is a page's link or id."),
        (("board", "create", "--parent", "0" * 32), "", f"Notion finds no page {'0' * 32}"),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(
    shell: Up, command: tuple[str, ...], lacks: str, sentence: str
) -> None:
    shell.environment.pop(lacks, None)
    await shell.refuses(*command, sentence=sentence)
