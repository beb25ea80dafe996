"""Cards that users create after the first import get their dates in one write, within a cycle."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from kit.stage import CHANNEL, Stage, rich

from models.board.drift import drift
from models.tables.push_queue import pending
from tasks.board.followed import followed_board
from tasks.board.snapshot import BoardAccess, take_snapshot, with_notes
from tasks.runtime.report import Report
from tasks.sync.import_board import import_cards


async def followed(stage: Stage) -> None:
    """The board was imported, and a minute has passed."""
    await stage.cycle()
    stage.clock.pass_(60)


async def typed(stage: Stage, page: str, **dates: str) -> None:
    given: dict[str, Any] = {
        name.title(): {"date": {"start": start}} for name, start in dates.items()
    }
    await stage.ask("PATCH", f"/v1/pages/{page}", {"properties": given})


def minutes(shows: dict[str, Any], name: str) -> datetime | None:
    return None if shows[name] is None else datetime.fromisoformat(shows[name])


CARDS: dict[str, dict[str, str]] = {
    "in-draft": {
        "title": "Squid",
        "channel": CHANNEL,
        "topic": "T",
        "status": "Draft",
        "priority": "Normal",
    },
    "in-queued": {
        "title": "Squid",
        "channel": CHANNEL,
        "topic": "T",
        "status": "Queued",
        "priority": "Normal",
    },
    "not-valid": {"title": "Squid", "status": "Draft", "priority": "Normal"},
    "empty": {},
}


@pytest.mark.parametrize("values", CARDS.values(), ids=CARDS.keys())
async def test_a_new_card_has_its_time_in_status_at_the_next_cycle_for_one_write(
    stage: Stage, values: dict[str, str]
) -> None:
    await followed(stage)
    page = await stage.add(**values)
    made = stage.clock.now.replace(second=0, microsecond=0)
    stage.clock.pass_(60)
    async with stage.requests() as asked:
        await stage.cycle()
        assert [one.split()[0] for one in asked()].count("PATCH") == 1
    shows = await stage.shows(page)
    assert (minutes(shows, "Created"), minutes(shows, "Updated")) == (made, made)
    assert shows["Time in Status"] == "1 min"
    stage.clock.pass_(200)
    async with stage.requests() as asked:
        await stage.cycle()
        assert [one for one in asked() if one.startswith("PATCH")] == []


async def test_dates_typed_into_a_new_card_are_replaced_and_kept_in_its_history(
    stage: Stage,
) -> None:
    await followed(stage)
    pages = [await stage.add_valid(status="Queued"), await stage.add(title="Not valid")]
    for page in pages:
        await typed(stage, page, created="1126-01-01T00:00:00Z", updated="2030-01-01")
    made = stage.clock.now.replace(second=0, microsecond=0)
    stage.clock.pass_(60)
    await stage.cycle()
    for page in pages:
        shows, history = await stage.shows(page), await stage.history(page)
        assert (minutes(shows, "Created"), minutes(shows, "Updated")) == (made, made)
        lost = [(row.property, row.lost_value) for row in history if row.reason == "not_yours"]
        assert lost == [
            ("Created", "1126-01-01 00:00:00+00:00"),
            ("Updated", "2030-01-01 00:00:00+00:00"),
        ]
    task = await stage.task(pages[0])
    assert task is not None
    assert (task.created_at, task.status_changed_at) == (made, made)


async def test_the_time_in_status_of_a_card_without_a_task_begins_anew_when_it_is_moved(
    stage: Stage,
) -> None:
    await followed(stage)
    page = await stage.add(title="Not valid", status="Draft")
    made = stage.clock.now.replace(second=0, microsecond=0)
    await stage.cycle()
    stage.clock.pass_(3600)
    await stage.edit(page, status="Ready for Planning")
    await stage.cycle()
    moved = stage.clock.now.replace(second=0, microsecond=0)
    shows = await stage.shows(page)
    assert (minutes(shows, "Created"), minutes(shows, "Updated")) == (made, moved)
    stage.clock.pass_(3600)
    await stage.edit(page, topic="Topic", channel=CHANNEL)
    await stage.cycle()
    task, shows = await stage.task(page), await stage.shows(page)
    assert task is not None
    assert (
        task.status_changed_at.replace(second=0, microsecond=0)
        == minutes(shows, "Updated")
        == moved
    )
    assert task.created_at == made


async def test_a_card_that_an_event_shows_before_the_first_import_does_was_on_the_board_before_us(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Upload Complete")
    await typed(stage, page, created="2024-01-02T03:04:00Z", updated="2025-01-02T03:04:00Z")
    await stage.webhook(page)
    await stage.ingest()
    assert (await stage.cycle()).pushed == 0
    task = await stage.task(page)
    assert task is not None
    assert task.created_at == datetime(2024, 1, 2, 3, 4, tzinfo=UTC)
    assert task.status_changed_at == datetime(2025, 1, 2, 3, 4, tzinfo=UTC)


async def test_a_card_that_a_later_import_shows_first_is_new(stage: Stage) -> None:
    await followed(stage)
    page = await stage.add_valid()
    await typed(stage, page, created="2024-01-02T03:04:00Z")
    stage.clock.pass_(60)
    await import_cards(stage.ctx, Report())
    await stage.cycle()
    shows, task = await stage.shows(page), await stage.task(page)
    assert task is not None
    assert minutes(shows, "Created") == task.created_at != datetime(2024, 1, 2, 3, 4, tzinfo=UTC)
    assert shows["Updated"] is not None


async def test_cards_that_lack_only_their_dates_wait_for_everything_else(stage: Stage) -> None:
    moved, board = await stage.add_valid(status="Queued"), await followed_board(stage.ctx)
    await followed(stage)
    new = [await stage.add_valid(priority="High") for _ in range(3)]
    for page in new:
        await stage.webhook(page)
    await stage.ingest()
    stage.clock.pass_(60)
    await stage.moves(moved, "Processing")
    async with stage.sessions() as session:
        order = await pending(session, board, now=stage.clock(), limit=9)
    assert (order[0], set(order[1:])) == (moved, set(new))


async def test_what_people_wrote_into_their_own_attention_is_kept_until_there_is_something_to_say(
    stage: Stage,
) -> None:
    pages = [await stage.add_valid(title=f"Squid {number}") for number in range(3)]
    for page in pages:
        await stage.ask(
            "PATCH", f"/v1/pages/{page}", {"properties": {"Attention": rich("ask Ada")}}
        )
    assert (await stage.cycle()).pushed == 0
    stage.clock.pass_(60)
    await stage.moves(pages[0], "Processing")
    await stage.edit(pages[1], topic="")
    await stage.cycle()
    shown = [(await stage.shows(page))["Attention"] for page in pages]
    assert shown == ["ask Ada", "Topic is empty.", "ask Ada"]
    lost = [row.lost_value for row in await stage.history(pages[1]) if row.property == "Attention"]
    assert lost == ["ask Ada"]
    stage.clock.pass_(60)
    await stage.edit(pages[1], topic="Topic")
    await stage.cycle()
    assert (await stage.shows(pages[1]))["Attention"] == ""
    assert len([row for row in await stage.history(pages[1]) if row.property == "Attention"]) == 1


async def test_once_the_board_was_imported_the_database_knows_how_many_cards_hold_peoples_notes(
    stage: Stage,
) -> None:
    pages = [await stage.add_valid(title=title) for title in "abc"]
    for page in pages[:2]:
        await stage.ask(
            "PATCH", f"/v1/pages/{page}", {"properties": {"Attention": rich("ask Ada")}}
        )
    await stage.cycle()
    access = BoardAccess(
        notion=stage.ctx.notion, channels=(CHANNEL, "history_in_ten"), sessions=stage.sessions
    )
    snapshot = await take_snapshot(access, stage.database_id)
    one = next(
        one
        for one in drift(await with_notes(access, snapshot))
        if one.slug == "attention-holds-notes"
    )
    assert "on 2 cards" in one.wrong
    stage.clock.pass_(60)
    await stage.edit(pages[0], topic="")
    await stage.cycle()
    one = next(
        one
        for one in drift(await with_notes(access, snapshot))
        if one.slug == "attention-holds-notes"
    )
    assert "on 1 card that" in one.wrong
