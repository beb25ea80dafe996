"""The webhook events of file uploads: `file_upload.created, completed, expired, upload_failed`."""

from datetime import datetime

from notion_sandbox.store.file_upload import FileUpload
from notion_sandbox.store.state import State
from notion_sandbox.values.types import Json
from notion_sandbox.webhooks.outbox import Outbox


def announce(
    state: State, outbox: Outbox, upload: FileUpload, event: str, at: datetime, data: Json | None
) -> None:
    """Send one event at once, with the creator of the upload as its author.

    `data` is None for most events.

    Source: the webhook types of Notion's own JavaScript client.
    """
    author = state.users[upload.created_by]
    entity = (upload.id, "file_upload")
    outbox.announce(f"file_upload.{event}", entity, author=author, at=at, data=data)
