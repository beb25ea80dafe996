"""Reading two pages of a query's answer to know whether all its doubtful rows are to be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from models.rules.board_schema import Board
from models.sync.stale_queries import (
    SAMPLE_SIZE,
    EarlierReading,
    confirmed_pages,
    pages_to_sample,
    same_state,
)
from tasks.runtime.context import Context
from tasks.sync.fetch import Read, Readings, read_by_id


def answers(readings: Readings, unconfirmed: Mapping[str, EarlierReading]) -> list[list[Read]]:
    """The doubtful rows of each query's answer that has enough of them to be worth asking a witness."""
    rows = [read for read in readings.cards if read.card.page_id in unconfirmed and not read.by_id]
    by_answer = [list(rows) for _, rows in groupby(sorted(rows, key=_answer), key=_answer)]
    return [rows for rows in by_answer if len(rows) > SAMPLE_SIZE + 1]


def _answer(read: Read) -> tuple[object, ...]:
    return read.began, read.ended


async def vouch(
    ctx: Context, board: Board, rows: Sequence[Read], unconfirmed: Mapping[str, EarlierReading]
) -> Readings:
    """Look at some pages of one answer; they, and the rows that they vouch for.

    The others are as doubtful.
    """
    by_page = {read.card.page_id: read for read in rows}
    known = {page_id: unconfirmed[page_id] for page_id in by_page}
    asked = pages_to_sample(known)
    found = await read_by_id(ctx, board, asked)
    now = {read.card.page_id: read.card for read in found.cards}
    if all(page_id in now and same_state(now[page_id], by_page[page_id].card) for page_id in asked):
        found.cards += [
            replace(by_page[page_id], confirmed_against=known[page_id])
            for page_id in confirmed_pages(known, asked)
        ]
    return found
