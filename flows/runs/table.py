"""The table of a run in the Prefect UI, which shows each cell as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from models.operations.lookup import titles_of
from models.rules.formatting import as_link, as_text
from models.rules.notion_ids import bare_id
from models.settings import Settings
from models.sync.writes.pending import PendingWrite
from tasks.alerts import AWAY, database
from tasks.notion.proxies import is_remote
from tasks.runtime.context import Context
from tasks.runtime.report import Report

UNTITLED = "Untitled"
"""What Notion calls a page without a title."""


async def table_of(ctx: Context, report: Report) -> list[dict[str, Any]]:
    """The report's table with titles for ids."""
    rows = report.summary()
    counts = len(rows) - len(report.rows)
    head, cards = rows[:counts], rows[counts:]
    return [*map(as_markdown, head), *await _with_titles(ctx, cards)]


async def table_of_changes(ctx: Context, changes: Sequence[PendingWrite]) -> list[dict[str, Any]]:
    """What a push would write: a row per property, at most `Report.ROWS_MAX`, titles for ids."""
    rows = [
        {
            "card": change.page_id,
            "property": name,
            "shown": str(change.shown[name]),
            "would be": str(value),
            "waits": "for the operator" if change.waits else "",
        }
        for change in changes
        for name, value in sorted(change.values.items())
    ]
    return await _with_titles(ctx, rows[: Report.ROWS_MAX])


async def _with_titles(ctx: Context, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Make each `card` a link with the card's title; while PostgreSQL is away, with its id."""
    titles: Mapping[str, str] = {}
    with suppress(*AWAY):
        async with database(ctx) as session:
            titles = await titles_of(session, {row["card"] for row in rows})
    return [_with_link(ctx.settings, row, titles) for row in rows]


def _with_link(
    settings: Settings, row: Mapping[str, Any], titles: Mapping[str, str]
) -> dict[str, Any]:
    page_id = str(row["card"])
    title = titles.get(page_id, page_id) or UNTITLED
    return as_markdown(row) | {"card": as_link(title, card_address(settings, page_id))}


def as_markdown(row: Mapping[str, Any]) -> dict[str, str]:
    """The row with every cell as Markdown that shows its text as it is."""
    return {name: as_text(str(value)) for name, value in row.items()}


def card_address(settings: Settings, page_id: str) -> str:
    """Where users open the page. A sandbox on this machine has one page for all cards."""
    if is_remote(settings.notion_base_url):
        return f"https://www.notion.so/{bare_id(page_id)}"
    return settings.notion_base_url
