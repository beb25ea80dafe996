"""Showrunner's errors: each class says what the caller should do next.

`TryAgain` may succeed if repeated after `retry_after` seconds. `GiveUp` will not, and its message
says what to do. Exceptions of httpx, notion_client and the database driver are translated into
these.
"""

from __future__ import annotations

from typing import Final

_SERVER_ERROR: Final = 500
_OVERLOADED: Final = 529


class ShowrunnerError(Exception):
    """Base of all errors raised on purpose. The message is one sentence for the operator."""


class TryAgain(ShowrunnerError):
    """Repeating may help.

    Attributes:
        retry_after: seconds to wait before the next attempt, if the server named them; else None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class GiveUp(ShowrunnerError):
    """Repeating cannot help until a human changes something; the message says what."""


class SettingsError(GiveUp):
    """A setting is missing or malformed; the message lists every fault."""


class ChannelConfigError(GiveUp):
    """Something in the channel folder is wrong; the message lists every fault with its file."""


class DatabaseUnavailable(TryAgain):
    """PostgreSQL does not answer."""


class DatabaseStoresNothing(DatabaseUnavailable):
    """PostgreSQL answers and refuses every write; the message says why, as a clause.

    Attributes:
        sqlstate: PostgreSQL's error code.
    """

    def __init__(self, message: str, *, sqlstate: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class BoardError(GiveUp):
    """The board cannot be followed as it is (a needed property is missing or of another type)."""


class NotionIntegrationError(ShowrunnerError):
    """Base of the errors that Notion can answer with (spec 7.5).

    Attributes:
        status: HTTP status, None when there was no response.
        code: Notion's error code, e.g. `validation_error`.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class NotionAuthError(NotionIntegrationError, GiveUp):
    """401 or 403: the token is wrong or may not do this. Stops the whole cycle (spec 4.3)."""


class NotionForbidden(NotionAuthError):
    """403: the token may not do this here.

    In a request for one page it may concern that page alone: `tasks.board.refusals`.
    """


class NotionPageNotFound(NotionIntegrationError, GiveUp):
    """404: the object does not exist, or is not shared with the connection."""


class NotionRejected(NotionIntegrationError, GiveUp):
    """400 and other client errors: the request itself is wrong; repeating it changes nothing."""


class NotionCursorExpired(NotionRejected):
    """400 for an expired `start_cursor`: the list must be read from its beginning again."""


class NotionUnavailable(NotionIntegrationError, TryAgain):
    """429, 5xx or no answer, after the client's own retries.

    A read failed, or a write that was surely not saved.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        NotionIntegrationError.__init__(self, message, status=status, code=code)
        self.retry_after = retry_after

    @property
    def concerns_one_request(self) -> bool:
        """Whether it may concern this request alone (a 5xx for one page), not Notion as a whole."""
        if self.status is None:
            return False
        return self.status >= _SERVER_ERROR and self.status != _OVERLOADED


class NotionWriteUncertain(NotionUnavailable):
    """A write failed and may have been saved (time-out, 5xx): read the page before repeating it.

    Source: Notion's errors page, `retry_guidance` and `committed_resource_id` of a 503.
    """


class LeaseLost(ShowrunnerError):
    """The caller does not hold the task's lease any more, or must stop working on the task."""
