"""Endpoints for queries of views (Notion: "Working with views", querying a view).

The results are stored in memory when a query is made, and stay the same for 15 minutes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notion_sandbox.query.filters import FilterCompiler, all_filters
from notion_sandbox.query.query import Piece, Query, parse_sorts
from notion_sandbox.request.call import Call
from notion_sandbox.request.lists import (
    list_answer,
    parse_page_size,
    piece_of,
    piece_of_query,
    request_status,
)
from notion_sandbox.store.objects import View
from notion_sandbox.values.dates import database_time
from notion_sandbox.values.ids import new_uuid
from notion_sandbox.views.conditions import Conditions

_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class ViewQuery:
    """The ids of the pages of a view; `incomplete` when there are more than a query may return."""

    view_id: str
    expires_at: datetime
    page_ids: list[str]
    incomplete: bool


def create_view_query(call: Call) -> dict[str, Any]:
    """POST /v1/views/{view_id}/queries: the pages that the view shows now."""
    call.check_keys("page_size")
    view = call.view(call.path_id("view_id"))
    size = parse_page_size(call.body.get("page_size"), "body.page_size")
    found = _run(call, view)
    query_id = new_uuid(call.rng)
    query = ViewQuery(
        view.id, call.now + _LIFETIME, [page.id for page in found.pages], found.incomplete
    )
    _forget_expired(call)
    call.state.view_queries[query_id] = query
    shown, cursor = piece_of(query_id, query.page_ids, None, size)
    answer = {
        "object": "view_query",
        "id": query_id,
        "view_id": view.id,
        "expires_at": database_time(query.expires_at),
        "total_count": len(query.page_ids),
        "results": [{"object": "page", "id": page_id} for page_id in shown],
        "next_cursor": cursor,
        "has_more": cursor is not None,
    }
    return {**answer, **request_status(incomplete=query.incomplete)}


def _run(call: Call, view: View) -> Piece:
    source = call.state.sources[view.data_source_id]
    conditions = Conditions(call.state, source.schema, call.now)
    wanted = [conditions.shown_filter(view.filter), *_quick_conditions(conditions, view)]
    compiler = FilterCompiler(call.state, source.schema, now=call.now)
    compiled = [compiler.compile(part) for part in wanted if part is not None]
    query = Query(
        source,
        index=call.state.indexes[source.id],
        state=call.state,
        matching=all_filters(compiled),
        sorts=parse_sorts(call.state, source.schema, conditions.shown_sorts(view.sorts)),
        identity=view.id,
        limit=call.config.query_limit,
    )
    return query.piece(None, call.config.query_limit)


def _quick_conditions(conditions: Conditions, view: View) -> list[dict[str, Any]]:
    quick = conditions.shown_quick(view.quick_filters) or {}
    return [{"property": name, **condition} for name, condition in quick.items() if condition]


def retrieve_view_query(call: Call) -> dict[str, Any]:
    """GET /v1/views/{view_id}/queries/{query_id}: a piece of its results."""
    query_id = call.path_id("query_id")
    _forget_expired(call)
    query = call.state.view_queries.get(query_id)
    if query is None or query.view_id != call.view(call.path_id("view_id")).id:
        raise call.missing("view_query", query_id)
    shown, cursor = piece_of_query(call, query_id, query.page_ids)
    answer = list_answer("page", [{"object": "page", "id": page_id} for page_id in shown], cursor)
    return {**answer, **request_status(incomplete=query.incomplete)}


def delete_view_query(call: Call) -> dict[str, Any]:
    """DELETE /v1/views/{view_id}/queries/{query_id}: forget it; may be repeated."""
    query_id = call.path_id("query_id")
    call.view(call.path_id("view_id"))
    call.state.view_queries.pop(query_id, None)
    return {"object": "view_query", "id": query_id, "deleted": True}


def _forget_expired(call: Call) -> None:
    queries = call.state.view_queries
    expired = [key for key, query in queries.items() if query.expires_at <= call.now]
    for key in expired:
        del queries[key]
