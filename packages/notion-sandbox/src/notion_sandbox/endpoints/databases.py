"""Endpoints for databases.

Source: Notion's "Create a database", "Retrieve a database", "Update a database".
"""

from dataclasses import replace
from typing import Any

from notion_sandbox.content.attachments import attach
from notion_sandbox.content.icons import cover_of, icon_of
from notion_sandbox.content.two_way import make_counterparts
from notion_sandbox.errors import unsupported
from notion_sandbox.request.call import Call
from notion_sandbox.schema.changes import SchemaChange, SchemaEditor
from notion_sandbox.store.objects import Database, DataSource, default_view
from notion_sandbox.values.checks import require_object
from notion_sandbox.values.ids import new_uuid
from notion_sandbox.values.rich_text import RichText

_DEFAULT_SCHEMA: dict[str, Any] = {"Name": {"title": {}}}


def create_database(call: Call) -> dict[str, Any]:
    """POST /v1/databases: a database with one data source, under a page.

    A `properties` beside `initial_data_source` is ignored, as Notion does since 2025-09-03.
    """
    call.check_keys(
        "parent",
        "title",
        "description",
        "is_inline",
        "initial_data_source",
        "properties",
        "icon",
        "cover",
    )
    parent_id = parent_page(call)
    title = call.rich_text("title")
    change = _initial_schema(call)
    database = Database(
        new_uuid(call.rng),
        parent_id,
        title,
        call.rich_text("description"),
        call.flag("is_inline", default=False),
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


def _initial_schema(call: Call) -> SchemaChange:
    path = "body.initial_data_source"
    initial = require_object(call.body.get("initial_data_source") or {}, path)
    other = [key for key in initial if key != "properties"]
    if other:
        raise unsupported(f"{other[0]!r} in initial_data_source")
    editor = SchemaEditor({}, rng=call.rng, find_source=call.source)
    return editor.apply(initial.get("properties") or _DEFAULT_SCHEMA, f"{path}.properties")


def make_source(
    call: Call,
    database: Database,
    title: RichText,
    change: SchemaChange,
    description: RichText = (),
) -> DataSource:
    """Add a data source with its default view to a new or present database."""
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
    found = call.parent("page_id")
    if found is None:
        raise unsupported("databases whose parent is not a page")
    _, page_id = found
    return call.page(page_id).id


def retrieve_database(call: Call) -> dict[str, Any]:
    """GET /v1/databases/{database_id}."""
    return call.render.database(call.database(call.path_id("database_id")))


def update_database(call: Call) -> dict[str, Any]:
    """PATCH /v1/databases/{database_id}: what the body names; data sources keep their own titles.

    The description is that of its first data source too (recorded). Its data sources are in the
    trash while it is.
    """
    call.check_keys(
        "title",
        "description",
        "is_inline",
        "icon",
        "cover",
        "is_locked",
        "in_trash",
        "parent",
        *call.legacy_keys,
    )
    database = call.database(call.path_id("database_id"))
    if not call.body:
        return call.render.database(database)
    changed = replace(
        database,
        parent_id=parent_page(call) if "parent" in call.body else database.parent_id,
        title=call.rich_text("title", database.title),
        description=call.rich_text("description", database.description),
        is_inline=call.flag("is_inline", default=database.is_inline),
        is_locked=call.flag("is_locked", default=database.is_locked),
        in_trash=call.in_trash(present=database.in_trash),
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
