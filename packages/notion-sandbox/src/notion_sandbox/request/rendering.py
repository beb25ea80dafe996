"""Objects as responses carry them.

Key sets and order follow recorded answers of version 2026-03-11.

Version 2025-09-03 differs in one thing here: its objects also carry `archived`.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notion_sandbox.files.signing import LIFETIME, signed_url
from notion_sandbox.schema.readers import ids_in, option_ids, related_ids
from notion_sandbox.schema.rendering import render_option, render_schema
from notion_sandbox.store.file_upload import FileUpload
from notion_sandbox.store.objects import Database, DataSource, Page, Property
from notion_sandbox.store.state import State, render_user
from notion_sandbox.values.dates import DateValue, database_time, instant, page_time, zulu
from notion_sandbox.values.ids import encoded
from notion_sandbox.values.rich_text import plain_text, render_rich_text

MAX_SHOWN_RELATED = 25
"""Pages carry the first 25 of a relation and `has_more` (Notion: "Page properties")."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """Writes objects for one request.

    Attributes:
        state: What they refer to.
        now: The present, which formulas need.
        legacy: Whether the request speaks version 2025-09-03.
        base_url: Where the sandbox answers, for the URLs of files.
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
        """What stands under the type's key."""
        computed = self._computed(page, prop)
        if computed is not None:
            return computed
        value = page.values.get(prop.id)
        if prop.kind in ("title", "rich_text"):
            return render_rich_text(value if isinstance(value, tuple) else (), self.state.describe)
        if prop.kind in ("select", "status"):
            option = prop.option(value)
            if option is None and prop.kind == "status" and prop.options:
                option = prop.options[0]
            return None if option is None else render_option(option)
        if prop.kind == "multi_select":
            return [
                render_option(option)
                for key in option_ids(page, prop)
                if (option := prop.option(key))
            ]
        if prop.kind == "people":
            return [self.user(user_id) for user_id in ids_in(value)]
        if prop.kind == "files":
            return [self.named_file(item) for item in value] if isinstance(value, list) else []
        if prop.kind == "unique_id":
            return {"prefix": prop.prefix, "number": value}
        if prop.kind == "checkbox":
            return bool(value)
        return value.render() if isinstance(value, DateValue) else value

    def _computed(self, page: Page, prop: Property) -> Any:
        if prop.formula is not None:
            return prop.formula.evaluate(self._moment(page, prop.formula.property_id), self.now)
        if prop.kind in ("created_time", "last_edited_time"):
            return page_time(page.created_at if prop.kind == "created_time" else page.edited_at)
        if prop.kind in ("created_by", "last_edited_by"):
            user_id = page.created_by if prop.kind == "created_by" else page.edited_by
            return self.user(user_id)
        return None

    def user(self, user_id: str) -> dict[str, Any]:
        """A user in full, or only the id of one who is gone."""
        user = self.state.users.get(user_id)
        return partial_user(user_id) if user is None else render_user(user, self.state.meta)

    def _moment(self, page: Page, property_id: str) -> datetime | None:
        kind = self.state.schema_of(page)[property_id].kind
        if kind in ("created_time", "last_edited_time"):
            return instant(page_time(page.created_at if kind == "created_time" else page.edited_at))
        value = page.values.get(property_id)
        return instant(value.start) if isinstance(value, DateValue) else None

    def file(self, value: Any) -> Any:
        """A kept icon, cover or file; an upload as a URL that is good for an hour."""
        if not isinstance(value, dict) or value.get("type") != "file_upload":
            return value
        upload_id, name = value["file_upload"]["id"], self._upload_name(value)
        expires, key = self.now + LIFETIME, self.state.meta["file_key"]
        url = signed_url(key, self.base_url, upload_id, name, expires)
        shown = {key: value[key] for key in value if key not in ("type", "file_upload")}
        if shown.get("name") == "":  # a block of a file that nobody named
            shown["name"] = name
        return {**shown, "type": "file", "file": {"url": url, "expiry_time": zulu(expires)}}

    def named_file(self, value: Any) -> dict[str, Any]:
        """An item of a files property; an upload that was given no name has its file's."""
        shown = self.file(value)
        return {"name": shown.get("name") or self._upload_name(value), **shown}

    def _upload_name(self, value: Any) -> str:
        upload = self.state.uploads.get(value["file_upload"]["id"])
        return "" if upload is None else upload.filename or ""

    def file_upload(self, upload: FileUpload) -> dict[str, Any]:
        """An upload. Key order follows recorded answers."""
        author = self.state.users[upload.created_by]
        path = f"{self.base_url}/v1/file_uploads/{upload.id}"
        pending = upload.status == "pending"
        expires = upload.expires_at
        body: dict[str, Any] = {
            "object": "file_upload",
            "id": upload.id,
            "created_time": page_time(upload.created_at),
            "created_by": {"id": author.id, "type": author.kind},
            "last_edited_time": page_time(upload.edited_at),
            "expiry_time": None if expires is None else zulu(expires),
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
    """Where people open it."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")
    return f"https://app.notion.com/p/{slug}-{object_id.replace('-', '')}".replace("/-", "/")
