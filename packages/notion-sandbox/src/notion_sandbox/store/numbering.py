"""Unique ids: a number for each page of a data source, in the order they were made.

Source: Notion's "Unique ID".
"""

from collections.abc import Iterable
from dataclasses import replace

from notion_sandbox.store.objects import DataSource, Page, Schema, Value
from notion_sandbox.store.state import State


def number_pages(state: State, source: DataSource, property_ids: Iterable[str]) -> None:
    """Number the pages that are there when a unique id property is made.

    Their edit times stay as they are.
    """
    pages = sorted(
        (p for p in state.pages.values() if p.data_source_id == source.id),
        key=lambda page: page.number,
    )
    for property_id in property_ids:
        for number, page in enumerate(pages, 1):
            present = state.pages[page.id]
            state.put_page(replace(present, values={**present.values, property_id: number}))


def next_numbers(state: State, source_id: str | None, schema: Schema) -> dict[str, Value]:
    """The values of a new page's unique ids, by property id.

    A number is never given twice, not after the trash.
    """
    wanted = [prop.id for prop in schema.values() if prop.kind == "unique_id"]
    if not wanted:
        return {}
    pages = [page for page in state.pages.values() if page.data_source_id == source_id]
    return {
        property_id: 1 + max((_number(page, property_id) for page in pages), default=0)
        for property_id in wanted
    }


def _number(page: Page, property_id: str) -> int:
    value = page.values.get(property_id)
    return value if isinstance(value, int) else 0
