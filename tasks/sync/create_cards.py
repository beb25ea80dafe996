"""Tasks that workers inserted become cards: each is made on the board once, whatever dies when.

The intent is committed first: what is sent, in whose name, and when. Then the page is made, and its
id stored with the answer as the card's memory, in one commit. Where the answer was lost, whoever
sees the page links it (`models.sync.adopt_page`); a task is sent again only when the board, asked
anew after Notion had all the time it may take, shows nothing of the kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass, replace
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
from models.rules.board_schema import Board
from models.rules.channels import channel_named
from models.rules.codec import read_card, to_minute, write_properties
from models.rules.statuses import Priority
from models.rules.validation import violations_of
from models.sync.recent_writes import IN_FLIGHT, as_json
from models.tables.card_creation import (
    CardCreation,
    any_waiting,
    held_task,
    next_due,
    open_since,
    overdue,
)
from models.tables.task import Task
from tasks.alerts import Level, send_alert
from tasks.board.followed import (
    board_after_refusal,
    board_lost,
    board_to_write,
    bot_id,
    followed_board,
)
from tasks.notion.priority import RequestPriority, with_priority
from tasks.notion.throttle import at_once
from tasks.runtime.concurrency import run_all
from tasks.runtime.context import Context
from tasks.runtime.prefect_task import step
from tasks.runtime.report import Report
from tasks.runtime.unexpected_errors import cost_of_one
from tasks.sync.fetch import Read, Readings, Window, scan
from tasks.sync.store import Events, SyncContext, judged, store_cards, take_in_news, tell
from tasks.sync.sweep import OVERLAP

T = TypeVar("T")

log = structlog.get_logger("showrunner.push")

FAILING: Final = 5
"""Requests for one card that may be lost in a row before somebody is told."""
NOT_MADE: Final = "card_not_made"
"""The incident of tasks that cannot become cards as they are, or as the board is."""
GIVEN_UP: Final = IN_FLIGHT + OVERLAP
"""How long a request without an answer may still be found to have made a page: it is saved by the
one at the latest, and queries show it by the other."""
LOOK_AGAIN: Final = timedelta(seconds=30)
"""When a task is judged anew whose fault is its own or the board's: that costs no request."""


async def make_cards(ctx: Context, sync: SyncContext, report: Report, *, until: datetime) -> bool:
    """Make the cards of tasks that have none, until none is due or `until` has come; whether some are left.

    Raises:
        BoardError: when the board is gone or cannot be followed any more.
        NotionAuthError, NotionUnavailable: what concerns all requests alike.
    """
    async with ctx.sessions() as session:
        if not await any_waiting(session):
            return False
    await _look_up(ctx, sync, report)
    if await _next_due(ctx) is None:
        return False
    await board_to_write(ctx)
    return await make_what_is_due(ctx, sync, report, until=until)


async def _next_due(ctx: Context, tried: Collection[UUID] = ()) -> UUID | None:
    async with ctx.sessions() as session:
        return await next_due(session, now=ctx.clock(), passed_over=tried)


async def _look_up(ctx: Context, sync: SyncContext, report: Report) -> None:
    """Before what was sent long ago is sent again: does the board show it? Sweeps have shown nothing of it so far."""
    began = ctx.clock()
    async with ctx.sessions() as session:
        late = await overdue(session, sent_before=began - GIVEN_UP)
        since = await open_since(session)
    if not late or since is None:
        return
    async for readings in scan(
        ctx, sync.board, Window(created=to_minute(since - timedelta(minutes=1)))
    ):
        await take_in_news(ctx, sync, readings, report)
    for task_id in late:
        await _failed(
            ctx,
            task_id,
            report,
            "Notion did not answer, and the board shows no such card",
            sent_until=began,
        )


@step("make_cards", holds="make cards")
async def make_what_is_due(
    ctx: Context, sync: SyncContext, report: Report, *, until: datetime
) -> bool:
    """Make cards, several requests in flight, until none is due or `until` has come; whether some are left."""
    sync, channels = replace(sync, board=await followed_board(ctx)), await ctx.channels()
    choosing, tried, goes_on = asyncio.Lock(), set[UUID](), [True]

    async def one_by_one() -> None:
        while goes_on[0] and ctx.clock() < until:
            # Which task may be next depends on what is under way: that is noted before another
            # chooses.
            async with choosing:
                if (task_id := await _next_due(ctx, tried)) is None:
                    return
                tried.add(task_id)
                beginning = _begin(ctx, sync, report, task_id, channels)
                intent = await _at_the_cost_of_one(ctx, report, task_id, beginning, otherwise=None)
            if intent is not None:
                sending = _send(ctx, sync, report, intent, channels)
                goes_on[0] &= await _at_the_cost_of_one(
                    ctx, report, task_id, sending, otherwise=True
                )

    with with_priority(RequestPriority.PUSH):
        await run_all(one_by_one() for _ in range(at_once(ctx.settings.notion_requests_per_second)))
    return goes_on[0] and ctx.clock() >= until and await _next_due(ctx, tried) is not None


async def _at_the_cost_of_one(
    ctx: Context, report: Report, task_id: UUID, work: Awaitable[T], *, otherwise: T
) -> T:
    """What comes of the work; `otherwise` after an error that nobody foresaw, which is noted with this task."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - a boundary: it costs this task's card
        await _unforeseen(ctx, task_id, report, cost_of_one(error, task_id=str(task_id)))
        return otherwise


@dataclass(frozen=True, kw_only=True)
class _Intent:
    """What is sent to make a task's card."""

    task_id: UUID
    body: dict[str, Any]


async def _send(
    ctx: Context, sync: SyncContext, report: Report, intent: _Intent, channels: Mapping[str, object]
) -> bool:
    """Make one card; whether the next may be tried.

    Raises:
        NotionAuthError, NotionUnavailable, BoardError: what concerns all requests alike. Nothing
            was made then.
    """
    task_id = intent.task_id
    began = ctx.clock()
    try:
        page = await ctx.notion.create_page(sync.board.data_source_id, intent.body)
    except NotionWriteUncertain as error:
        await _uncertain(ctx, task_id, report, str(error))
        return False
    except (NotionAuthError, NotionPageNotFound, NotionRejected, NotionUnavailable) as error:
        return await _refused(ctx, sync, report, task_id, error)
    try:
        card = read_card(page, sync.board)
    except ValueError as error:
        await _uncertain(ctx, task_id, report, str(error))
        return False
    read = Read(card=card, began=began, ended=ctx.clock(), by_id=True)
    observation = replace(judged(read, channels), task_id=task_id)
    # Not through the Prefect task: one task run per card would cost more than the card.
    tell(await store_cards.plain(ctx, sync, [observation], Readings(), Events()), report)
    report.made += 1
    report.note(card.page_id, "made")
    log.info("card_made", notion_page_id=card.page_id, task_id=str(task_id))
    return True


async def _begin(
    ctx: Context, sync: SyncContext, report: Report, task_id: UUID, channels: Mapping[str, object]
) -> _Intent | None:
    """Note what is about to be sent; None when there is nothing to send, or it cannot be sent as it is."""
    me, now = await bot_id(ctx), ctx.clock()
    async with ctx.sessions.begin() as session:
        waiting = await held_task(session, task_id)
        if waiting is None or (
            waiting.creation is not None and waiting.creation.sent_at is not None
        ):
            return None
        task, creation = waiting.task, waiting.creation or CardCreation(task_id=task_id)
        values = _values(task, sync.board)
        violations = violations_of(task.title, task.channel_id, task.topic, channels)
        error = " ".join(violation.message for violation in violations)
        try:
            body = write_properties(values, sync.board)
        except ValueError as fault:
            error = error or f"{fault}."
        session.add(creation)
        if not error:
            creation.sent_at, creation.sent_by, creation.sent = now, me, as_json(values)
            return _Intent(task_id=task_id, body=body)
        creation.failed(error, now, wait=LOOK_AGAIN)
    await _tell(ctx, report, task_id, error)
    return None


def _values(task: Task, board: Board) -> dict[str, Any]:
    """All that a task's card is to show, by property, as far as the board has it."""
    values = {
        "Title": task.title,
        "Channel": channel_named(task.channel_id, board.properties["Channel"].options)
        or task.channel_id,
        "Topic": task.topic,
        "Status": task.board_status,
    }
    optional = {
        "Story Direction": task.story_direction,
        "Priority": Priority(task.priority).option,
        "Created": to_minute(task.created_at),
        "Updated": to_minute(task.status_changed_at),
    }
    return values | {name: value for name, value in optional.items() if value and board.shows(name)}


async def _refused(
    ctx: Context, sync: SyncContext, report: Report, task_id: UUID, error: Exception
) -> bool:
    """Notion made no page. Whose fault that is decides what goes on; whether the next may be tried.

    Raises:
        The error, when it is not about making cards.
    """
    if isinstance(error, NotionRejected):
        await _take_back(ctx, task_id)
        if await board_after_refusal(ctx) == sync.board:
            await _failed(ctx, task_id, report, str(error))
        return True
    if isinstance(error, NotionAuthError) and error.status == 403:  # noqa: PLR2004 - HTTP's own number
        # It may not insert, or the workspace is full: what is there can be written all the same.
        await _failed(ctx, task_id, report, str(error))
        return False
    await _take_back(ctx, task_id)
    if isinstance(error, NotionPageNotFound):
        raise board_lost(sync.board.data_source_id) from error
    raise error


async def _unforeseen(ctx: Context, task_id: UUID, report: Report, error: str) -> None:
    """Note an error that nobody foresaw.

    If something was sent by then, the page may have been made.
    """
    async with ctx.sessions.begin() as session:
        waiting = await held_task(session, task_id)
        if waiting is None:
            return
        creation = waiting.creation or CardCreation(task_id=task_id)
        session.add(creation)
        sent = creation.sent_at is not None
        if not sent:
            creation.failed(error, ctx.clock(), wait=LOOK_AGAIN)
    await (_uncertain(ctx, task_id, report, error) if sent else _tell(ctx, report, task_id, error))


async def _take_back(ctx: Context, task_id: UUID) -> None:
    """Nothing was made, and not through any fault of this task's."""
    async with ctx.sessions.begin() as session:
        waiting = await held_task(session, task_id)
        if waiting is not None and waiting.creation is not None:
            waiting.creation.sent_at = None


async def _failed(
    ctx: Context,
    task_id: UUID,
    report: Report,
    error: str,
    *,
    sent_until: datetime | None = None,
) -> None:
    """Note that nothing was made, and why; it is tried again, later each time.

    Args:
        sent_until: only if the request that is open was sent before that; nobody is told until it
            happens again.
    """
    async with ctx.sessions.begin() as session:
        waiting = await held_task(session, task_id)
        if waiting is None or (creation := waiting.creation) is None:
            return
        if sent_until is not None and (creation.sent_at is None or creation.sent_at > sent_until):
            return
        creation.failed(error, ctx.clock())
        attempts = creation.attempts
    await _tell(ctx, report, task_id, error, alert=sent_until is None or attempts >= FAILING)


async def _uncertain(ctx: Context, task_id: UUID, report: Report, error: str) -> None:
    """The page may have been made: the request stays open until the page is seen, or surely is not there."""
    async with ctx.sessions.begin() as session:
        waiting = await held_task(session, task_id)
        if waiting is not None and waiting.creation is not None:
            waiting.creation.last_error = error[:2000]
    report.failed += 1
    log.warning("card_making_uncertain", task_id=str(task_id), error=error)


async def _tell(
    ctx: Context, report: Report, task_id: UUID, error: str, *, alert: bool = True
) -> None:
    report.failed += 1
    log.error("card_not_made", task_id=str(task_id), error=error)
    if alert:
        context = {"task": task_id, "error": error}
        await send_alert(
            ctx, Level.ERROR, NOT_MADE, "A task cannot become a card on the board", context
        )
