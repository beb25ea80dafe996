"""Endpoints for views.

Source: Notion's "Working with views", "Create", "List", "Retrieve", "Update" and "Delete a view".
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from notion_sandbox.errors import shape_error, unsupported, validation_error
from notion_sandbox.request.call import Call
from notion_sandbox.request.lists import list_answer, piece_of_query
from notion_sandbox.store.objects import Database, View
from notion_sandbox.values.checks import get_field, require_text, require_value
from notion_sandbox.values.ids import new_uuid, parse_uuid
from notion_sandbox.views.conditions import Conditions
from notion_sandbox.views.configuration import KINDS, UNSUPPORTED_KINDS, parse_configuration
from notion_sandbox.views.rendering import render_partial_view, render_view

_MAX_NAME = 2000
_TARGETS = ("database_id", "view_id", "create_database")
_CONDITIONS = ("filter", "sorts", "quick_filters", "configuration")


def create_view(call: Call) -> dict[str, Any]:
    """POST /v1/views: a view in a database, of one of its data sources or of another one's."""
    call.check_keys(
        *_TARGETS, *_CONDITIONS, "data_source_id", "name", "type", "position", absent=("placement",)
    )
    database, source = _target(call), call.source(call.body_id("data_source_id"))
    kind, name = _kind(call), _name(call)
    conditions = Conditions(call.state, source.schema, call.now)
    author = call.user.id
    view = View(
        new_uuid(call.rng),
        database.id,
        source.id,
        name,
        kind,
        parse_configuration(source.schema, kind, None, call.body.get("configuration")),
        call.now,
        author,
        call.now,
        author,
        filter=conditions.parse_filter(call.body.get("filter")),
        sorts=conditions.parse_sorts(call.body.get("sorts"), only_properties=False),
        quick_filters=conditions.parse_quick(None, call.body.get("quick_filters")),
    )
    ids = _with_view(call, database, view.id)
    call.state.put_view(view)
    call.state.put_database(replace(database, view_ids=ids))
    return render_view(call.state, view, call.now)


def _target(call: Call) -> Database:
    targets = [key for key in _TARGETS if call.body.get(key) is not None]
    if len(targets) != 1:
        found = ", ".join(targets) or "none"
        raise validation_error(
            f"Provide exactly one of database_id, view_id, or create_database, instead had {found}."
        )
    if targets != ["database_id"]:
        raise unsupported("dashboards, and linked databases made with their view")
    return call.database(call.body_id("database_id"))


def _kind(call: Call) -> str:
    kind = require_value(call.body, "type", "body")
    if kind in UNSUPPORTED_KINDS:
        raise unsupported(f"views of type {kind!r}")
    if kind not in KINDS:
        raise shape_error("body.type", f"one of {', '.join((*KINDS, *UNSUPPORTED_KINDS))}", kind)
    return str(kind)


def _name(call: Call) -> str:
    return require_text(require_value(call.body, "name", "body"), "body.name", limit=_MAX_NAME)


def _with_view(call: Call, database: Database, view_id: str) -> list[str]:
    """The ids of the database's views with a new one at the position that the body names."""
    position = call.body.get("position", {"type": "end"})
    kind = get_field(position, "type")
    if kind == "start":
        return [view_id, *database.view_ids]
    if kind == "end":
        return [*database.view_ids, view_id]
    if kind != "after_view":
        raise shape_error("body.position.type", 'one of "start", "end", "after_view"', kind)
    before = parse_uuid(position.get("view_id"))
    if before not in database.view_ids:
        raise validation_error(
            f"body.position.view_id: the database has no view {position.get('view_id')}."
        )
    at = database.view_ids.index(before) + 1
    return [*database.view_ids[:at], view_id, *database.view_ids[at:]]


def list_views(call: Call) -> dict[str, Any]:
    """GET /v1/views?database_id=&data_source_id=: references to views, in the order of the tabs."""
    database_id, source_id = _query_id(call, "database_id"), _query_id(call, "data_source_id")
    if database_id is None and source_id is None:
        raise validation_error(
            "query failed validation: database_id or data_source_id should be defined."
        )
    databases = [*call.state.databases.values()]
    if database_id is not None:
        databases = [call.database(database_id)]
    if source_id is not None:
        call.source(source_id)
    views = [call.state.views[key] for database in databases for key in database.view_ids]
    found = [view for view in views if source_id in (None, view.data_source_id)]
    shown, cursor = piece_of_query(call, f"views/{database_id}/{source_id}", found)
    return list_answer("view", [{"object": "view", "id": view.id} for view in shown], cursor)


def _query_id(call: Call, name: str) -> str | None:
    given = call.query_value(name)
    found = parse_uuid(given)
    if given is not None and found is None:
        raise validation_error(
            f"query failed validation: query.{name} should be a valid uuid, instead was `{given}`."
        )
    return found


def retrieve_view(call: Call) -> dict[str, Any]:
    """GET /v1/views/{view_id}."""
    return render_view(call.state, call.view(call.path_id("view_id")), call.now)


def update_view(call: Call) -> dict[str, Any]:
    """PATCH /v1/views/{view_id}: name, filter, sorts, quick filters, configuration.

    Null clears a field; a field that the body does not name stays.
    """
    call.check_keys("name", *_CONDITIONS)
    view = call.view(call.path_id("view_id"))
    changes = _changes(call, view)
    if changes:
        view = replace(view, **changes, edited_at=call.now, edited_by=call.user.id)
        call.state.put_view(view)
    return render_view(call.state, view, call.now)


def _changes(call: Call, view: View) -> dict[str, Any]:
    """The fields of the view that the body names, with their new values."""
    body = call.body
    schema = call.state.sources[view.data_source_id].schema
    conditions = Conditions(call.state, schema, call.now)
    parsers: dict[str, Callable[[Any], Any]] = {
        "name": lambda _name_given: _name(call),
        "filter": conditions.parse_filter,
        "sorts": partial(conditions.parse_sorts, only_properties=True),
        "quick_filters": partial(conditions.parse_quick, view.quick_filters),
        "configuration": partial(parse_configuration, schema, view.kind, view.configuration),
    }
    return {key: parse(body[key]) for key, parse in parsers.items() if key in body}


def delete_view(call: Call) -> dict[str, Any]:
    """DELETE /v1/views/{view_id}: for good, unless it is the last of its database."""
    view = call.view(call.path_id("view_id"))
    database = call.state.databases[view.database_id]
    kept = [key for key in database.view_ids if key != view.id]
    if not kept:
        raise validation_error(
            "Cannot delete the last view of a database: it must always have at least one view."
        )
    call.state.drop_view(view)
    call.state.put_database(replace(database, view_ids=kept))
    return render_partial_view(view)
