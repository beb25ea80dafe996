"""What filters and sorts compare: a property of a page as a plain value, None when it is empty."""

from collections.abc import Callable
from typing import Any

from notion_sandbox.store.objects import Page, Property
from notion_sandbox.store.page_index import seconds
from notion_sandbox.store.state import State
from notion_sandbox.values.dates import DateValue, instant
from notion_sandbox.values.rich_text import plain_text

Reader = Callable[[Page], Any]

TIMES: dict[str, Reader] = {
    "created_time": lambda page: seconds(page.created_at),
    "last_edited_time": lambda page: seconds(page.edited_at),
}
"""The times of a page, in seconds since 1970, cut to the minute."""


def _text(state: State, prop: Property) -> Reader:
    def read(page: Page) -> str | None:
        value = page.values.get(prop.id)
        if not isinstance(value, tuple):
            return None
        # Nearly every text is one plain part, and a scan reads 100,000 of them.
        if len(value) == 1 and value[0].kind == "text":
            return value[0].content
        return plain_text(value, state.describe) or None

    return read


def _option(_state: State, prop: Property) -> Reader:
    known = {option.id for option in prop.options}
    fallback = prop.options[0].id if prop.kind == "status" and prop.options else None

    def read(page: Page) -> Any:
        value = page.values.get(prop.id)
        return value if value in known else fallback

    return read


def _date(_state: State, prop: Property) -> Reader:
    def read(page: Page) -> float | None:
        value = page.values.get(prop.id)
        return instant(value.start).timestamp() if isinstance(value, DateValue) else None

    return read


def _plain(_state: State, prop: Property) -> Reader:
    return lambda page: page.values.get(prop.id)


def _checkbox(_state: State, prop: Property) -> Reader:
    return lambda page: bool(page.values.get(prop.id))


def related_ids(state: State, page: Page, prop: Property) -> list[str]:
    """The pages that a relation shows: those that are not in the trash."""
    return [
        page_id for page_id in ids_in(page.values.get(prop.id)) if not state.pages[page_id].in_trash
    ]


def _options(_state: State, prop: Property) -> Reader:
    return lambda page: option_ids(page, prop) or None


def option_ids(page: Page, prop: Property) -> list[str]:
    """The options of a multi_select that still exist, in the order they were chosen."""
    return [item for item in ids_in(page.values.get(prop.id)) if prop.option(item)]


def ids_in(value: Any) -> list[str]:
    """The ids in a list of ids; none in anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _list(_state: State, prop: Property) -> Reader:
    return lambda page: page.values.get(prop.id) or None


def _author(_state: State, prop: Property) -> Reader:
    return lambda page: [page.created_by if prop.kind == "created_by" else page.edited_by]


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
    "created_by": _author,
    "last_edited_by": _author,
    "relation": _relation,
}
