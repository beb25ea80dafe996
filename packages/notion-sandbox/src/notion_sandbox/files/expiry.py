"""Uploads that are not attached within an hour expire."""

from dataclasses import replace
from datetime import datetime

from notion_sandbox.files.events import announce
from notion_sandbox.store.state import State
from notion_sandbox.webhooks.outbox import Outbox


class UploadExpiry:
    """Lets uploads expire when they are due.

    Args:
        state: The objects.
        outbox: Where `file_upload.expired` is announced.
    """

    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state = state
        self._outbox = outbox

    def expire(self, now: datetime) -> None:
        """Let every upload expire that is due, and delete its content."""
        uploads = self._state.uploads
        for upload in uploads.due(now):
            uploads.put(replace(upload, status="expired", edited_at=now))
            uploads.drop_content(upload.id)
            announce(self._state, self._outbox, upload, "expired", now, None)

    def next_at(self) -> datetime | None:
        """When the next upload expires; None when none will."""
        moments = [upload.expires_at for upload in self._state.uploads.waiting()]
        return min(filter(None, moments), default=None)
