"""Endpoints for databases.

Source: Notion's "Create a database", "Retrieve a database", "Update a database".
"""

from dataclasses import replace
from typing import Any

from notion_sandbox.content.attachments import attach
from notion_sandbox.content.icons import cover_of, icon_of
from notion_sandbox.content.two_way import make_counterparts
from notion_sandbox.errors import shape_error, unsupported
from notion_sandbox.request.call import LEGACY, Call
from notion_sandbox.schema.changes import SchemaChange, SchemaEditor
from notion_sandbox.store.objects import Database, DataSource
from notion_sandbox.store.state import default_view
from notion_sandbox.values.ids import new_uuid, parse_uuid
from notion_sandbox.values.rich_text import RichText, parse_rich_text

_DEFAULT_SCHEMA: dict[str, Any] = {"Name": {"title": {}}}


def create_database(call: Call) -> dict[str, Any]:
    """POST /v1/databases: a database with one data source, under a page.

    A `properties` beside `initial_data_source` is ignored, as Notion does since 2025-09-03.
    """
    call.check_keys(
        *(
            "parent",
            "title",
            "description",
            "is_inline",
            "initial_data_source",
            "properties",
            "icon",
            "cover",
        ),
    )
    parent_id = parent_page(call)
    title = _text(call, "title", ())
    initial = call.body.get("initial_data_source") or {}
    if not isinstance(initial, dict):
        raise shape_error("body.initial_data_source", "an object", initial)
    for key in initial:
        if key != "properties":
            raise unsupported(f"{key!r} in initial_data_source")
    editor = SchemaEditor({}, rng=call.rng, find_source=call.source)
    change = editor.apply(
        initial.get("properties") or _DEFAULT_SCHEMA, "body.initial_data_source.properties"
    )
    database = Database(
        new_uuid(call.rng),
        parent_id,
        title,
        _text(call, "description", ()),
        _flag(call, "is_inline", default=False),
        call.now,
        call.now,
        created_by=call.user.id,
        edited_by=call.user.id,
        icon=icon_of(call, None),
        cover=cover_of(call, None),
    )
    attach(call, database.icon, database.cover)
    source = make_source(call, database, title, change, database.description)
    make_counterparts(call, source, change.two_way)
    return call.render.database(call.database(database.id))


def make_source(
    call: Call,
    database: Database,
    title: RichText,
    change: SchemaChange,
    description: RichText = (),
) -> DataSource:
    """Add a data source to a new or present database, with the view that each begins with."""
    author = call.user.id
    source = DataSource(
        new_uuid(call.rng),
        database.id,
        title,
        change.schema,
        call.now,
        author,
        call.now,
        author,
        description=description,
    )
    call.state.put_source(source)
    call.state.put_database(
        replace(
            database,
            data_source_ids=[*database.data_source_ids, source.id],
            edited_at=call.now,
            edited_by=author,
        )
    )
    call.state.add_view(default_view(source, new_uuid(call.rng)))
    return source


def parent_page(call: Call) -> str:
    """The page that a body's `parent` names.

    Raises:
        NotionError: validation_error, object_not_found, or sandbox_unsupported for other parents.
    """
    parent = call.required_object("parent")
    if "page_id" not in parent:
        raise unsupported("databases whose parent is not a page")
    page_id = parse_uuid(parent["page_id"])
    if page_id is None:
        raise shape_error("body.parent.page_id", "a valid uuid", parent["page_id"])
    return call.page(page_id).id


def _text(call: Call, key: str, default: RichText) -> RichText:
    return parse_rich_text(call.body[key], f"body.{key}") if key in call.body else default


def _flag(call: Call, key: str, *, default: bool) -> bool:
    value = call.body.get(key, default)
    if not isinstance(value, bool):
        raise shape_error(f"body.{key}", "a boolean", value)
    return value


def retrieve_database(call: Call) -> dict[str, Any]:
    """GET /v1/databases/{database_id}."""
    return call.render.database(call.database(call.path_id("database_id")))


def update_database(call: Call) -> dict[str, Any]:
    """PATCH /v1/databases/{database_id}: what the body names; data sources keep their own titles.

    The description is that of its first data source too (recorded).

    In the trash, its data sources and its pages' board go with it; taken out again, they come back.
    """
    legacy = ("archived",) if call.version == LEGACY else ()
    known = (
        "title",
        "description",
        "is_inline",
        "icon",
        "cover",
        "is_locked",
        "in_trash",
        "parent",
    )
    call.check_keys(*known, *legacy)
    database = call.database(call.path_id("database_id"))
    if not call.body:
        return call.render.database(database)
    trash_key = "in_trash" if "in_trash" in call.body or not legacy else "archived"
    changed = replace(
        database,
        parent_id=parent_page(call) if "parent" in call.body else database.parent_id,
        title=_text(call, "title", database.title),
        description=_text(call, "description", database.description),
        is_inline=_flag(call, "is_inline", default=database.is_inline),
        is_locked=_flag(call, "is_locked", default=database.is_locked),
        in_trash=_flag(call, trash_key, default=database.in_trash),
        icon=icon_of(call, database.icon),
        cover=cover_of(call, database.cover),
        edited_at=call.now,
        edited_by=call.user.id,
    )
    attach(call, changed.icon, changed.cover)
    call.state.put_database(changed)
    if "description" in call.body:
        first = call.state.sources[changed.data_source_ids[0]]
        call.state.put_source(replace(first, description=changed.description))
    return call.render.database(changed)
