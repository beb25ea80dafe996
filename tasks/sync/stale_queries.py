"""Reading two pages of a query's answer to know whether all its doubtful rows are to be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from models.rules.board_schema import Board
from models.sync.stale_queries import WITNESSES, Known, same_state, vouched, witnesses
from tasks.runtime.context import Context
from tasks.sync.fetch import Read, Readings, read_by_id


def answers(readings: Readings, doubted: Mapping[str, Known]) -> list[list[Read]]:
    """The doubtful rows of each query's answer that has enough of them to be worth asking a witness."""
    rows = [read for read in readings.cards if read.card.page_id in doubted and not read.by_id]
    by_answer = [list(rows) for _, rows in groupby(sorted(rows, key=_answer), key=_answer)]
    return [rows for rows in by_answer if len(rows) > WITNESSES + 1]


def _answer(read: Read) -> tuple[object, ...]:
    return read.began, read.ended


async def vouch(
    ctx: Context, board: Board, rows: Sequence[Read], doubted: Mapping[str, Known]
) -> Readings:
    """Look at some pages of one answer; they, and the rows that they vouch for.

    The others are as doubtful.
    """
    by_page = {read.card.page_id: read for read in rows}
    known = {page_id: doubted[page_id] for page_id in by_page}
    asked = witnesses(known)
    found = await read_by_id(ctx, board, asked)
    now = {read.card.page_id: read.card for read in found.cards}
    if all(page_id in now and same_state(now[page_id], by_page[page_id].card) for page_id in asked):
        found.cards += [
            replace(by_page[page_id], vouched=known[page_id]) for page_id in vouched(known, asked)
        ]
    return found
