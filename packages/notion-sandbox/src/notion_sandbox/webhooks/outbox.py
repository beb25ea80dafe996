"""What must be delivered, and when: windows that close, deliveries that are due, retries.

Sends nothing itself.

Everything is a function of the state and the time handed in, and is written to the state file, so
that events survive a restart. Source of the schedule: Notion's webhooks pages (up to 8 attempts,
exponential backoff, the last about 24 hours after the first); Notion does not publish the gaps, so
they are 16 seconds, then four times as long each time.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import islice
from random import Random
from typing import Any

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
    """How long to wait after so many failed attempts: 16 s, 64 s, … 18.2 h."""
    return FIRST_GAP * float(GAP_FACTOR ** (attempts - 1))


@dataclass(slots=True)
class Delivery:
    """One event on its way.

    Attributes:
        number: Rises with each event.
        event: The body without the attempt's number.
        attempts: How many were made.
        due_at: When the next one is due; None when there is none.
        status: pending, delivered, or failed after the last attempt.
        answers: What each attempt got: {"at", "status" or "error"}.
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
    """The webhook subscription and everything on its way to it.

    `watch` is called with each delivery that is made or got an answer. `before_due` may add events
    whose time has come, and `next_elsewhere` says when it will next.

    Args:
        state: Where it is kept.
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
        storage = state.storage
        gathered = sorted(
            (Window(**body) for _, body in storage.all("window")),
            key=lambda window: window.opened_at,
        )
        # In the order they were opened, so the first is the next to close.
        self.windows: dict[str, Window] = {window.entity_id: window for window in gathered}
        loaded = sorted(
            (Delivery(**body) for _, body in storage.all("delivery")), key=lambda item: item.number
        )
        self.pending: dict[int, Delivery] = {
            item.number: item for item in loaded if item.status == "pending"
        }
        self.finished: deque[Delivery] = deque(item for item in loaded if item.status != "pending")
        self._next = 1 + max((item.number for item in loaded), default=0)
        # (when, number), a heap; what is in flight is not in it, what was dropped is passed over.
        self._agenda: list[tuple[datetime, int]] = []
        for item in self.pending.values():
            self._plan(item, datetime.fromisoformat(item.due_at or item.event["timestamp"]))

    @property
    def subscription(self) -> dict[str, str] | None:
        """{"id", "url", "secret"}, or None when webhooks are off."""
        found: dict[str, str] | None = self._state.meta.get("subscription")
        return found

    def subscribe(self, url: str | None, secret: str | None) -> dict[str, str] | None:
        """Send events to `url` from now on, or to nobody when it is None.

        The same url keeps its subscription and what is under way. Another url is another
        subscription: what was under way to the old one is dropped. Without a secret, the present
        one is kept or a new one made.
        """
        present = self.subscription
        if present is not None and present["url"] != url:
            self._drop_all()
        if url is None:
            self._state.put_meta("subscription", None)
            return None
        kept = present is not None and present["url"] == url
        chosen = secret or (
            present["secret"] if present is not None else new_token(self._rng, "secret_")
        )
        subscription_id = present["id"] if present is not None and kept else new_uuid(self._rng)
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
        """Take a change in, if anybody listens."""
        if self.subscription is None:
            return
        # Deliveries may be asked for late: what comes after a window's end is not gathered into it.
        self._close_what_is_over(change.at)
        window = self.windows.get(change.entity_id)
        if window is None:
            self.windows[change.entity_id] = window = Window.opened_by(change)
        else:
            window.take(change)
        self._state.storage.put("window", change.entity_id, window.dump())

    def due(self, now: datetime) -> list[Delivery]:
        """Close the windows that are over, and take the deliveries that are due, oldest first.

        What is taken counts as in flight, and is not handed out again until `settle` has its
        answer.
        """
        self.before_due(now)
        self._close_what_is_over(now)
        self._state.commit()
        ready: list[Delivery] = []
        while self._agenda and self._agenda[0][0] <= now:
            number = heappop(self._agenda)[1]
            if number in self.pending:
                ready.append(self.pending[number])
        return ready

    def _close_what_is_over(self, now: datetime) -> None:
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
        """Send an event that is not gathered with others, if anybody listens.

        Args:
            kind: The event type.
            entity: Its id and its type.
            author: Who did it.
            at: When it happened.
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

    def settle(
        self, delivery: Delivery, now: datetime, *, status: int | None, error: str | None = None
    ) -> None:
        """Note what an attempt got.

        Delivered on 2xx, else the next attempt is set, or the event is given up.
        """
        if delivery.number not in self.pending:
            return
        delivery.attempts += 1
        answer = (
            {"at": zulu(now), "status": status}
            if error is None
            else {"at": zulu(now), "error": error}
        )
        delivery.answers.append(answer)
        if status is not None and 200 <= status < 300:  # noqa: PLR2004 - 2xx
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
        """When something will be due next; None when nothing is on its way."""
        while self._agenda and self._agenda[0][1] not in self.pending:
            heappop(self._agenda)
        moments = [moment for moment, _ in self._agenda[:1]]
        moments += [
            window.closes_at(self._aggregation) for window in islice(self.windows.values(), 1)
        ]
        elsewhere = self.next_elsewhere()
        return min(moments if elsewhere is None else [*moments, elsewhere], default=None)
