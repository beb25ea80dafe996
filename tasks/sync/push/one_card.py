"""Write to one card what it should show, and read it back when the answer is in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from models.errors import (
    NotionForbidden,
    NotionPageNotFound,
    NotionRejected,
    NotionUnavailable,
    NotionWriteUncertain,
)
from models.rules.board_schema import Board
from models.rules.codec.read import read_card
from models.rules.codec.write import write_properties
from models.sync.card_changes import CardChange
from models.sync.observations import Observation
from models.sync.writes.pending import PendingWrite, begin_write, pending_write_of
from models.tables.card_queries import card_and_task, cards_of
from models.tables.incidents import IncidentKind
from tasks.alerts import resolve_alert
from tasks.board.followed import board_after_refusal
from tasks.board.refusals import RefusalJudge
from tasks.failed_cards import FAILING, alert_failing
from tasks.runtime.context import Context
from tasks.runtime.report import Report
from tasks.sync.fetch import read_by_id
from tasks.sync.outcomes import report_result, report_unreadable
from tasks.sync.readings import Events, Readings
from tasks.sync.store import SyncContext, store_cards, validated

log = structlog.get_logger("showrunner.push")


@dataclass(frozen=True)
class CardWriter:
    """Writes cards, and counts in `report` what it did."""

    ctx: Context
    sync: SyncContext
    report: Report
    channels: Mapping[str, object]
    refusals: RefusalJudge

    async def write(self, page_id: str) -> None:
        """Write to one card what it should show.

        An error that concerns this card alone is stored with it, and its next try is delayed.

        Raises:
            NotionAuthError, NotionUnavailable: what concerns all cards alike.
        """
        change = await self._begin(page_id)
        if change is not None and change.is_unread:
            await self._read(page_id)
            change = await self._begin(page_id, was_read=True)
        if change is not None:
            await self._send(change)

    async def _send(self, change: PendingWrite) -> None:
        page_id, began = change.page_id, self.ctx.clock()
        try:
            properties = write_properties(change.values, self.sync.board)
            page = await self.ctx.notion.update_page(page_id, properties)
            card = read_card(page, self.sync.board)
        except NotionWriteUncertain as error:
            log.warning("push_uncertain", **_named(change), error=str(error))
            await self._read_back(change, str(error))
        except NotionForbidden as error:
            await self.refusals.judge(page_id, error)
            await record_failure(self.ctx, page_id, str(error), self.report)
        except NotionPageNotFound:
            await self._read_back(change, "Notion does not find the page")
        except NotionUnavailable as error:
            if not error.concerns_one_request:
                raise
            await record_failure(self.ctx, page_id, str(error), self.report)
        except (NotionRejected, ValueError) as error:
            await self._after_refusal(change, str(error))
        else:
            self.refusals.written()
            read = Observation(card=card, began=began, ended=self.ctx.clock(), by_id=True)
            await self._written(change, read)

    async def _written(self, change: PendingWrite, read: Observation) -> None:
        observation = replace(validated(read, self.channels), written=change.values)
        await self._store(Readings(cards=[observation]))
        self.report.pushed += 1
        self.report.add_row(change.page_id, "pushed", ", ".join(sorted(change.values)))
        log.info("card_pushed", **_named(change))
        if change.attempts >= FAILING:
            await resolve_alert(self.ctx, IncidentKind.CARD_FAILING.about(change.page_id))

    async def _after_refusal(self, change: PendingWrite, error: str) -> None:
        """Write it once more if the board changed; else read the page."""
        board = await board_after_refusal(self.ctx)
        if board != self.sync.board:
            await replace(self, sync=replace(self.sync, board=board)).write(change.page_id)
            return
        # A page in the trash is refused like a malformed request; reading it shows which it was.
        await self._read_back(change, error)

    async def _begin(self, page_id: str, *, was_read: bool = False) -> PendingWrite | None:
        """Load what must be written, and store it as in flight in case the answer is lost.

        A write to a property that is back since the last reading is not begun until `was_read`.
        """
        async with self.ctx.sessions.begin() as session:
            found = await card_and_task(session, page_id)
            if found is None:
                return None
            card, task = found
            change = pending_write_of(card, task, self.sync.board)
            if change is None or change.waits:
                return None
            if change.is_unread and not was_read:
                return change
            begin_write(
                CardChange(
                    session=session,
                    card=card,
                    actor="push",
                    now=self.ctx.clock(),
                    correlation_id=self.sync.correlation_id,
                ),
                change,
            )
        return change

    async def _read_back(self, change: PendingWrite, error: str) -> None:
        """Read the page after a write that failed: saved after all, in the trash, or refused."""
        readings = await self._read(change.page_id)
        there = readings.cards and not readings.cards[0].card.in_trash
        if there and await load_pending_write(self.ctx, self.sync.board, change.page_id):
            await record_failure(self.ctx, change.page_id, error, self.report)

    async def _read(self, page_id: str) -> Readings:
        """Read a page and store what it shows."""
        readings = await read_by_id(self.ctx, self.sync.board, [page_id])
        readings.cards = [validated(read, self.channels) for read in readings.cards]
        await self._store(readings)
        return readings

    async def _store(self, readings: Readings) -> None:
        # Not as a Prefect task: one task run per card would cost more than the card.
        stored = await store_cards.plain(self.ctx, self.sync, readings, Events())
        report_result(stored, self.report)
        await report_unreadable(self.ctx, stored, readings.failed, self.report)


def _named(change: PendingWrite) -> dict[str, object]:
    """What log lines say of a write."""
    return {"notion_page_id": change.page_id, "properties": sorted(change.values)}


async def load_pending_write(ctx: Context, board: Board, page_id: str) -> PendingWrite | None:
    """What must be written to a card now; None if nothing, in the trash, or unknown."""
    async with ctx.sessions() as session:
        found = await card_and_task(session, page_id)
    if found is None:
        return None
    return pending_write_of(*found, board)


async def record_failure(ctx: Context, page_id: str, error: str, report: Report) -> None:
    """Store a failed write with its card, which delays its next try."""
    async with ctx.sessions.begin() as session:
        card = (await cards_of(session, [page_id])).get(page_id)
        if card is None:
            return  # `showrunner forget-board` has deleted it
        card.failed(error, ctx.clock())
        attempts, due = card.attempts, card.next_attempt_at
    report.failed += 1
    report.add_row(page_id, "failed", error)
    log.error(
        "card_push_failed",
        notion_page_id=page_id,
        error=error,
        attempts=attempts,
        next_attempt_at=str(due),
    )
    await alert_failing(ctx, page_id, attempts, "A card cannot be written to the board", error)
