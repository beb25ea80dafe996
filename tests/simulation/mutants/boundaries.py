"""Faults of card locks, of putting moves back, and of taking the board's statuses."""

from __future__ import annotations

from simulation.mutants.mutation import Mutation

MUTATIONS = (
    Mutation(
        "two processes write one card at the same time",
        "tasks/runtime/card_locks.py",
        "return bool((await self._connection.execute(asked, given)).scalar_one())",
        "return True",
    ),
    Mutation(
        "taking the board takes nothing",
        "models/sync/take_board.py",
        "if card.held_at is None or to is None:",
        "if True:",
    ),
    Mutation(
        "a rejected move is not among what an ingest run puts back",
        "tasks/sync/push/all_cards.py",
        "pages, report.not_granted = report.not_granted, set()",
        "pages, report.not_granted = set(), set()",
    ),
    Mutation(
        "a priority that comes back is written over unread",
        "models/sync/writes/pending.py",
        'is_unread=shown.get("Priority") == ABSENT',
        "is_unread=False",
    ),
)
