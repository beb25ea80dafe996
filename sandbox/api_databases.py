"""Endpoints for databases (Notion: "Create a database", "Retrieve a database", "Update a database")."""

from dataclasses import replace
from typing import Any

from sandbox.call import Call
from sandbox.errors import missing_error, shape_error, unsupported
from sandbox.ids import new_uuid, parse_uuid
from sandbox.objects import Database, DataSource
from sandbox.rich_text import RichText, parse_rich_text
from sandbox.schema import SchemaChange, SchemaEditor
from sandbox.two_way import make_counterparts

_DEFAULT_SCHEMA: dict[str, Any] = {"Name": {"title": {}}}


def create_database(call: Call) -> dict[str, Any]:
    """POST /v1/databases: a database with one data source, under a page.

    A `properties` beside `initial_data_source` is ignored, as Notion does since 2025-09-03.
    """
    call.check_keys(
        *("parent", "title", "description", "is_inline", "initial_data_source", "properties"),
        absent=("icon", "cover", "is_locked"),
    )
    parent_id = _parent_page(call)
    title = _text(call, "title", ())
    initial = call.body.get("initial_data_source") or {}
    if not isinstance(initial, dict):
        raise shape_error("body.initial_data_source", "an object", initial)
    for key in initial:
        if key != "properties":
            raise unsupported(f"{key!r} in initial_data_source")
    editor = SchemaEditor({}, rng=call.rng, find_source=call.source)
    change = editor.apply(initial.get("properties") or _DEFAULT_SCHEMA, "body.initial_data_source.properties")
    database = Database(
        new_uuid(call.rng),
        parent_id,
        title,
        _text(call, "description", ()),
        _flag(call, "is_inline"),
        call.now,
        call.now,
    )
    source = _make_source(call, database, change)
    call.state.put_database(database)
    make_counterparts(call, source, change.two_way)
    return call.render.database(database)


def _make_source(call: Call, database: Database, change: SchemaChange) -> DataSource:
    author = call.user.id
    source = DataSource(
        new_uuid(call.rng), database.id, database.title, change.schema, call.now, author, call.now, author
    )
    database.data_source_ids.append(source.id)
    call.state.put_source(source)
    return source


def _parent_page(call: Call) -> str:
    parent = call.body.get("parent")
    if not isinstance(parent, dict):
        raise missing_error("body.parent") if parent is None else shape_error("body.parent", "an object", parent)
    if "page_id" not in parent:
        raise unsupported("databases whose parent is not a page")
    page_id = parse_uuid(parent["page_id"])
    if page_id is None:
        raise shape_error("body.parent.page_id", "a valid uuid", parent["page_id"])
    return call.page(page_id).id


def _text(call: Call, key: str, default: RichText) -> RichText:
    return parse_rich_text(call.body[key], f"body.{key}") if key in call.body else default


def _flag(call: Call, key: str) -> bool:
    value = call.body.get(key, False)
    if not isinstance(value, bool):
        raise shape_error(f"body.{key}", "a boolean", value)
    return value


def retrieve_database(call: Call) -> dict[str, Any]:
    """GET /v1/databases/{database_id}."""
    return call.render.database(call.database(call.path_id("database_id")))


def update_database(call: Call) -> dict[str, Any]:
    """PATCH /v1/databases/{database_id}: title, description, is_inline. The data source keeps its own title."""
    call.check_keys(
        "title", "description", "is_inline", absent=("icon", "cover", "is_locked", "in_trash", "archived", "parent")
    )
    database = call.database(call.path_id("database_id"))
    if not call.body:
        return call.render.database(database)
    changed = replace(
        database,
        title=_text(call, "title", database.title),
        description=_text(call, "description", database.description),
        is_inline=_flag(call, "is_inline") if "is_inline" in call.body else database.is_inline,
        edited_at=call.now,
    )
    call.state.put_database(changed)
    return call.render.database(changed)
