"""A request as an endpoint sees it, and the routes that lead to endpoints."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from notion_sandbox.config import Config
from notion_sandbox.errors import (
    NotionError,
    body_error,
    missing_error,
    not_found,
    shape_error,
    unsupported,
    validation_error,
)
from notion_sandbox.request.multipart import FormField
from notion_sandbox.request.rendering import Renderer
from notion_sandbox.store.file_upload import FileUpload
from notion_sandbox.store.objects import Block, Comment, Database, DataSource, Page, User, View
from notion_sandbox.store.state import State
from notion_sandbox.values.ids import parse_uuid
from notion_sandbox.webhooks.outbox import Outbox

LATEST = "2026-03-11"
LEGACY = "2025-09-03"


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

    def required_object(self, key: str) -> dict[str, Any]:
        """The JSON object under a key of the body.

        Raises:
            NotionError: validation_error when there is none.
        """
        value = self.body.get(key)
        if value is None:
            raise missing_error(f"body.{key}")
        if not isinstance(value, dict):
            raise shape_error(f"body.{key}", "an object", value)
        return value

    def missing(self, kind: str, object_id: str) -> NotionError:
        """The 404 for an object that is not there."""
        return not_found(kind, object_id, user_id=self.user.id, user_name=self.user.name)

    def database(self, object_id: str) -> Database:
        """A database, or NotionError object_not_found."""
        if object_id not in self.state.databases:
            raise self.missing("database", object_id)
        return self.state.databases[object_id]

    def source(self, object_id: str) -> DataSource:
        """A data source, or NotionError object_not_found."""
        if object_id not in self.state.sources:
            raise self.missing("data_source", object_id)
        return self.state.sources[object_id]

    def page(self, object_id: str) -> Page:
        """A page, or NotionError object_not_found."""
        if object_id not in self.state.pages:
            raise self.missing("page", object_id)
        return self.state.pages[object_id]

    def view(self, object_id: str) -> View:
        """A view, or NotionError object_not_found."""
        if object_id not in self.state.views:
            raise self.missing("view", object_id)
        return self.state.views[object_id]

    def block(self, object_id: str) -> Block:
        """A block, or NotionError object_not_found."""
        if object_id not in self.state.blocks:
            raise self.missing("block", object_id)
        return self.state.blocks[object_id]

    def comment(self, object_id: str) -> Comment:
        """A comment, or NotionError object_not_found."""
        if object_id not in self.state.comments:
            raise self.missing("comment", object_id)
        return self.state.comments[object_id]

    def file_upload(self, object_id: str) -> FileUpload:
        """A file upload, or NotionError object_not_found."""
        found = self.state.uploads.get(object_id)
        if found is None:
            raise self.missing("file_upload", object_id)
        return found

    def check_keys(self, *known: str, absent: Iterable[str] = ()) -> None:
        """Refuse keys of the body that Notion or the sandbox does not know.

        Args:
            known: What the endpoint understands.
            absent: What Notion has and the sandbox has not; null, false, and empty values of these
                pass.

        Raises:
            NotionError: sandbox_unsupported for `absent`, validation_error for the rest.
        """
        for key, value in self.body.items():
            if key in absent:
                if value not in (None, False, [], {}):
                    raise unsupported(f"{key!r} in the body of this request")
            elif key not in known:
                raise body_error(
                    f"body.{key} should be not present, instead was `{json.dumps(value)[:100]}`."
                )


Endpoint = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path with `{names}`, and the endpoint.

    None where Notion has one and the sandbox has not. `takes_form` is for bodies that are a form
    with a file in place of JSON.
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
        return None if found is None else found.groupdict()
