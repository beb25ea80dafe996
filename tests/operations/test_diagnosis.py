"""The diagnosis of a card: each reason why it is stuck has a sentence that says what to do."""

from __future__ import annotations

from typing import Any

import pytest
from kit.stage import Stage

from models.errors import NotionUnavailable
from models.operations.diagnosis import reasons, reasons_out_of_sync
from tasks.alerts import Level, send_alert
from tasks.operations.card_facts import gather_card_facts, read_page_now


async def why(stage: Stage, page: str) -> list[str]:
    return reasons(await gather_card_facts(stage.ctx, page))


async def changed_options(stage: Stage, name: str, without: str) -> None:
    source = await stage.ask("GET", f"/v1/data_sources/{stage.data_source_id}")
    kept = [o for o in source["properties"][name]["select"]["options"] if o["name"] != without]
    change = {"properties": {name: {"select": {"options": kept}}}}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", change)


async def test_a_card_in_sync_has_no_reason_and_asks_notion_nothing(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    async with stage.requests() as made:
        assert await why(stage, page) == []
    assert made() == []


async def test_what_the_next_cycle_writes_is_named(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    assert await why(stage, page) == [
        "The next cycle writes what differs: Created, Status, Updated."
    ]


async def test_a_push_that_fails_says_why_how_often_and_when_it_is_tried_again(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await changed_options(stage, "Status", without="Processing")
    await stage.moves(page, "Processing")
    await stage.cycle()
    failed, option = await why(stage, page)
    assert failed.startswith(
        "Writing Created, Status, Updated failed once (the board's Status has no option"
    )
    assert failed.endswith("the next try is due in 30 s.")
    assert option.startswith("The board's Status has no option “Processing”. `showrunner board")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"topic": ""},
            "The task keeps its last valid values, because the card is not valid: Topic is empty.",
        ),
        (
            {"topic": "", "status": "Queued"},
            "The move to “Queued” waits until the card is valid: it is taken then, if",
        ),
        (
            {"channel": "cooking"},
            "The channel “cooking” is not configured: add channel_configs/cooking.yaml",
        ),
        (
            {"status": "Processing"},
            "What a person asked for was not granted: A card cannot be moved from “Draft”",
        ),
    ],
    ids=["invalid", "waiting", "channel", "refused"],
)
async def test_what_the_editor_must_mend_is_said(
    stage: Stage, values: dict[str, Any], sentence: str
) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    await stage.edit(page, **values)
    stage.clock.pass_(60)
    await stage.cycle()
    assert any(reason.startswith(sentence) for reason in await why(stage, page))


async def test_a_card_without_a_task_says_why_it_has_none(stage: Stage) -> None:
    invalid, unknown = await stage.add_valid(topic=""), await stage.add_valid(status="Drft")
    await stage.cycle()
    assert await why(stage, invalid) == [
        "It has no task, because the card is not valid: Topic is empty."
    ]
    assert "its Status “Drft” is none of the 26 columns" in (await why(stage, unknown))[0]
    deleted = await stage.add_valid()
    stage.clock.pass_(60)
    await stage.cycle()
    await stage.sql("DELETE FROM tasks WHERE notion_page_id = :page", page=deleted)
    assert "because that was deleted" in (await why(stage, deleted))[0]


async def test_a_card_in_the_trash_is_said_to_be_there(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    await stage.trash(page)
    await stage.webhook(page, "page.deleted")
    await stage.ingest()
    facts = await gather_card_facts(stage.ctx, page)
    assert reasons_out_of_sync(facts) == reasons(facts)
    assert reasons(facts)[0].startswith("The card is in Notion's trash since 2026-11-23 10:00:")
    live = await read_page_now(stage.ctx, facts.board, page) if facts.board else None
    assert live is not None
    assert live.card is not None
    assert live.card.in_trash


async def test_events_that_wait_are_named(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    await stage.webhook(page)
    (event,) = await stage.events()
    assert await why(stage, page) == [f"Event {event.row} waits for the next ingest or cycle."]
    stage.sandbox.faults.add(status=500, times=None, path=f"/v1/pages/{page}")
    await stage.ingest()
    (reason,) = [one for one in await why(stage, page) if one.startswith("Event")]
    assert reason.startswith(f"Event {event.row} failed once (")
    assert reason.endswith("it is due in 15 s.")
    facts = await gather_card_facts(stage.ctx, page)
    assert "500" in " ".join(reasons_out_of_sync(facts)), "what could not be read may be an edit"
    assert facts.board is not None
    assert "500" in (await read_page_now(stage.ctx, facts.board, page)).error


async def test_a_page_never_read_says_so(stage: Stage) -> None:
    await stage.cycle()
    await stage.webhook("0" * 36)
    assert (await why(stage, "0" * 36))[0].startswith("The page was never read")


async def test_what_stops_every_card_comes_first(stage: Stage) -> None:
    page, other = await stage.add_valid(), await stage.add_valid()
    await stage.cycle()
    await send_alert(stage.ctx, Level.CRITICAL, "notion_auth", "The token is wrong.", {})
    await send_alert(stage.ctx, Level.ERROR, f"card_failing:{page}", "A card cannot be written", {})
    assert [reason.split(" since ")[0] for reason in await why(stage, page)] == [
        "An alert is open: notion_auth",
        f"An alert is open: card_failing:{page}",
    ]
    assert len(await why(stage, other)) == 1


async def test_no_good_cycle_for_five_minutes_is_a_reason(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    stage.clock.pass_(299)
    assert await why(stage, page) == []
    stage.clock.pass_(420)
    assert (await why(stage, page))[0].startswith("No cycle has ended well for 12 min, since ")
    stage.sandbox.faults.add(status=500, times=None)
    with pytest.raises(NotionUnavailable):
        await stage.cycle()
    assert len(await why(stage, page)) == 1
