"""Attaching uploads: what a request refers to must be uploaded, and does not expire any more."""

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
        NotionError: object_not_found for an upload that is not there, validation_error for one that
            is not uploaded.
    """
    found = [attached(call.file_upload(upload_id)) for upload_id in _references(values)]
    for upload in found:
        call.state.uploads.put(upload)


def files_of(bound: Iterable[tuple[Property, Written]]) -> list[Any]:
    """The values of a page's request that may refer to uploads."""
    return [value for prop, value in bound if prop.kind == "files"]


def files_in(drafts: Iterable[Draft]) -> list[Any]:
    """What the blocks of a request hold, those inside included."""
    return [[draft.content.fields, files_in(draft.children)] for draft in drafts]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value.get("type") == "file_upload":
        yield value["file_upload"]["id"]
    elif isinstance(value, dict):
        yield from _references(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _references(item)
