"""A refusal: what the log says about it, and how little the caller learns."""

from __future__ import annotations


class Refusal(Exception):
    """The request is refused with nothing stored.

    Attributes:
        status: HTTP status of the answer. 400 unreadable, 401 not proven, 408 too slow, 413 too
            large.
        reason: slug for the log line `webhook_refused`; never part of the answer.
        size: bytes received or announced, when the body was not read whole; else None.
        unread: True when the sender may still be sending, so that the connection has to be closed.
    """

    def __init__(
        self, status: int, reason: str, *, size: int | None = None, unread: bool = False
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.size = size
        self.unread = unread
