"""What must be delivered, and when: windows that close, deliveries that are due, retries.

The outbox sends nothing itself. It depends on nothing but the state and the times that it is called
with, and it is written to the state file, so that events survive a restart.

Source of the schedule: Notion's webhooks pages (up to 8 attempts,
exponential backoff, the last about 24 hours after the first); Notion does not publish the gaps, so
they are 16 seconds, then four times as long each time.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import islice
from operator import attrgetter
from random import Random
from typing import Any

import httpx

from notion_sandbox.store.objects import User
from notion_sandbox.store.state import State
from notion_sandbox.values.dates import zulu
from notion_sandbox.values.ids import new_token, new_uuid
from notion_sandbox.values.types import Json
from notion_sandbox.webhooks.events import Change, Window, envelope

API_VERSION = "2026-03-11"
MAX_ATTEMPTS = 8
FIRST_GAP = timedelta(seconds=16)
GAP_FACTOR = 4


def gap_after(attempts: int) -> timedelta:
    """How long to wait after this number of failed attempts: 16 s, 64 s, … 18.2 h."""
    return FIRST_GAP * float(GAP_FACTOR ** (attempts - 1))


@dataclass(slots=True)
class Delivery:
    """An event with the state of its delivery.

    Attributes:
        number: Rises with each event.
        event: The body without the number of the attempt.
        attempts: How many were made.
        due_at: When the next one is due; None when there is none.
        status: pending, delivered, or failed after the last attempt.
        answers: The result of each attempt: {"at", "status" or "error"}.
    """

    number: int
    event: dict[str, Any]
    attempts: int
    due_at: str | None
    status: str
    answers: list[dict[str, Any]]

    def body(self) -> dict[str, Any]:
        """The event as its next attempt sends it."""
        return {**self.event, "attempt_number": self.attempts + 1}


class Outbox:
    """The webhook subscription and its events.

    `watch` is called with each new delivery and after each attempt. `before_due` may add events
    that are due, and `next_elsewhere` returns when it will next.

    Args:
        state: Where it is stored.
        aggregation_seconds: How long changes of one object are gathered.
        keep: How many finished deliveries are remembered.
        rng: Source of ids and secrets.
    """

    def __init__(self, state: State, *, aggregation_seconds: float, keep: int, rng: Random) -> None:
        self._state = state
        self._aggregation = aggregation_seconds
        self._keep = keep
        self._rng = rng
        self.watch: Callable[[Delivery], None] = lambda _delivery: None
        self.before_due: Callable[[datetime], None] = lambda _now: None
        self.next_elsewhere: Callable[[], datetime | None] = lambda: None
        # In the order they were opened, so the first is the next to close.
        self.windows: dict[str, Window] = {}
        self.pending: dict[int, Delivery] = {}
        self.finished: deque[Delivery] = deque()
        self._next = 1
        # A heap of (when, number). Deliveries in flight are not in it, dropped ones are skipped.
        self._agenda: list[tuple[datetime, int]] = []
        self._load()

    def _load(self) -> None:
        storage = self._state.storage
        windows = [Window(**body) for _, body in storage.all("window")]
        for window in sorted(windows, key=attrgetter("opened_at")):
            self.windows[window.entity_id] = window
        deliveries = [Delivery(**body) for _, body in storage.all("delivery")]
        for item in sorted(deliveries, key=attrgetter("number")):
            self._next = item.number + 1
            if item.status == "pending":
                self.pending[item.number] = item
                self._plan(item, datetime.fromisoformat(item.due_at or item.event["timestamp"]))
            else:
                self.finished.append(item)

    @property
    def subscription(self) -> dict[str, str] | None:
        """{"id", "url", "secret"}, or None when webhooks are off."""
        found: dict[str, str] | None = self._state.meta.get("subscription")
        return found

    def subscribe(self, url: str | None, secret: str | None) -> dict[str, str] | None:
        """Send events to `url` from now on; None switches them off.

        The same url keeps its subscription and its pending events. Another url makes another
        subscription, and the pending events of the old one are dropped. Without a secret, the same
        url keeps its own and another url gets a new one: the handshake sends it there.
        """
        present = self.subscription or {}
        if present.get("url") != url:
            self._drop_all()
        if url is None:
            self._state.put_meta("subscription", None)
            return None
        is_same = present.get("url") == url
        kept = present.get("secret") if is_same else None
        chosen = secret or kept or new_token(self._rng, "secret_")
        subscription_id = present["id"] if is_same else new_uuid(self._rng)
        self._state.put_meta("subscription", {"id": subscription_id, "url": url, "secret": chosen})
        return self.subscription

    def _drop_all(self) -> None:
        for key in self.windows:
            self._state.storage.delete("window", key)
        for number in self.pending:
            self._state.storage.delete("delivery", str(number))
        self.windows.clear()
        self.pending.clear()

    def record(self, change: Change) -> None:
        """Record a change, unless webhooks are off."""
        if self.subscription is None:
            return
        # `due` may be called late: a change after the end of a window does not belong to it.
        self._close_windows(change.at)
        window = self.windows.get(change.entity_id)
        if window is None:
            self.windows[change.entity_id] = window = Window.opened_by(change)
        else:
            window.take(change)
        self._state.storage.put("window", change.entity_id, window.dump())

    def due(self, now: datetime) -> list[Delivery]:
        """Close the windows that have ended, and return the deliveries that are due, oldest first.

        They are then in flight, and not returned again before `record_attempt` was called.
        """
        self.before_due(now)
        self._close_windows(now)
        self._state.commit()
        ready: list[Delivery] = []
        while self._agenda and self._agenda[0][0] <= now:
            number = heappop(self._agenda)[1]
            if number in self.pending:
                ready.append(self.pending[number])
        return ready

    def _close_windows(self, now: datetime) -> None:
        while self.windows:
            key, window = next(iter(self.windows.items()))
            if window.closes_at(self._aggregation) > now:
                break
            del self.windows[key]
            self._state.storage.delete("window", key)
            self._close(window, now)

    def _plan(self, delivery: Delivery, moment: datetime) -> None:
        delivery.due_at = moment.isoformat()
        heappush(self._agenda, (moment, delivery.number))

    def _close(self, window: Window, now: datetime) -> None:
        if self.subscription is not None:
            for kind, data in window.outcome():
                self._add(window, kind, data, now)

    def announce(
        self, kind: str, entity: tuple[str, str], *, author: User, at: datetime, data: Json | None
    ) -> None:
        """Send an event that is not aggregated with others, unless webhooks are off.

        Args:
            kind: The event type.
            entity: The id and type of the object.
            author: The user.
            at: The time of the event.
            data: The event's data; None for an event without any.
        """
        if self.subscription is None:
            return
        moment = at.isoformat()
        alone = Window(*entity, {}, moment, moment, authors={author.id: author.kind})
        self._add(alone, kind, data, at)

    def _add(self, window: Window, kind: str, data: Json | None, now: datetime) -> None:
        subscription, meta = self.subscription or {}, self._state.meta
        ids = {key: meta[key] for key in ("workspace_id", "workspace_name")}
        ids |= {"subscription_id": subscription["id"], "integration_id": meta["integration_id"]}
        event = envelope(
            window, kind, data, event_id=new_uuid(self._rng), ids=ids, version=API_VERSION
        )
        delivery = Delivery(self._next, event, 0, None, "pending", [])
        self._next += 1
        self.pending[delivery.number] = delivery
        self._plan(delivery, now)
        self._write(delivery)

    def record_attempt(
        self, delivery: Delivery, now: datetime, *, status: int | None, error: str | None = None
    ) -> None:
        """Record the result of an attempt.

        The event is delivered on 2xx. Otherwise another attempt is planned, or it has failed after
        the last one.
        """
        if delivery.number not in self.pending:
            return
        delivery.attempts += 1
        result = {"status": status} if error is None else {"error": error}
        delivery.answers.append({"at": zulu(now), **result})
        if httpx.codes.is_success(status or 0):
            self._finish(delivery, "delivered")
        elif delivery.attempts >= MAX_ATTEMPTS:
            self._finish(delivery, "failed")
        else:
            self._plan(delivery, now + gap_after(delivery.attempts))
        self._write(delivery)
        self._state.commit()

    def _finish(self, delivery: Delivery, status: str) -> None:
        delivery.status, delivery.due_at = status, None
        del self.pending[delivery.number]
        self.finished.append(delivery)
        while len(self.finished) > self._keep:
            self._state.storage.delete("delivery", str(self.finished.popleft().number))

    def _write(self, delivery: Delivery) -> None:
        self.watch(delivery)
        self._state.storage.put("delivery", str(delivery.number), asdict(delivery))

    def next_at(self) -> datetime | None:
        """When something will be due next; None when nothing is pending."""
        while self._agenda and self._agenda[0][1] not in self.pending:
            heappop(self._agenda)
        moments = [moment for moment, _ in self._agenda[:1]]
        moments += [window.closes_at(self._aggregation) for window in self._first_window()]
        return min(filter(None, [*moments, self.next_elsewhere()]), default=None)

    def _first_window(self) -> Iterator[Window]:
        """The window that closes next, if any."""
        return islice(self.windows.values(), 1)
