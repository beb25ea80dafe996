"""Faults of the rules: of the merge, of moves, of the first reading, of the codec."""

from __future__ import annotations

from typing import Final

from simulation.mutants.mutation import Mutation

MERGE, MOVES, FIRST_CONTACT = (
    "models/rules/merge.py",
    "models/rules/moves.py",
    "models/rules/first_contact.py",
)

MUTATIONS: Final = (
    Mutation(
        "plan: no both_changed for Status",
        MOVES,
        "case.agreed is not None and case.current == case.agreed and not case.unseen",
        "case.agreed is not None",
    ),
    Mutation(
        "plan: no both_changed for Priority",
        MERGE,
        "if asked != current and task is not None and current != agreed:",
        "if False:",
    ),
    Mutation(
        "plan: an emptied Status is a move to Draft",
        MOVES,
        "if (case.shown is not None or not case.followed or case.agreed in",
        "if (True or case.agreed in",
    ),
    Mutation(
        "plan: people may move everything",
        MOVES,
        "if case.asked in allowed:",
        "if True:",
    ),
    Mutation(
        "plan: an unknown option is a Draft",
        MOVES,
        "asked=board_status(card.status),",
        "asked=board_status(card.status) or BoardStatus.DRAFT,",
    ),
    Mutation(
        "plan: an invalid card stays pending",
        MOVES,
        "if case.valid or case.asked is not BoardStatus.QUEUED "
        "or case.current is not BoardStatus.QUEUED:",
        "if True:",
    ),
    Mutation(
        "plan: a new card keeps its late column",
        MOVES,
        "old = case.importing and not case.seen",
        "old = not case.seen",
    ),
    Mutation(
        "plan: an old card is followed wherever it stands",
        "models/rules/move_outcomes.py",
        "if self.unfollowed_late and self.valid and self.current not in FINISHED:",
        "if False:",
    ),
    Mutation(
        "plan: a move that waits is not taken when the card is complete",
        MOVES,
        "    if case.valid:\n        return take(case)",
        "",
    ),
    Mutation(
        "what is put back is not explained",
        MERGE,
        "return fresh, task.status_changed_at if",
        'return "", None if',
    ),
    Mutation(
        "what people write into our properties is not recorded",
        MERGE,
        'for name in ("Created", "Updated", "Attention", "Progress", "Cost", "Video"):',
        "for name in ():",
    ),
    Mutation(
        "a rejection never grows old",
        "models/rules/merge_base.py",
        "return (bool(base.rejection) and",
        "return (False and",
    ),
    Mutation(
        "options are written by their names",
        "models/rules/codec/write.py",
        'return {"id": known.option_ids[known.options.index(value)]}',
        'return {"name": value}',
    ),
    Mutation(
        "a property of another type counts as emptied",
        "models/rules/codec/read.py",
        'raise ValueError(f"the page shows no {name} as the board had it: '
        "the board's properties changed\")",
        "return None",
    ),
    Mutation(
        "the dates that a new card lacks count as agreed",
        FIRST_CONTACT,
        "still_empty = empty if importing else frozenset()",
        "still_empty = empty",
    ),
    Mutation(
        "dates that people typed or duplicated count",
        FIRST_CONTACT,
        "found = shown if importing else NotionValues()",
        "found = shown",
    ),
    Mutation(
        "what people had in Attention before us is not recorded",
        MERGE,
        'before["Attention"] = ""',
        "pass",
    ),
    Mutation(
        "a page elsewhere counts as a card",
        "models/rules/codec/read.py",
        "return isinstance(parent, Mapping) and "
        'parent.get("data_source_id") == board.data_source_id',
        "return True",
    ),
)
