"""Uploads that are not attached within an hour expire."""

from dataclasses import replace
from datetime import datetime

from notion_sandbox.files.events import announce
from notion_sandbox.store.state import State
from notion_sandbox.webhooks.outbox import Outbox


class UploadExpiry:
    """Lets uploads expire when their time has come.

    Args:
        state: The objects.
        outbox: Where `file_upload.expired` is announced.
    """

    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state = state
        self._outbox = outbox

    def expire(self, now: datetime) -> None:
        """Let everything expire that is due; what was sent of it is forgotten."""
        for upload in self._state.uploads.waiting():
            if upload.expires_at is not None and upload.expires_at <= now:
                self._state.uploads.put(replace(upload, status="expired", edited_at=now))
                self._state.uploads.drop_content(upload.id)
                announce(self._state, self._outbox, upload, "expired", now, None)

    def next_at(self) -> datetime | None:
        """When the next one is due; None when none is waiting."""
        moments = (upload.expires_at for upload in self._state.uploads.waiting())
        return min((moment for moment in moments if moment is not None), default=None)
