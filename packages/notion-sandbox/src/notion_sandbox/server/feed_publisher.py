"""Publishes changes, requests and webhooks on the feed that the board page listens to."""

from typing import Any

from notion_sandbox.server.feed import Feed
from notion_sandbox.store.objects import User
from notion_sandbox.store.state import State
from notion_sandbox.webhooks.outbox import Delivery


class FeedPublisher:
    """Publishes events. They have ids and names of users, never the content of a page.

    Args:
        feed: Where they are published.
        state: The objects.
    """

    def __init__(self, feed: Feed, state: State) -> None:
        self._feed = feed
        self._state = state

    def changed(self, user: User, touched: list[tuple[str, str]]) -> None:
        """Publish the changes of a request.

        `change` for a page, `schema` for a data source, `board` for a database.
        """
        by = {"id": user.id, "name": user.name, "type": user.kind}
        for kind, object_id in touched:
            if kind == "page":
                page = self._state.pages[object_id]
                where = {"data_source_id": page.data_source_id, "in_trash": page.in_trash}
                self._feed.publish("change", {"page_id": object_id, **where, "by": by})
            elif kind == "data_source":
                self._feed.publish("schema", {"data_source_id": object_id, "by": by})
            else:
                self._feed.publish("board", {"database_id": object_id, "by": by})

    def requested(self, entry: dict[str, Any]) -> None:
        """Publish an answered request: `request`, as in the log."""
        self._feed.publish("request", entry)

    def delivered(self, delivery: Delivery) -> None:
        """Publish a new webhook, or an attempt to deliver it: `webhook`."""
        self._feed.publish("webhook", show_delivery(delivery))


def show_delivery(delivery: Delivery) -> dict[str, Any]:
    """A delivery as the sandbox's own endpoints carry it."""
    return {
        "number": delivery.number,
        "event": delivery.event,
        "status": delivery.status,
        "attempts": delivery.answers,
        "next_attempt_at": delivery.due_at,
    }
