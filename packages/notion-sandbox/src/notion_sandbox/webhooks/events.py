"""Webhook events: changes of an object are aggregated for a short while into one event.

Source: Notion's webhooks pages. The envelope carries ids only; property ids are URL-encoded.
Changes of one object in a window become one event with all their authors and properties. A page
that was created and edited gives `page.created`. A page that was created and trashed, or trashed
and restored, gives no event.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from notion_sandbox.store.objects import User
from notion_sandbox.values.dates import zulu
from notion_sandbox.values.ids import encoded

Kind = Literal["created", "updated", "content", "moved", "deleted", "undeleted", "schema"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an object.

    Attributes:
        kind: What happened to the page (`content`: to its blocks), or `schema` for a data source's
            properties.
        entity_id: The page or data source.
        entity_type: `page` or `data_source`.
        parent: As the event's data carries it.
        author: The user.
        at: The time.
        properties: For `updated`, the property ids; for `schema`, id -> {"name", "action"}.
        blocks: For `content`, the ids of the blocks.
    """

    kind: Kind
    entity_id: str
    entity_type: str
    parent: dict[str, str]
    author: User
    at: datetime
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    blocks: tuple[str, ...] = ()


@dataclass(slots=True)
class Window:
    """The changes of one object since the first of them. Written to the state file as it is."""

    entity_id: str
    entity_type: str
    parent: dict[str, str]
    opened_at: str
    changed_at: str
    authors: dict[str, str] = field(default_factory=dict)
    created: bool = False
    trash: list[bool] = field(default_factory=list)
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    moved: bool = False

    @classmethod
    def opened_by(cls, change: Change) -> "Window":
        """A window that holds one change."""
        moment = change.at.isoformat()
        window = cls(change.entity_id, change.entity_type, change.parent, moment, moment)
        window.take(change)
        return window

    def take(self, change: Change) -> None:
        """Add a change of the same object."""
        self.changed_at = change.at.isoformat()
        self.authors[change.author.id] = change.author.kind
        self.created = self.created or change.kind == "created"
        self.moved = self.moved or change.kind == "moved"
        self.parent = change.parent
        self.blocks = list(dict.fromkeys([*self.blocks, *change.blocks]))
        if change.kind in ("deleted", "undeleted"):
            self.trash.append(change.kind == "deleted")
        for key, body in change.properties.items():
            self._take_property(key, body)

    def _take_property(self, key: str, body: dict[str, Any]) -> None:
        before = self.properties.get(key, {}).get("action")
        action = body.get("action")
        if before == "created" and action == "deleted":
            del self.properties[key]
        elif before == "created":
            self.properties[key] = {**body, "action": "created"}
        else:
            self.properties[key] = body

    def closes_at(self, seconds: float) -> datetime:
        """When the window ends."""
        return datetime.fromisoformat(self.opened_at) + timedelta(seconds=seconds)

    def dump(self) -> dict[str, Any]:
        """For the state file."""
        return asdict(self)

    def outcome(self) -> list[tuple[str, dict[str, Any]]]:
        """The events that the changes become: (event type, data) for each."""
        if self.entity_type == "data_source":
            return self._schema_events()
        was_trashed, is_trashed = self._trash()
        if self.created:
            return [] if is_trashed else [("page.created", self._data())]
        if is_trashed:
            return [] if was_trashed else [("page.deleted", self._data())]
        undeleted = [("page.undeleted", self._data())] if was_trashed else []
        return undeleted + self._page_events()

    def _trash(self) -> tuple[bool, bool]:
        """Whether the page was in the trash before the window, and whether it is at its end."""
        if not self.trash:
            return False, False
        return not self.trash[0], self.trash[-1]

    def _data(self, **more: Any) -> dict[str, Any]:
        return {"parent": self.parent, **more}

    def _schema_events(self) -> list[tuple[str, dict[str, Any]]]:
        changed = [{"id": encoded(key), **body} for key, body in self.properties.items()]
        if not changed:
            return []
        return [("data_source.schema_updated", self._data(updated_properties=changed))]

    def _page_events(self) -> list[tuple[str, dict[str, Any]]]:
        """The events of a page that existed before and is not in the trash."""
        events: list[tuple[str, dict[str, Any]]] = []
        if self.moved:
            events.append(("page.moved", self._data()))
        if self.blocks:
            blocks = [{"id": block, "type": "block"} for block in self.blocks]
            events.append(("page.content_updated", self._data(updated_blocks=blocks)))
        if self.properties:
            ids = [encoded(key) for key in self.properties]
            events.append(("page.properties_updated", self._data(updated_properties=ids)))
        return events


def envelope(
    window: Window,
    kind: str,
    data: dict[str, Any] | None,
    *,
    event_id: str,
    ids: dict[str, str],
    version: str,
) -> dict[str, Any]:
    """The event's body without `attempt_number`, which each attempt fills in.

    Args:
        window: The changes.
        kind: The event type.
        data: Its data; None for an event without any.
        event_id: The same for every attempt.
        ids: workspace_id, workspace_name, subscription_id, integration_id.
        version: The API version of the subscription.
    """
    event = {
        "id": event_id,
        "timestamp": zulu(datetime.fromisoformat(window.changed_at)),
        **ids,
        "authors": [{"id": user_id, "type": kind_} for user_id, kind_ in window.authors.items()],
        "attempt_number": 1,
        "api_version": version,
        "type": kind,
        "entity": {"id": window.entity_id, "type": window.entity_type},
    }
    if data is None:
        return event
    return {**event, "data": data}
