"""A run's table names cards by title with a link; whatever people wrote is text in it."""

from __future__ import annotations

import pytest
from kit.stage import Stage

from flows.runs.table import table_of, table_of_changes
from models.postgres.engine import database_url, open_engine, open_sessions
from models.rules.formatting import as_text
from models.settings import Settings
from tasks.board.followed import followed_board
from tasks.runtime.report import Report
from tasks.sync.push.all_cards import dry_run


async def test_cards_stand_in_a_runs_table_by_title_with_a_link_to_their_page(stage: Stage) -> None:
    page, untitled = await stage.add_valid(title="Giant squid"), await stage.add_valid(title="")
    report = await stage.cycle()
    of_notion = Settings(_env_file=None, notion_base_url="https://api.notion.com")
    stage.ctx.settings = of_notion
    cells = [(row["card"], row["what"]) for row in await table_of(stage.ctx, report)]
    assert (f"[Giant squid](<https://www.notion.so/{page.replace('-', '')}>)", "created") in cells
    assert (f"[Untitled](<https://www.notion.so/{untitled.replace('-', '')}>)", "invalid") in cells
    assert "created" in [row["what"] for row in report.rows], "the report itself keeps ids alone"
    assert page in [row["card"] for row in report.rows]


async def test_a_sandboxs_cards_link_to_its_board(stage: Stage) -> None:
    page = await stage.add_valid(title="Giant squid")
    report = await stage.cycle()
    stage.ctx.settings = Settings(_env_file=None, notion_base_url="http://127.0.0.1:8500")
    assert page
    assert "[Giant squid](<http://127.0.0.1:8500>)" in [
        row["card"] for row in await table_of(stage.ctx, report)
    ]


async def test_what_people_write_is_text_in_a_runs_table(stage: Stage) -> None:
    await stage.add_valid(title="](javascript:alert(1)) **bold** <img src=x> www.evil.example")
    report = await stage.cycle()
    report.add_row("unknown-page", "failed", "Notion said `[no](http://evil.example)`")
    table = await table_of(stage.ctx, report)
    title = r"\]\(javascript\:alert\(1\)\) \*\*bold\*\* \<img src\=x\> www\.evil\.example"
    assert any(row["card"].startswith(f"[{title}](<") for row in table)
    assert table[-1]["card"].startswith(r"[unknown\-page](<")
    assert table[-1]["detail"] == r"Notion said \`\[no\]\(http\:\/\/evil\.example\)\`"
    assert {row["card"] for row in table[: len(report.counts) + 1]} == {"all"}


async def test_what_a_push_would_write_stands_there_in_the_same_way(stage: Stage) -> None:
    page = await stage.add_valid(title="Giant squid", status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    changes = await dry_run(stage.ctx, await followed_board(stage.ctx))
    stage.ctx.settings = Settings(_env_file=None, notion_base_url="https://api.notion.com")
    table = await table_of_changes(stage.ctx, changes)
    link = f"[Giant squid](<https://www.notion.so/{page.replace('-', '')}>)"
    status = {
        "card": link,
        "property": "Status",
        "shown": "Queued",
        "would be": "Processing",
        "waits": "",
    }
    assert status in table
    assert {row["card"] for row in table} == {link}


@pytest.mark.parametrize(
    ("text", "markdown"),
    [("a\n| b", r"a \| b"), ("naïve “ok”", "naïve “ok”"), ("", ""), ("\\*", r"\\\*")],
)
def test_text_is_shown_as_it_is(text: str, markdown: str) -> None:
    assert as_text(text) == markdown


async def test_a_table_is_made_while_the_database_is_away(stage: Stage) -> None:
    report = Report(pushed=1)
    report.add_row("page", "pushed")
    engine = open_engine(database_url("postgresql://nobody@127.0.0.1:9/x"))
    stage.ctx.sessions = open_sessions(engine)
    assert (await table_of(stage.ctx, report))[-1]["what"] == "pushed"
