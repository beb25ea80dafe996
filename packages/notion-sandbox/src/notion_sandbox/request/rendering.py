"""Objects as responses carry them.

Key sets and order follow recorded answers of version 2026-03-11.

Version 2025-09-03 differs in one thing only: its objects also carry `archived`.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from notion_sandbox.files.signing import LIFETIME, signed_url
from notion_sandbox.schema.readers import TIMES, page_moment, related_ids
from notion_sandbox.schema.rendering import render_option, render_schema
from notion_sandbox.store.file_upload import FileUpload
from notion_sandbox.store.objects import Database, DataSource, Page, Property
from notion_sandbox.store.state import State, render_user
from notion_sandbox.values.dates import database_time, instant, page_time, zulu
from notion_sandbox.values.ids import encoded
from notion_sandbox.values.rich_text import plain_text, render_rich_text

MAX_SHOWN_RELATED = 25
"""Pages carry the first 25 of a relation and `has_more` (Notion: "Page properties")."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders objects for one request.

    Attributes:
        state: The objects that they refer to.
        now: The time of the request, for formulas and URLs of files.
        legacy: Whether the request has version 2025-09-03.
        base_url: The sandbox's address, for the URLs of files.
    """

    state: State
    now: datetime
    legacy: bool
    base_url: str = ""

    def page(self, page: Page, only: Collection[str] | None = None) -> dict[str, Any]:
        """A page; `only` are the ids of the properties to show (`filter_properties`)."""
        schema = self.state.schema_of(page)
        shown = [prop for prop in schema.values() if only is None or prop.id in only]
        body = {
            "object": "page",
            "id": page.id,
            "created_time": page_time(page.created_at),
            "last_edited_time": page_time(page.edited_at),
            "created_by": partial_user(page.created_by),
            "last_edited_by": partial_user(page.edited_by),
            "cover": self.file(page.cover),
            "icon": self.file(page.icon),
            "parent": self.page_parent(page),
            "in_trash": page.in_trash,
            "is_archived": False,
            "is_locked": page.is_locked,
            "properties": {prop.name: self.value(page, prop) for prop in shown},
            "url": object_url(self.state.title_of(page), page.id),
            "public_url": None,
        }
        return self.versioned(body, in_trash=page.in_trash)

    def page_parent(self, page: Page) -> dict[str, Any]:
        """Where a page is."""
        if page.data_source_id is not None:
            database_id = self.state.sources[page.data_source_id].database_id
            return {
                "type": "data_source_id",
                "data_source_id": page.data_source_id,
                "database_id": database_id,
            }
        if page.parent_id is not None:
            return {"type": "page_id", "page_id": page.parent_id}
        return {"type": "workspace", "workspace": True}

    def value(self, page: Page, prop: Property) -> dict[str, Any]:
        """A property of a page: id, type, and the value under its type."""
        shown = {"id": encoded(prop.id), "type": prop.kind, prop.kind: self.bare_value(page, prop)}
        if prop.kind == "relation":
            ids = related_ids(self.state, page, prop)
            shown["relation"] = [{"id": page_id} for page_id in ids[:MAX_SHOWN_RELATED]]
            shown["has_more"] = len(ids) > MAX_SHOWN_RELATED
        return shown

    def bare_value(self, page: Page, prop: Property) -> Any:
        """The value under the type's key."""
        render = self._RENDERERS.get(prop.kind, Renderer._plain)
        return render(self, page, prop)

    def _plain(self, page: Page, prop: Property) -> Any:
        return page.values.get(prop.id)

    def _checkbox(self, page: Page, prop: Property) -> bool:
        return bool(page.values.get(prop.id))

    def _date(self, page: Page, prop: Property) -> Any:
        date = page.date(prop.id)
        return date and date.render()

    def _rich_text(self, page: Page, prop: Property) -> list[dict[str, Any]]:
        return render_rich_text(page.text(prop.id), self.state.describe)

    def _option(self, page: Page, prop: Property) -> dict[str, Any] | None:
        option = prop.chosen_or_default(page.values.get(prop.id))
        if option is None:
            return None
        return render_option(option)

    def _options(self, page: Page, prop: Property) -> list[dict[str, Any]]:
        chosen = prop.chosen(page.values.get(prop.id))
        return [render_option(option) for option in chosen]

    def _people(self, page: Page, prop: Property) -> list[dict[str, Any]]:
        return [self.user(user_id) for user_id in page.items(prop.id)]

    def _files(self, page: Page, prop: Property) -> list[dict[str, Any]]:
        return [self.named_file(item) for item in page.items(prop.id)]

    def _unique_id(self, page: Page, prop: Property) -> dict[str, Any]:
        return {"prefix": prop.prefix, "number": page.values.get(prop.id)}

    def _formula(self, page: Page, prop: Property) -> Any:
        formula = prop.formula
        return formula and formula.evaluate(self._moment(page, formula.property_id), self.now)

    def _moment(self, page: Page, property_id: str) -> datetime | None:
        """The moment of a date or time property, for formulas."""
        prop = self.state.schema_of(page)[property_id]
        if prop.kind in TIMES:
            return instant(page_time(page_moment(page, prop.kind)))
        date = page.date(property_id)
        return None if date is None else instant(date.start)

    def _time(self, page: Page, prop: Property) -> str:
        return page_time(page_moment(page, prop.kind))

    def _created_by(self, page: Page, _prop: Property) -> dict[str, Any]:
        return self.user(page.created_by)

    def _last_edited_by(self, page: Page, _prop: Property) -> dict[str, Any]:
        return self.user(page.edited_by)

    _RENDERERS: ClassVar[dict[str, Callable[["Renderer", Page, Property], Any]]] = {
        "title": _rich_text,
        "rich_text": _rich_text,
        "select": _option,
        "status": _option,
        "multi_select": _options,
        "date": _date,
        "people": _people,
        "files": _files,
        "checkbox": _checkbox,
        "unique_id": _unique_id,
        "formula": _formula,
        "created_time": _time,
        "last_edited_time": _time,
        "created_by": _created_by,
        "last_edited_by": _last_edited_by,
    }
    """By kind of a property: how its value is rendered; other kinds have plain values."""

    def user(self, user_id: str) -> dict[str, Any]:
        """A user in full, or only the id of one that no longer exists."""
        user = self.state.users.get(user_id)
        return partial_user(user_id) if user is None else render_user(user, self.state.meta)

    def file(self, value: Any) -> Any:
        """A stored icon, cover or file; an upload as a URL that is valid for an hour."""
        if not isinstance(value, dict) or value.get("type") != "file_upload":
            return value
        upload_id, name = value["file_upload"]["id"], self._upload_name(value)
        expires, key = self.now + LIFETIME, self.state.meta["file_key"]
        url = signed_url(key, self.base_url, upload_id, name, expires)
        shown = {key: value[key] for key in value if key not in ("type", "file_upload")}
        if shown.get("name") == "":  # a block whose file has no name of its own
            shown["name"] = name
        return {**shown, "type": "file", "file": {"url": url, "expiry_time": zulu(expires)}}

    def named_file(self, value: Any) -> dict[str, Any]:
        """An item of a files property; an upload that was given no name has its file's."""
        shown = self.file(value)
        return {"name": shown.get("name") or self._upload_name(value), **shown}

    def _upload_name(self, value: Any) -> str:
        upload = self.state.uploads.get(value["file_upload"]["id"])
        return (upload and upload.filename) or ""

    def file_upload(self, upload: FileUpload) -> dict[str, Any]:
        """An upload. Key order follows recorded answers."""
        author = self.state.users[upload.created_by]
        path = f"{self.base_url}/v1/file_uploads/{upload.id}"
        pending = upload.status == "pending"
        body: dict[str, Any] = {
            "object": "file_upload",
            "id": upload.id,
            "created_time": page_time(upload.created_at),
            "created_by": {"id": author.id, "type": author.kind},
            "last_edited_time": page_time(upload.edited_at),
            "expiry_time": upload.expires_at and zulu(upload.expires_at),
        }
        if pending and upload.external_url is None:
            body["upload_url"] = f"{path}/send"
        body |= {"in_trash": False, "status": upload.status, "filename": upload.filename}
        body |= {"content_type": upload.content_type, "content_length": upload.content_length}
        if upload.parts is not None:
            body["number_of_parts"] = {"total": upload.parts, "sent": len(upload.sizes)}
            if pending and len(upload.sizes) == upload.parts:
                body["complete_url"] = f"{path}/complete"
        if upload.import_result is not None:
            body["file_import_result"] = upload.import_result
        return self.versioned(body, in_trash=False)

    def database(self, database: Database) -> dict[str, Any]:
        """A database: its title, its parent and the names of its data sources."""
        sources = [self.state.sources[source_id] for source_id in database.data_source_ids]
        body = {
            "object": "database",
            "id": database.id,
            "title": render_rich_text(database.title, self.state.describe),
            "description": render_rich_text(database.description, self.state.describe),
            "parent": {"type": "page_id", "page_id": database.parent_id},
            "is_inline": database.is_inline,
            "in_trash": database.in_trash,
            "is_locked": database.is_locked,
            "created_time": database_time(database.created_at),
            "last_edited_time": database_time(database.edited_at),
            "data_sources": [
                {"id": item.id, "name": plain_text(item.title, self.state.describe)}
                for item in sources
            ],
            "icon": self.file(database.icon),
            "cover": self.file(database.cover),
            "url": object_url("", database.id),
            "public_url": None,
        }
        return self.versioned(body, in_trash=database.in_trash)

    def source(self, source: DataSource) -> dict[str, Any]:
        """A data source with its schema."""
        database, in_trash = self.state.databases[source.database_id], self.state.is_trashed(source)
        body = {
            "object": "data_source",
            "id": source.id,
            "cover": self.file(database.cover),
            "icon": self.file(source.icon),
            "created_time": page_time(source.created_at),
            "created_by": partial_user(source.created_by),
            "last_edited_by": partial_user(source.edited_by),
            "last_edited_time": page_time(source.edited_at),
            "title": render_rich_text(source.title, self.state.describe),
            "description": render_rich_text(source.description, self.state.describe),
            "is_inline": database.is_inline,
            "properties": render_schema(source.schema, self._property_name, self._database_of),
            "parent": {"type": "database_id", "database_id": source.database_id},
            "database_parent": {"type": "page_id", "page_id": database.parent_id},
            "url": object_url("", database.id),
            "public_url": None,
            "in_trash": in_trash,
        }
        return self.versioned(body, in_trash=in_trash)

    def _property_name(self, source_id: str, property_id: str) -> str:
        return self.state.sources[source_id].schema[property_id].name

    def _database_of(self, source_id: str) -> str:
        return self.state.sources[source_id].database_id

    def versioned(self, body: dict[str, Any], *, in_trash: bool) -> dict[str, Any]:
        """An object with `archived` beside `in_trash` where the version has it."""
        return {**body, "archived": in_trash} if self.legacy else body


def partial_user(user_id: str) -> dict[str, Any]:
    """A user as most objects carry it: the id."""
    return {"object": "user", "id": user_id}


def object_url(title: str, object_id: str) -> str:
    """The URL of an object in Notion's app."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")
    return f"https://app.notion.com/p/{slug}-{object_id.replace('-', '')}".replace("/-", "/")
