"""What a run did, in figures and in one line: its name in the Prefect UI, its artifact, its log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOTHING = "nothing to do"
"""The name of a run that did nothing."""
SUPERSEDED = "superseded: "
"""The beginning of the name of a run that did nothing because another run does its work."""


@dataclass
class Report:
    """Counts of one run.

    Attributes:
        taken: tasks that took over what people changed; created: tasks made from cards.
        pushed: cards written to the board; made: cards made for tasks that had none; refused:
            wishes of people not granted; failed: cards, tasks or events that must be tried again;
            gone: cards found in the trash or missing.
        not_granted: cards whose editors wait for an answer: a wish of theirs was not granted.
        requests: Notion requests sent, retries included.
        rows: a line per card that something happened to, for the artifact; ids and facts, never a
            card's text.
    """

    taken: int = 0
    created: int = 0
    pushed: int = 0
    made: int = 0
    refused: int = 0
    invalid: int = 0
    failed: int = 0
    gone: int = 0
    imported: int = 0
    requests: int = 0
    not_granted: set[str] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)

    ROWS_MAX = 500
    """A report is read by people: beyond this many lines only the counts go on."""

    def note(self, page_id: str, what: str, detail: str = "") -> None:
        """Add a line about a card."""
        if len(self.rows) < self.ROWS_MAX:
            self.rows.append({"card": page_id, "what": what, "detail": detail})

    @property
    def counts(self) -> dict[str, int]:
        """The figures that are not zero, requests aside."""
        names = (
            "imported",
            "pushed",
            "made",
            "taken",
            "created",
            "refused",
            "invalid",
            "failed",
            "gone",
        )
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    def __bool__(self) -> bool:
        """Whether anything happened."""
        return bool(self.counts)

    def __str__(self) -> str:
        """The run's name: `pushed 3, took 2, refused 1`."""
        words = {"taken": "took"}
        return (
            ", ".join(f"{words.get(name, name)} {count}" for name, count in self.counts.items())
            or NOTHING
        )

    def summary(self) -> list[dict[str, Any]]:
        """The artifact's table: the counts, then the cards."""
        head = [
            {"card": "all", "what": name, "detail": str(count)}
            for name, count in self.counts.items()
        ]
        return [
            *head,
            {"card": "all", "what": "Notion requests", "detail": str(self.requests)},
            *self.rows,
        ]
