"""The plain values that filters and sorts compare: one per property, None when it is empty."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from notion_sandbox.store.objects import Page, Property
from notion_sandbox.store.page_index import seconds
from notion_sandbox.store.state import State
from notion_sandbox.values.dates import instant
from notion_sandbox.values.rich_text import plain_text

Reader = Callable[[Page], Any]

TIMES: dict[str, Reader] = {
    "created_time": lambda page: seconds(page.created_at),
    "last_edited_time": lambda page: seconds(page.edited_at),
}
"""The times of a page, in seconds since 1970, cut to the minute."""


def page_moment(page: Page, kind: str) -> datetime:
    """The moment of a created_time or last_edited_time property."""
    return page.created_at if kind == "created_time" else page.edited_at


def _text(state: State, prop: Property) -> Reader:
    def read(page: Page) -> str | None:
        text = page.text(prop.id)
        # Nearly every text is one plain part, and a scan reads 100,000 of them.
        if len(text) == 1 and text[0].kind == "text":
            return text[0].content
        return plain_text(text, state.describe) or None

    return read


def _option(_state: State, prop: Property) -> Reader:
    known = {option.id for option in prop.options}
    default = prop.default_option and prop.default_option.id

    def read(page: Page) -> Any:
        value = page.values.get(prop.id)
        return value if value in known else default

    return read


def _date(_state: State, prop: Property) -> Reader:
    def read(page: Page) -> float | None:
        date = page.date(prop.id)
        return None if date is None else instant(date.start).timestamp()

    return read


def _plain(_state: State, prop: Property) -> Reader:
    return lambda page: page.values.get(prop.id)


def _checkbox(_state: State, prop: Property) -> Reader:
    return lambda page: bool(page.values.get(prop.id))


def related_ids(state: State, page: Page, prop: Property) -> list[str]:
    """The pages that a relation shows: those that are not in the trash."""
    return [page_id for page_id in page.items(prop.id) if not state.pages[page_id].in_trash]


def _options(_state: State, prop: Property) -> Reader:
    def read(page: Page) -> list[str] | None:
        chosen = prop.chosen(page.values.get(prop.id))
        return [option.id for option in chosen] or None

    return read


def _list(_state: State, prop: Property) -> Reader:
    return lambda page: page.values.get(prop.id) or None


def _created_by(_state: State, _prop: Property) -> Reader:
    return lambda page: [page.created_by]


def _last_edited_by(_state: State, _prop: Property) -> Reader:
    return lambda page: [page.edited_by]


def _relation(state: State, prop: Property) -> Reader:
    return lambda page: related_ids(state, page, prop) or None


READERS: dict[str, Callable[[State, Property], Reader]] = {
    "title": _text,
    "rich_text": _text,
    "url": _plain,
    "email": _plain,
    "phone_number": _plain,
    "unique_id": _plain,
    "number": _plain,
    "checkbox": _checkbox,
    "select": _option,
    "status": _option,
    "date": _date,
    "multi_select": _options,
    "people": _list,
    "files": _list,
    "created_by": _created_by,
    "last_edited_by": _last_edited_by,
    "relation": _relation,
}
