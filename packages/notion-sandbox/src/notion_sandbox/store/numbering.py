"""Unique ids: a number for each page of a data source, in the order they were made.

Source: Notion's "Unique ID".
"""

from collections.abc import Iterable
from dataclasses import replace

from notion_sandbox.store.objects import DataSource, Page, Schema, Value
from notion_sandbox.store.state import State


def number_pages(state: State, source: DataSource, property_ids: Iterable[str]) -> None:
    """Number the present pages of a data source that gets unique id properties.

    Their edit times stay as they are.
    """
    pages = sorted(state.pages_of(source.id), key=lambda page: page.number)
    for property_id in property_ids:
        for number, page in enumerate(pages, 1):
            present = state.pages[page.id]
            state.put_page(replace(present, values={**present.values, property_id: number}))


def next_numbers(state: State, source_id: str | None, schema: Schema) -> dict[str, Value]:
    """The values of a new page's unique ids, by property id.

    A number is never used twice, not even that of a trashed page.
    """
    wanted = [prop.id for prop in schema.values() if prop.kind == "unique_id"]
    if not wanted:
        return {}
    pages = state.pages_of(source_id)
    return {property_id: 1 + _greatest(pages, property_id) for property_id in wanted}


def _greatest(pages: Iterable[Page], property_id: str) -> int:
    values = [page.values.get(property_id) for page in pages]
    return max((value for value in values if isinstance(value, int)), default=0)
