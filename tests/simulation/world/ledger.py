"""A log of every value on the board: who wrote it, and which process has read it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kit.clock import Clock
from notion_sandbox.values.dates import DateValue, instant
from notion_sandbox.values.rich_text import plain_text

TWO_WAY = ("Status", "Priority")
WATCHED = (*TWO_WAY, "Attention", "Created", "Updated")
"""What we write; of the first two people may write their wishes, of the others nothing."""


@dataclass
class Written:
    """One value of one property of one page.

    Attributes:
        who: `person`, the name of one of our processes, or `schema` for what a change of the
            board's options did.
        seen: the processes that an answer showing it reached, as long as they live.
        kept: whether one of them ended its job well after that, so that what it saw is stored.
        knew: whether its author, one of our processes, had seen what it wrote over.
        heard: whether it ever reached anybody.
        sure: whether its author, one of our processes, got a good answer to the write.
        until, well: when the job of its author ended, if that is one of our processes, and whether
            well.
    """

    at: datetime
    who: str
    value: str | None
    seen: set[str] = field(default_factory=set)
    kept: bool = False
    knew: bool = False
    heard: bool = False
    sure: bool = False
    until: datetime | None = None
    well: bool = False


class Ledger:
    """Watches the sandbox's pages; `look` after each request finds what it changed."""

    def __init__(self, state: Any, source_id: str, clock: Clock) -> None:
        self._state, self._source, self._clock = state, source_id, clock
        self.written: dict[tuple[str, str], list[Written]] = defaultdict(list)
        self.made: list[str] = []
        self.pages_made: list[str] = []
        self._pages: dict[str, Any] = {}
        self._schema: Any = None
        self.options = self._options()

    @property
    def schema(self) -> Any:
        return self._state.sources[self._source].schema

    def _options(self) -> set[tuple[str, str]]:
        return {(prop.id, option.name) for prop in self.schema.values() for option in prop.options}

    def record_read(self, who: str, *, sure: bool = False) -> None:
        """Note what changed since the last look, in that one's name."""
        schema, ours = self.schema, who not in {"person", "schema"}
        if schema is not self._schema:
            now = self._options()
            if ours:
                self.made += [f"option {name!r}" for _, name in sorted(now - self.options)]
            self.options, self._schema = now, schema
            self._pages = {}
        ids = {prop.name: prop for prop in schema.values()}
        for page_id, page in self._state.pages.items():
            if self._pages.get(page_id) is page or page.data_source_id != self._source:
                continue
            if ours and page_id not in self._pages and not self.written.get((page_id, "Status")):
                self.pages_made.append(page_id)
            self._pages[page_id] = page
            for name in WATCHED:
                prop = ids.get(name) or next(
                    (p for p in schema.values() if p.name.startswith(name)), None
                )
                value = self._value(page, prop) if prop is not None else None
                entries = self.written[page_id, name]
                if not entries or entries[-1].value != value:
                    knew = bool(entries) and who in entries[-1].seen
                    entries.append(Written(self._clock.now, who, value, knew=knew, sure=sure))

    def _value(self, page: Any, prop: Any) -> str | None:
        value = page.values.get(prop.id)
        if isinstance(value, DateValue):
            return _minute(value.start)
        if isinstance(value, tuple):
            return plain_text(value, self._state.describe) or None
        option = prop.option(value)
        if option is None and prop.kind == "status" and prop.options:
            option = prop.options[0]  # Notion shows the first option where none was chosen
        return option.name if option is not None else None

    def heard(self, process: str, body: dict[str, Any]) -> None:
        """An answer reached a process: the values in it were seen."""
        for page in body.get("results", [body]):
            if page.get("object") != "page":
                continue
            for name, prop in page["properties"].items():
                watched = next((n for n in WATCHED if name.startswith(n)), None)
                if watched is None:
                    continue
                last = self.written[page["id"], watched][-1]
                # A query may answer from the past: what it shows counts only while it stands.
                if last.value == _shown(prop):
                    last.seen.add(process)
                    last.heard = True

    def ended(self, process: str, *, well: bool) -> None:
        """A process ended its job, or died: what it saw is stored, or forgotten."""
        for entries in self.written.values():
            if entries and process in entries[-1].seen:
                entries[-1].kept |= well
            for entry in entries:
                entry.seen.discard(process)
                if entry.who == process and entry.until is None:
                    entry.until, entry.well = self._clock.now, well


def _shown(prop: dict[str, Any]) -> str | None:
    """The value of a property in an answer, written as the ledger writes it."""
    value = prop[prop["type"]]
    if isinstance(value, list):
        return "".join(part["plain_text"] for part in value) or None
    if not value:
        return None
    return _minute(value["start"]) if "start" in value else value["name"]


def _minute(start: str) -> str:
    return str(instant(start).replace(second=0, microsecond=0))
