"""A run's table in the Prefect UI, which shows each cell as Markdown: what happened to which card, and where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from models.operations.lookup import titles_of
from models.rules.formatting import as_link, as_text
from models.rules.notion_ids import bare_id
from models.settings import Settings
from models.sync.pending_write import PendingWrite
from tasks.alerts import AWAY, database
from tasks.notion.proxies import is_remote
from tasks.runtime.context import Context
from tasks.runtime.report import Report

UNTITLED = "Untitled"
"""What Notion calls a page without a title."""


async def table_of(ctx: Context, report: Report) -> list[dict[str, Any]]:
    """The report's table with titles for ids."""
    rows = report.summary()
    head, cards = rows[: len(rows) - len(report.rows)], rows[len(rows) - len(report.rows) :]
    return [*map(_as_text, head), *await _with_titles(ctx, cards)]


async def table_of_changes(ctx: Context, changes: Sequence[PendingWrite]) -> list[dict[str, Any]]:
    """What a push would write, one row per property, with titles for ids; at most `Report.ROWS_MAX` rows."""
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
    """Rows whose `card` is a link with the card's title. While PostgreSQL is away it shows the id."""
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
    return _as_text(row) | {"card": as_link(title, _address(settings, page_id))}


def _as_text(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: as_text(str(value)) for name, value in row.items()}


def _address(settings: Settings, page_id: str) -> str:
    """Where people open the page; a sandbox on this machine has one page for all cards."""
    here = settings.notion_base_url
    return f"https://www.notion.so/{bare_id(page_id)}" if is_remote(here) else here
