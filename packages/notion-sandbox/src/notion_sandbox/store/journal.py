"""What requests changed: for the feed, and for queries that read an earlier state.

Pages are never changed in place, so an earlier version costs only a reference to the old page.
"""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from notion_sandbox.store.objects import Page

MAX_HISTORY = timedelta(seconds=300)
_MAX_VERSIONS = 100_000


@dataclass(frozen=True, slots=True)
class Version:
    """A page as it was until `at`; `before` is None for a page that was made then."""

    at: datetime
    page_id: str
    before: Page | None


class Journal:
    """Records every change of a request.

    Attributes:
        touched: What the present request changed, in order: (`page` | `data_source` | `database`,
            id).
    """

    def __init__(self) -> None:
        self.touched: dict[tuple[str, str], None] = {}
        self._now = datetime.min.replace(tzinfo=UTC)
        self._versions: deque[Version] = deque(maxlen=_MAX_VERSIONS)

    def begin(self, now: datetime) -> None:
        """Begin a request at this moment, and forget versions that are too old."""
        self._now = now
        self.touched = {}
        while self._versions and now - self._versions[0].at > MAX_HISTORY:
            self._versions.popleft()

    def note(self, kind: str, object_id: str) -> None:
        """Record that an object was written."""
        self.touched[kind, object_id] = None

    def note_page(self, before: Page | None, page_id: str) -> None:
        """Record that a page was written; `before` is the page as it was."""
        self.note("page", page_id)
        self._versions.append(Version(self._now, page_id, before))

    def pages_as_of(self, moment: datetime) -> dict[str, Page | None]:
        """The pages that changed after a moment, as they were then.

        None for those that did not exist yet.
        """
        found: dict[str, Page | None] = {}
        for version in reversed(self._versions):
            if version.at <= moment:
                break
            found[version.page_id] = version.before
        return found
