"""The refusal of a request: logged with its reason, answered without it."""

from __future__ import annotations


class Refusal(Exception):
    """The request is refused with nothing stored.

    Attributes:
        status: HTTP status of the response. 400 unreadable, 401 not authenticated, 408 too slow,
            413 too large.
        reason: slug for the log line `webhook_refused`; never part of the response.
        size: bytes received or announced, when the body was not read completely; else None.
        unread: True when the sender may still be sending, so that the connection must be closed.
    """

    def __init__(
        self, status: int, reason: str, *, size: int | None = None, unread: bool = False
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.size = size
        self.unread = unread
