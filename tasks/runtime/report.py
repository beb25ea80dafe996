"""Counts of what a run did, for its name in the Prefect UI, its artifact and its log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NOTHING = "no changes"
"""The name of a run that changed nothing."""
SUPERSEDED = "superseded: "
"""Prefix of the name of a run that did nothing because another run does its work."""


@dataclass
class Report:
    """Counts of one run.

    Attributes:
        taken: tasks updated with users' edits.
        created: tasks created from cards.
        pushed: cards written to the board.
        made: cards created for tasks without one.
        refused: users' edits that were not accepted.
        failed: cards, tasks or events that must be tried again.
        trashed: cards found in the trash, moved away or missing.
        not_granted: ids of cards with an edit that was not accepted.
        requests: Notion requests sent, retries included.
        rows: a line per card that changed, for the artifact; ids and facts, never a card's text.
    """

    taken: int = 0
    created: int = 0
    pushed: int = 0
    made: int = 0
    refused: int = 0
    invalid: int = 0
    failed: int = 0
    trashed: int = 0
    imported: int = 0
    requests: int = 0
    not_granted: set[str] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)

    ROWS_MAX = 500
    """Beyond this many lines only the counts go on."""

    def add_row(self, page_id: str, what: str, detail: str = "") -> None:
        """Add a line about a card."""
        if len(self.rows) < self.ROWS_MAX:
            self.rows.append({"card": page_id, "what": what, "detail": detail})

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not zero, without `requests`."""
        names = (
            "imported",
            "pushed",
            "made",
            "taken",
            "created",
            "refused",
            "invalid",
            "failed",
            "trashed",
        )
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    def __bool__(self) -> bool:
        """Whether anything happened."""
        return bool(self.counts)

    def __str__(self) -> str:
        """The run's name: `pushed 3, took 2, refused 1`."""
        words = {"taken": "took"}
        parts = [f"{words.get(name, name)} {count}" for name, count in self.counts.items()]
        return ", ".join(parts) or NOTHING

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
