"""The endpoint that finds pages and data sources by title (Notion: "Search by title")."""

from typing import Any

from notion_sandbox.errors import body_error, shape_error
from notion_sandbox.request.call import Call
from notion_sandbox.request.lists import list_answer, piece_of_body
from notion_sandbox.store.objects import DataSource, Page
from notion_sandbox.values.rich_text import plain_text

_KINDS = ("page", "data_source")


def search(call: Call) -> dict[str, Any]:
    """POST /v1/search: what has the query in its title, the last edited first.

    Notion's index lags behind its writes; the sandbox's does not.
    """
    call.check_keys("query", "sort", "filter", "start_cursor", "page_size")
    query = call.body.get("query", "")
    if not isinstance(query, str):
        raise shape_error("body.query", "a string", query)
    kinds, in_trash = _filter(call)
    newest_first = _newest_first(call)
    found: list[Page | DataSource] = []
    if "page" in kinds:
        pages = call.state.pages.values()
        found += [
            page for page in pages if page.in_trash is in_trash and _matches(call, page, query)
        ]
    if "data_source" in kinds:
        sources = call.state.sources.values()
        found += [
            item
            for item in sources
            if call.state.is_trashed(item) is in_trash and _matches(call, item, query)
        ]
    found.sort(key=lambda item: (item.edited_at, item.id), reverse=newest_first)
    shown, cursor = piece_of_body(
        call, f"search/{query}/{sorted(kinds)}/{in_trash}/{newest_first}", found
    )
    return list_answer("page_or_data_source", [_render(call, item) for item in shown], cursor)


def _filter(call: Call) -> tuple[tuple[str, ...], bool]:
    body = call.body.get("filter")
    if body is None:
        return _KINDS, False
    if not isinstance(body, dict):
        raise shape_error("body.filter", "an object", body)
    for key in body:
        if key not in ("property", "value", "in_trash"):
            raise body_error(f"body.filter.{key} should be not present.")
    in_trash = body.get("in_trash", False)
    if not isinstance(in_trash, bool):
        raise shape_error("body.filter.in_trash", "a boolean", in_trash)
    if "in_trash" in body and len(body) == 1:
        return _KINDS, in_trash
    if body.get("property") != "object":
        raise shape_error("body.filter.property", '"object"', body.get("property"))
    if body.get("value") not in _KINDS:
        raise shape_error("body.filter.value", 'either "page" or "data_source"', body.get("value"))
    return (body["value"],), in_trash


def _newest_first(call: Call) -> bool:
    sort = call.body.get("sort")
    if sort is None or sort == {"property": "relevance"}:
        return True
    if not isinstance(sort, dict):
        raise shape_error("body.sort", "an object", sort)
    if sort.get("timestamp") != "last_edited_time":
        raise shape_error("body.sort.timestamp", '"last_edited_time"', sort.get("timestamp"))
    direction = sort.get("direction")
    if direction not in ("ascending", "descending"):
        raise shape_error("body.sort.direction", 'either "ascending" or "descending"', direction)
    return bool(direction == "descending")


def _matches(call: Call, item: Page | DataSource, query: str) -> bool:
    title = (
        call.state.title_of(item)
        if isinstance(item, Page)
        else plain_text(item.title, call.state.describe)
    )
    return query.strip().casefold() in title.casefold()


def _render(call: Call, item: Page | DataSource) -> dict[str, Any]:
    return call.render.page(item) if isinstance(item, Page) else call.render.source(item)
