"""A request as an endpoint sees it, and the routes that lead to endpoints."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, TypeVar

from notion_sandbox.config import Config
from notion_sandbox.errors import (
    NotionError,
    body_error,
    not_found,
    unsupported,
    validation_error,
)
from notion_sandbox.request.multipart import FormField
from notion_sandbox.request.rendering import Renderer
from notion_sandbox.store.file_upload import FileUpload
from notion_sandbox.store.objects import Block, Comment, Database, DataSource, Page, User, View
from notion_sandbox.store.state import State
from notion_sandbox.values.checks import (
    first_key,
    require_boolean,
    require_object,
    require_uuid,
    require_value,
)
from notion_sandbox.values.ids import parse_uuid
from notion_sandbox.values.rich_text import RichText, parse_rich_text
from notion_sandbox.webhooks.outbox import Outbox

LATEST = "2026-03-11"
LEGACY = "2025-09-03"

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as an endpoint sees it.

    Attributes:
        state: The objects.
        outbox: Where changes are recorded for webhooks.
        config: The settings.
        rng: Source of ids.
        now: When the request came.
        user: Who calls.
        version: The API version it speaks.
        params: The parts of the path, such as `page_id`.
        query: The query string: every value of each name.
        body: The JSON object of the body; {} for a request without one.
        form: The fields of a form, for the endpoint that takes one.
        base_url: Where the caller reached the sandbox.
    """

    state: State
    outbox: Outbox
    config: Config
    rng: Random
    now: datetime
    user: User
    version: str
    params: dict[str, str]
    query: dict[str, list[str]]
    body: dict[str, Any]
    form: dict[str, FormField] = field(default_factory=dict)
    base_url: str = ""

    @property
    def render(self) -> Renderer:
        """Writes objects for this request."""
        return Renderer(self.state, self.now, self.version == LEGACY, self.base_url)

    @property
    def legacy_keys(self) -> tuple[str, ...]:
        """The keys that only bodies of version 2025-09-03 have."""
        return ("archived",) if self.version == LEGACY else ()

    def path_id(self, name: str) -> str:
        """The UUID in the path.

        Raises:
            NotionError: validation_error "path failed validation" when it is none.
        """
        found = parse_uuid(self.params[name])
        if found is None:
            given = json.dumps(self.params[name], ensure_ascii=False)
            raise validation_error(
                f"path failed validation: path.{name} should be a valid uuid, "
                f"instead was `{given}`."
            )
        return found

    def query_value(self, name: str) -> str | None:
        """The first value of a parameter of the query string."""
        return next(iter(self.query.get(name, [])), None)

    def body_id(self, key: str) -> str:
        """The UUID under a key of the body.

        Raises:
            NotionError: validation_error when there is none.
        """
        return require_uuid(require_value(self.body, key, "body"), f"body.{key}")

    def flag(self, key: str, *, default: bool) -> bool:
        """The boolean under a key of the body.

        Raises:
            NotionError: validation_error when it is not a boolean.
        """
        return require_boolean(self.body.get(key, default), f"body.{key}")

    def in_trash(self, *, present: bool) -> bool:
        """Whether the object is in the trash after this request.

        Raises:
            NotionError: validation_error when the body's value is not a boolean.
        """
        key = first_key(self.body, ("in_trash", "archived")) or "in_trash"
        return self.flag(key, default=present)

    def rich_text(self, key: str, present: RichText = ()) -> RichText:
        """The rich text under a key of the body, or the present one.

        Raises:
            NotionError: validation_error.
        """
        if key not in self.body:
            return present
        return parse_rich_text(self.body[key], f"body.{key}")

    def required_object(self, key: str) -> dict[str, Any]:
        """The JSON object under a key of the body.

        Raises:
            NotionError: validation_error when there is none.
        """
        return require_object(require_value(self.body, key, "body"), f"body.{key}")

    def parent(self, *keys: str) -> tuple[str, str] | None:
        """The first of some keys that the body's `parent` has, and the UUID under it.

        Raises:
            NotionError: validation_error when there is no parent, or no UUID.
        """
        parent = self.required_object("parent")
        key = first_key(parent, keys)
        if key is None:
            return None
        return key, require_uuid(parent[key], f"body.parent.{key}")

    def missing(self, kind: str, object_id: str) -> NotionError:
        """The 404 for an unknown object."""
        return not_found(kind, object_id, user_id=self.user.id, user_name=self.user.name)

    def _require(self, kind: str, found: Found | None, object_id: str) -> Found:
        if found is None:
            raise self.missing(kind, object_id)
        return found

    def database(self, object_id: str) -> Database:
        """A database, or NotionError object_not_found."""
        return self._require("database", self.state.databases.get(object_id), object_id)

    def source(self, object_id: str) -> DataSource:
        """A data source, or NotionError object_not_found."""
        return self._require("data_source", self.state.sources.get(object_id), object_id)

    def page(self, object_id: str) -> Page:
        """A page, or NotionError object_not_found."""
        return self._require("page", self.state.pages.get(object_id), object_id)

    def view(self, object_id: str) -> View:
        """A view, or NotionError object_not_found."""
        return self._require("view", self.state.views.get(object_id), object_id)

    def block(self, object_id: str) -> Block:
        """A block, or NotionError object_not_found."""
        return self._require("block", self.state.blocks.get(object_id), object_id)

    def comment(self, object_id: str) -> Comment:
        """A comment, or NotionError object_not_found."""
        return self._require("comment", self.state.comments.get(object_id), object_id)

    def other_user(self, object_id: str) -> User:
        """A user, not only the caller, or NotionError object_not_found."""
        return self._require("user", self.state.users.get(object_id), object_id)

    def file_upload(self, object_id: str) -> FileUpload:
        """A file upload, or NotionError object_not_found."""
        return self._require("file_upload", self.state.uploads.get(object_id), object_id)

    def check_keys(self, *known: str, absent: Iterable[str] = ()) -> None:
        """Refuse keys of the body that Notion does not have or the sandbox does not support.

        Args:
            known: The keys that the endpoint reads.
            absent: The keys that Notion has and the sandbox does not support; they are ignored
                when their value is null, false or empty.

        Raises:
            NotionError: sandbox_unsupported for `absent`, validation_error for the rest.
        """
        for key, value in self.body.items():
            if key in known or (key in absent and value in (None, False, [], {})):
                continue
            if key in absent:
                raise unsupported(f"{key!r} in the body of this request")
            raise body_error(
                f"body.{key} should be not present, instead was `{json.dumps(value)[:100]}`."
            )


Endpoint = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path with `{names}`, and the endpoint.

    Attributes:
        method: The HTTP method.
        path: The path, such as `/v1/pages/{page_id}`.
        endpoint: Answers; None where Notion has an endpoint that the sandbox does not support.
        takes_form: Whether the body is a form with a file in place of JSON.
    """

    method: str
    path: str
    endpoint: Endpoint | None
    takes_form: bool = False

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The parts of the path, or None when this is another route."""
        if method != self.method:
            return None
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path), path)
        return found and found.groupdict()
