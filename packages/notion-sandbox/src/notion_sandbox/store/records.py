"""Conversion of objects to the records of the state file, and back."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from notion_sandbox.store.objects import (
    Block,
    Comment,
    Database,
    DataSource,
    Option,
    Page,
    Property,
    Relation,
    Schema,
    User,
    Value,
    View,
)
from notion_sandbox.values.dates import DateValue
from notion_sandbox.values.formulas import Formula
from notion_sandbox.values.rich_text import dump_rich_text, load_rich_text

_TEXT_KINDS = ("title", "rich_text")


def dump_user(user: User) -> dict[str, Any]:
    """A user with the token."""
    return asdict(user)


def load_user(_object_id: str, body: dict[str, Any]) -> User:
    """The user of a record."""
    return User(**body)


def dump_database(database: Database) -> dict[str, Any]:
    """A database without its id."""
    return {
        "parent_id": database.parent_id,
        "title": dump_rich_text(database.title),
        "description": dump_rich_text(database.description),
        "is_inline": database.is_inline,
        "created_at": database.created_at.isoformat(),
        "edited_at": database.edited_at.isoformat(),
        "data_source_ids": database.data_source_ids,
        "view_ids": database.view_ids,
        "created_by": database.created_by,
        "edited_by": database.edited_by,
        "in_trash": database.in_trash,
        "is_locked": database.is_locked,
        "icon": database.icon,
        "cover": database.cover,
    }


def load_database(object_id: str, body: dict[str, Any]) -> Database:
    """The database of a record."""
    text = {key: load_rich_text(body[key]) for key in ("title", "description")}
    return Database(**{**body, **text, **_times(body), "id": object_id})


def dump_source(source: DataSource) -> dict[str, Any]:
    """A data source without its id."""
    return {
        "database_id": source.database_id,
        "title": dump_rich_text(source.title),
        "schema": [asdict(prop) for prop in source.schema.values()],
        "created_at": source.created_at.isoformat(),
        "created_by": source.created_by,
        "edited_at": source.edited_at.isoformat(),
        "edited_by": source.edited_by,
        "in_trash": source.in_trash,
        "icon": source.icon,
        "description": dump_rich_text(source.description),
    }


def load_source(object_id: str, body: dict[str, Any]) -> DataSource:
    """The data source of a record."""
    schema = {item["id"]: _load_property(item) for item in body["schema"]}
    text = {
        "title": load_rich_text(body["title"]),
        "description": load_rich_text(body.get("description", ())),
    }
    return DataSource(**{**body, **text, **_times(body), "schema": schema, "id": object_id})


def _load_property(item: dict[str, Any]) -> Property:
    formula, relation = item["formula"], item["relation"]
    return Property(
        **{
            **item,
            "options": tuple(Option(**option) for option in item["options"]),
            "formula": formula and Formula(**formula),
            "relation": relation and Relation(**relation),
        }
    )


def dump_page(page: Page, schema: Schema) -> dict[str, Any]:
    """A page without its id, with the values of properties that still exist."""
    values = {
        key: _dump_value(schema[key].kind, value)
        for key, value in page.values.items()
        if key in schema
    }
    return {
        "number": page.number,
        "data_source_id": page.data_source_id,
        "parent_id": page.parent_id,
        "created_at": page.created_at.isoformat(),
        "created_by": page.created_by,
        "edited_at": page.edited_at.isoformat(),
        "edited_by": page.edited_by,
        "in_trash": page.in_trash,
        "values": values,
        "icon": page.icon,
        "cover": page.cover,
        "is_locked": page.is_locked,
    }


def load_page(object_id: str, body: dict[str, Any], schema: Schema) -> Page:
    """The page of a record."""
    items = body["values"].items()
    values = {key: _load_value(schema[key].kind, value) for key, value in items if key in schema}
    return Page(**{**body, **_times(body), "values": values, "id": object_id})


def dump_view(view: View) -> dict[str, Any]:
    """A view without its id."""
    return _dump_timed(view)


def load_view(object_id: str, body: dict[str, Any]) -> View:
    """The view of a record."""
    return View(**{**body, **_times(body), "id": object_id})


def dump_block(block: Block) -> dict[str, Any]:
    """A block without its id."""
    return {
        **_dump_timed(block),
        "texts": {key: dump_rich_text(text) for key, text in block.texts.items()},
    }


def load_block(object_id: str, body: dict[str, Any]) -> Block:
    """The block of a record."""
    texts = {key: load_rich_text(text) for key, text in body["texts"].items()}
    return Block(**{**body, **_times(body), "texts": texts, "id": object_id})


def dump_comment(comment: Comment) -> dict[str, Any]:
    """A comment without its id."""
    return {**_dump_timed(comment), "text": dump_rich_text(comment.text)}


def load_comment(object_id: str, body: dict[str, Any]) -> Comment:
    """The comment of a record."""
    return Comment(
        **{**body, **_times(body), "text": load_rich_text(body["text"]), "id": object_id}
    )


def _dump_timed(thing: View | Block | Comment) -> dict[str, Any]:
    body = {item.name: getattr(thing, item.name) for item in fields(thing) if item.name != "id"}
    return {
        **body,
        "created_at": thing.created_at.isoformat(),
        "edited_at": thing.edited_at.isoformat(),
    }


def _dump_value(kind: str, value: Value) -> Any:
    if kind in _TEXT_KINDS and isinstance(value, tuple):
        return dump_rich_text(value)
    if isinstance(value, DateValue):
        return value.dump()
    return value


def _load_value(kind: str, value: Any) -> Value:
    if kind in _TEXT_KINDS:
        return load_rich_text(value)
    if kind == "date" and value is not None:
        return DateValue.load(value)
    loaded: Value = value
    return loaded


def _times(body: dict[str, Any]) -> dict[str, datetime]:
    return {key: datetime.fromisoformat(body[key]) for key in ("created_at", "edited_at")}
