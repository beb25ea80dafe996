"""The endpoint that finds pages and data sources by title (Notion: "Search by title")."""

from typing import Any

from notion_sandbox.request.call import Call
from notion_sandbox.request.lists import list_answer, piece_of_body
from notion_sandbox.store.objects import DataSource, Page
from notion_sandbox.values.checks import (
    refuse_other_keys,
    require_boolean,
    require_direction,
    require_object,
    require_one_of,
    require_text,
)
from notion_sandbox.values.rich_text import plain_text

_KINDS = ("page", "data_source")


def search(call: Call) -> dict[str, Any]:
    """POST /v1/search: pages and data sources with the query in the title, last edited first.

    Notion's index lags behind its writes; the sandbox's does not.
    """
    call.check_keys("query", "sort", "filter", "start_cursor", "page_size")
    query = require_text(call.body.get("query", ""), "body.query")
    kinds, in_trash = _filter(call)
    newest_first = _newest_first(call)
    candidates: list[Page | DataSource] = []
    if "page" in kinds:
        candidates += call.state.pages.values()
    if "data_source" in kinds:
        candidates += call.state.sources.values()
    in_place = [item for item in candidates if _in_trash(call, item) is in_trash]
    found = [item for item in in_place if _matches(call, item, query)]
    found.sort(key=lambda item: (item.edited_at, item.id), reverse=newest_first)
    shown, cursor = piece_of_body(
        call, f"search/{query}/{sorted(kinds)}/{in_trash}/{newest_first}", found
    )
    return list_answer("page_or_data_source", [_render(call, item) for item in shown], cursor)


def _filter(call: Call) -> tuple[tuple[str, ...], bool]:
    body = call.body.get("filter")
    if body is None:
        return _KINDS, False
    require_object(body, "body.filter")
    refuse_other_keys(body, ("property", "value", "in_trash"), "body.filter")
    in_trash = require_boolean(body.get("in_trash", False), "body.filter.in_trash")
    if "in_trash" in body and len(body) == 1:
        return _KINDS, in_trash
    require_one_of(body.get("property"), ["object"], "body.filter.property", '"object"')
    expected = 'either "page" or "data_source"'
    kind = require_one_of(body.get("value"), _KINDS, "body.filter.value", expected)
    return (kind,), in_trash


def _newest_first(call: Call) -> bool:
    sort = call.body.get("sort")
    if sort in (None, {"property": "relevance"}):
        return True
    require_object(sort, "body.sort")
    name = "last_edited_time"
    require_one_of(sort.get("timestamp"), [name], "body.sort.timestamp", f'"{name}"')
    return require_direction(sort.get("direction"), "body.sort.direction") == "descending"


def _in_trash(call: Call, item: Page | DataSource) -> bool:
    if isinstance(item, Page):
        return item.in_trash
    return call.state.is_trashed(item)


def _matches(call: Call, item: Page | DataSource, query: str) -> bool:
    if isinstance(item, Page):
        title = call.state.title_of(item)
    else:
        title = plain_text(item.title, call.state.describe)
    return query.strip().casefold() in title.casefold()


def _render(call: Call, item: Page | DataSource) -> dict[str, Any]:
    if isinstance(item, Page):
        return call.render.page(item)
    return call.render.source(item)
