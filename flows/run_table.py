"""A run's table in the Prefect UI, which shows each cell as Markdown: what happened to which card, and where it is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from models.finding import titles_of
from models.links import bare_id
from models.markdown import as_link, as_text
from models.settings import Settings
from tasks.alerts import AWAY, database
from tasks.connections import Connections
from tasks.proxies import is_remote
from tasks.report import Report

UNTITLED = "Untitled"
"""What Notion calls a page without a title."""


async def table_of(on: Connections, report: Report) -> list[dict[str, Any]]:
    """The report's table with titles for ids. While PostgreSQL is away the ids stay."""
    titles: Mapping[str, str] = {}
    with suppress(*AWAY):
        async with database(on) as session:
            titles = await titles_of(session, {row["card"] for row in report.rows})
    rows = report.summary()
    head, cards = rows[: len(rows) - len(report.rows)], rows[len(rows) - len(report.rows) :]
    return [*map(_as_text, head), *(_with_link(on.settings, row, titles) for row in cards)]


def _with_link(settings: Settings, row: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    page_id = str(row["card"])
    title = titles.get(page_id, page_id) or UNTITLED
    return _as_text(row) | {"card": as_link(title, _address(settings, page_id))}


def _as_text(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: as_text(str(value)) for name, value in row.items()}


def _address(settings: Settings, page_id: str) -> str:
    """Where people open the page; a sandbox on this machine has one page for all cards."""
    here = settings.notion_base_url
    return f"https://www.notion.so/{bare_id(page_id)}" if is_remote(here) else here
