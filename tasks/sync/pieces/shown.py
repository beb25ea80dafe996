"""What a run wrote of pieces."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Shown:
    """Counts of one run.

    Attributes:
        made, changed: pages of pieces.
        files: files that were sent to Notion.
        previews: cards whose Preview was written.
        failed: pages and previews that are tried again.
    """

    made: int = 0
    changed: int = 0
    files: int = 0
    previews: int = 0
    failed: int = 0

    def __str__(self) -> str:
        """The run's name: `made 3, files 3`; empty when nothing was done."""
        counts = vars(self).items()
        return ", ".join(f"{name} {count}" for name, count in counts if count)
