"""Attachment of uploads: a request may refer to uploaded files only, which then do not expire."""

from collections.abc import Iterable, Iterator
from typing import Any

from notion_sandbox.content.block_writing import Draft
from notion_sandbox.files.uploads import attached
from notion_sandbox.request.call import Call
from notion_sandbox.schema.property_values import Written
from notion_sandbox.store.objects import Property


def attach(call: Call, *values: Any) -> None:
    """Attach every upload that these values of a request refer to, or none of them.

    Raises:
        NotionError: object_not_found for an unknown upload, validation_error for one whose content
            was not sent.
    """
    found = [attached(call.file_upload(upload_id)) for upload_id in _references(values)]
    for upload in found:
        call.state.uploads.put(upload)


def files_of(bound: Iterable[tuple[Property, Written]]) -> list[Any]:
    """The values of a page's request that may refer to uploads."""
    return [value for prop, value in bound if prop.kind == "files"]


def files_in(drafts: Iterable[Draft]) -> list[Any]:
    """The fields of the blocks of a request and of the blocks inside them."""
    return [[draft.content.fields, files_in(draft.children)] for draft in drafts]


def _references(value: Any) -> Iterator[str]:
    """The ids of the uploads that a value refers to, at any depth."""
    match value:
        case {"type": "file_upload", "file_upload": {"id": upload_id}}:
            yield upload_id
        case dict():
            yield from _references([*value.values()])
        case list() | tuple():
            for item in value:
                yield from _references(item)
