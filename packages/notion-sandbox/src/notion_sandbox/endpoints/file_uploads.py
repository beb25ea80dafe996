"""Endpoints for file uploads.

Source: Notion's "Create", "Send", "Complete", "Retrieve" and "List file uploads".
"""

from typing import Any

from notion_sandbox.errors import missing_error, validation_error
from notion_sandbox.files.events import announce
from notion_sandbox.files.uploads import announced, completed, with_part
from notion_sandbox.request.call import Call
from notion_sandbox.request.lists import list_answer, piece_of_query
from notion_sandbox.store.file_upload import FileUpload
from notion_sandbox.values.ids import new_uuid

_STATUSES = ("pending", "uploaded", "expired", "failed")


def create_file_upload(call: Call) -> dict[str, Any]:
    """POST /v1/file_uploads: an upload without content."""
    call.check_keys("mode", "filename", "content_type", "number_of_parts", "external_url")
    upload = announced(call.body, upload_id=new_uuid(call.rng), author=call.user.id, now=call.now)
    return _store(call, upload, "created")


def send_file_upload(call: Call) -> dict[str, Any]:
    """POST /v1/file_uploads/{file_upload_id}/send: the file, or one part of it, as a form."""
    upload = call.file_upload(call.path_id("file_upload_id"))
    file, number = call.form.get("file"), call.form.get("part_number")
    if file is None:
        raise missing_error("body.file")
    sent, part = with_part(
        upload,
        file.content,
        filename=file.filename,
        content_type=file.content_type,
        number=None if number is None else number.text,
        limit=call.config.max_file_bytes,
        now=call.now,
    )
    call.state.uploads.put_part(upload.id, part, file.content)
    if sent.status == "uploaded":
        return _store(call, sent, "completed")
    return _store(call, sent)


def complete_file_upload(call: Call) -> dict[str, Any]:
    """POST /v1/file_uploads/{file_upload_id}/complete: after every part was sent."""
    call.check_keys()
    upload = call.file_upload(call.path_id("file_upload_id"))
    return _store(call, completed(upload, call.now), "completed")


def retrieve_file_upload(call: Call) -> dict[str, Any]:
    """GET /v1/file_uploads/{file_upload_id}."""
    return call.render.file_upload(call.file_upload(call.path_id("file_upload_id")))


def list_file_uploads(call: Call) -> dict[str, Any]:
    """GET /v1/file_uploads: those of the caller, the newest first; `status` narrows them."""
    status = call.query_value("status")
    if status not in (None, *_STATUSES):
        wanted = ", ".join(f'"{name}"' for name in _STATUSES)
        raise validation_error(
            f"query failed validation: query.status should be one of {wanted}, "
            f"instead was `{status}`."
        )
    own = [upload for upload in call.state.uploads if upload.created_by == call.user.id]
    found = [upload for upload in own if status in (None, upload.status)]
    found.sort(key=lambda upload: upload.created_at)
    shown, cursor = piece_of_query(call, f"file_uploads/{status}", found[::-1])
    return list_answer("file_upload", [call.render.file_upload(one) for one in shown], cursor)


def _store(call: Call, upload: FileUpload, event: str | None = None) -> dict[str, Any]:
    call.state.uploads.put(upload)
    if event is not None:
        announce(call.state, call.outbox, upload, event, call.now, None)
    return call.render.file_upload(upload)
