"""Create the cards of tasks that workers inserted: each exactly once, whichever process dies when.

The intent is committed first: what is sent, in whose name, and when. Then the page is created, and
its id is stored in one commit with the answer, as the card's merge base. If the answer was lost,
the first reading of the page links it (`models.sync.adopt_page`). A task is sent again only if the
board, read after Notion's longest possible delay, shows no such page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog

from models.errors import (
    NotionAuthError,
    NotionPageNotFound,
    NotionRejected,
    NotionUnavailable,
    NotionWriteUncertain,
)
from models.rules.codec.read import read_card, to_minute
from models.rules.codec.write import write_properties
from models.rules.validation import violations_of
from models.sync.observations import Observation
from models.sync.writes.pending import values_of_new_card
from models.sync.writes.recent import IN_FLIGHT, as_json
from models.tables.card_creation import (
    CardCreation,
    any_waiting,
    held_task,
    next_due,
    open_since,
    overdue,
)
from tasks.board.followed import (
    board_after_refusal,
    board_lost,
    board_to_write,
    bot_id,
    followed_board,
)
from tasks.notion.priority import RequestPriority, with_priority
from tasks.notion.rate_limit import at_once
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import Context
from tasks.runtime.prefect_task import step
from tasks.runtime.report import Report
from tasks.runtime.unexpected_errors import cost_of_one
from tasks.sync.fetch import scan
from tasks.sync.outcomes import report_not_created, report_result
from tasks.sync.readings import Events, Readings, Window
from tasks.sync.store import SyncContext, process_changed, store_cards, validated
from tasks.sync.sweep import OVERLAP

T = TypeVar("T")

log = structlog.get_logger("showrunner.push")

FAILING: Final = 5
"""Requests for one card that may be lost in a row before an alert is sent."""
GIVEN_UP: Final = IN_FLIGHT + OVERLAP
"""How long a request without an answer may still turn out to have created a page: the page is saved
within the first, and queries show it within the second."""
RETRY_AFTER: Final = timedelta(seconds=30)
"""When a task is tried again that is invalid, or does not fit the board: that costs no request."""


async def create_cards(ctx: Context, sync: SyncContext, report: Report, *, until: datetime) -> bool:
    """Create the cards of tasks without one, until none is due or `until` has come.

    Returns:
        Whether some are left.

    Raises:
        BoardError: when the board is gone or cannot be followed any more.
        NotionAuthError, NotionUnavailable: what concerns all requests alike.
    """
    async with ctx.sessions() as session:
        if not await any_waiting(session):
            return False
    await _search_board(ctx, sync, report)
    if await _next_due(ctx) is None:
        return False
    await board_to_write(ctx)
    return await create_due_cards(ctx, sync, report, until=until)


async def _next_due(ctx: Context, tried: Collection[UUID] = ()) -> UUID | None:
    async with ctx.sessions() as session:
        return await next_due(session, now=ctx.clock(), passed_over=tried)


async def _search_board(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Search the board for pages whose request was sent long ago and got no answer.

    A task is sent again only if the board does not show its page; no sweep has shown it so far.
    """
    began = ctx.clock()
    async with ctx.sessions() as session:
        late = await overdue(session, sent_before=began - GIVEN_UP)
        since = await open_since(session)
    if not late or since is None:
        return
    window = Window(created=to_minute(since - timedelta(minutes=1)))
    async for readings in scan(ctx, sync.board, window):
        await process_changed(ctx, sync, readings, report)
    for task_id in late:
        error = "Notion did not answer, and the board shows no such card"
        await _failed(ctx, task_id, report, error, sent_until=began)


@step("make_cards", holds="make cards")
async def create_due_cards(
    ctx: Context, sync: SyncContext, report: Report, *, until: datetime
) -> bool:
    """Create cards, several requests at a time, as `create_cards`."""
    sync, channels = replace(sync, board=await followed_board(ctx)), await ctx.channels()
    choosing, tried, goes_on = asyncio.Lock(), set[UUID](), [True]

    async def create_one_by_one() -> None:
        while goes_on[0] and ctx.clock() < until:
            # Which task may be next depends on the requests in flight: one is stored before the
            # next is chosen.
            async with choosing:
                if (task_id := await _next_due(ctx, tried)) is None:
                    return
                tried.add(task_id)
                beginning = _begin(ctx, sync, report, task_id, channels)
                body = await _or_failed(ctx, report, task_id, beginning, otherwise=None)
            if body is not None:
                sending = _send(ctx, sync, report, task_id, body, channels)
                goes_on[0] &= await _or_failed(ctx, report, task_id, sending, otherwise=True)

    workers = at_once(ctx.settings.notion_requests_per_second)
    with with_priority(RequestPriority.PUSH):
        await run_all(create_one_by_one() for _ in range(workers))
    return goes_on[0] and ctx.clock() >= until and await _next_due(ctx, tried) is not None


async def _or_failed(
    ctx: Context, report: Report, task_id: UUID, work: Awaitable[T], *, otherwise: T
) -> T:
    """The result of the work; `otherwise` after an unexpected error, stored with this task."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - a boundary: only this task's card fails
        await _unexpected(ctx, task_id, report, cost_of_one(error, task_id=str(task_id)))
        return otherwise


async def _send(
    ctx: Context,
    sync: SyncContext,
    report: Report,
    task_id: UUID,
    body: dict[str, Any],
    channels: Mapping[str, object],
) -> bool:
    """Create one card.

    Returns:
        Whether the next may be tried.

    Raises:
        NotionAuthError, NotionUnavailable, BoardError: what concerns all requests alike. No page
            was created then.
    """
    began = ctx.clock()
    try:
        page = await ctx.notion.create_page(sync.board.data_source_id, body)
        card = read_card(page, sync.board)
    except (NotionWriteUncertain, ValueError) as error:
        await _uncertain(ctx, task_id, report, str(error))
        return False
    except (NotionAuthError, NotionPageNotFound, NotionRejected, NotionUnavailable) as error:
        return await _refused(ctx, sync, report, task_id, error)
    read = Observation(card=card, began=began, ended=ctx.clock(), by_id=True, task_id=task_id)
    readings = Readings(cards=[validated(read, channels)])
    # Not as a Prefect task: one task run per card would cost more than the card.
    report_result(await store_cards.plain(ctx, sync, readings, Events()), report)
    report.made += 1
    report.add_row(card.page_id, "made")
    log.info("card_made", notion_page_id=card.page_id, task_id=str(task_id))
    return True


async def _begin(
    ctx: Context, sync: SyncContext, report: Report, task_id: UUID, channels: Mapping[str, object]
) -> dict[str, Any] | None:
    """Store what is about to be sent; None if there is nothing to send, or it cannot be sent."""
    me, now = await bot_id(ctx), ctx.clock()
    async with ctx.sessions.begin() as session:
        waiting = await held_task(session, task_id)
        if waiting is None:
            return None
        task, creation = waiting.task, waiting.creation or CardCreation(task_id=task_id)
        if creation.sent_at is not None:
            return None
        values = values_of_new_card(task, sync.board)
        violations = violations_of(task.title, task.channel_id, task.topic, channels)
        error = " ".join(violation.message for violation in violations)
        try:
            body = write_properties(values, sync.board)
        except ValueError as fault:
            error = error or f"{fault}."
        session.add(creation)
        if not error:
            creation.sent_at, creation.sent_by, creation.sent = now, me, as_json(values)
            return body
        creation.failed(error, now, wait=RETRY_AFTER)
    await report_not_created(ctx, report, task_id, error)
    return None


async def _refused(
    ctx: Context, sync: SyncContext, report: Report, task_id: UUID, error: Exception
) -> bool:
    """Handle an answer without a page, by whose fault it is.

    Returns:
        Whether the next may be tried.

    Raises:
        The error, when it is not about creating cards.
    """
    if isinstance(error, NotionRejected):
        await _mark_unsent(ctx, task_id)
        if await board_after_refusal(ctx) == sync.board:
            await _failed(ctx, task_id, report, str(error))
        return True
    if isinstance(error, NotionAuthError) and error.status == 403:  # noqa: PLR2004 - HTTP's own number
        # The token may not insert, or the workspace is full: existing cards can be written.
        await _failed(ctx, task_id, report, str(error))
        return False
    await _mark_unsent(ctx, task_id)
    if isinstance(error, NotionPageNotFound):
        raise board_lost(sync.board.data_source_id) from error
    raise error


async def _unexpected(ctx: Context, task_id: UUID, report: Report, error: str) -> None:
    """Store an unexpected error; if the request was sent, the page may have been created."""
    async with ctx.sessions.begin() as session:
        waiting = await held_task(session, task_id)
        if waiting is None:
            return
        creation = waiting.creation or CardCreation(task_id=task_id)
        session.add(creation)
        sent = creation.sent_at is not None
        if not sent:
            creation.failed(error, ctx.clock(), wait=RETRY_AFTER)
    if sent:
        await _uncertain(ctx, task_id, report, error)
    else:
        await report_not_created(ctx, report, task_id, error)


async def _mark_unsent(ctx: Context, task_id: UUID) -> None:
    """Store that no page was created, for a reason that has nothing to do with this task."""
    async with ctx.sessions.begin() as session:
        waiting = await held_task(session, task_id)
        if waiting is not None and waiting.creation is not None:
            waiting.creation.sent_at = None


async def _failed(
    ctx: Context, task_id: UUID, report: Report, error: str, *, sent_until: datetime | None = None
) -> None:
    """Store that no page was created, and why. The task is tried again, later each time.

    Args:
        sent_until: only if the open request was sent before that; an alert is sent only if it
            happens repeatedly.
    """
    async with ctx.sessions.begin() as session:
        waiting = await held_task(session, task_id)
        if waiting is None or (creation := waiting.creation) is None:
            return
        if sent_until is not None and (creation.sent_at is None or creation.sent_at > sent_until):
            return
        creation.failed(error, ctx.clock())
        attempts = creation.attempts
    alert = sent_until is None or attempts >= FAILING
    await report_not_created(ctx, report, task_id, error, alert=alert)


async def _uncertain(ctx: Context, task_id: UUID, report: Report, error: str) -> None:
    """Keep the request open, because the page may have been created, until that is known."""
    async with ctx.sessions.begin() as session:
        waiting = await held_task(session, task_id)
        if waiting is not None and waiting.creation is not None:
            waiting.creation.last_error = error[:2000]
    report.failed += 1
    log.warning("card_making_uncertain", task_id=str(task_id), error=error)
