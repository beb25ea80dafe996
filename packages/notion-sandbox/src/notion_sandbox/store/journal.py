"""What requests changed: for the feed, which tells of it, and for queries that look back.

Pages are never changed in place, so looking back costs a reference to the page as it was.
"""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from notion_sandbox.store.objects import Page

LONGEST_LOOK_BACK = timedelta(seconds=300)
_MOST_VERSIONS = 100_000


@dataclass(frozen=True, slots=True)
class Version:
    """A page as it was until `at`; `before` is None when it was made then."""

    at: datetime
    page_id: str
    before: Page | None


class Journal:
    """Notes every change of a request.

    Attributes:
        touched: What the present request changed, in order: (`page` | `data_source` | `database`,
            id).
    """

    def __init__(self) -> None:
        self.touched: dict[tuple[str, str], None] = {}
        self._now = datetime.min.replace(tzinfo=UTC)
        self._versions: deque[Version] = deque(maxlen=_MOST_VERSIONS)

    def begin(self, now: datetime) -> None:
        """A request begins at this moment."""
        self._now = now
        self.touched = {}
        while self._versions and now - self._versions[0].at > LONGEST_LOOK_BACK:
            self._versions.popleft()

    def note(self, kind: str, object_id: str) -> None:
        """An object was written."""
        self.touched[kind, object_id] = None

    def note_page(self, before: Page | None, page_id: str) -> None:
        """A page was written; this is what it was."""
        self.note("page", page_id)
        self._versions.append(Version(self._now, page_id, before))

    def pages_as_of(self, moment: datetime) -> dict[str, Page | None]:
        """The pages that changed after a moment, as they were then.

        None for those that were not there yet.
        """
        found: dict[str, Page | None] = {}
        for version in reversed(self._versions):
            if version.at <= moment:
                break
            found[version.page_id] = version.before
        return found
