"""What a cycle does when Notion, the board or the database is not as it should be."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from kit.stage import Stage

from models.errors import BoardError, NotionAuthError, NotionUnavailable
from models.tables.webhook_events import ATTEMPTS_MAX
from tasks.alerts import Level, resolve_alert, send_alert


async def test_a_storm_of_events_costs_one_query_and_not_one_request_each(stage: Stage) -> None:
    pages = [await stage.add_valid(title=f"Card {n}") for n in range(40)]
    await stage.cycle()
    stage.clock.pass_(120)
    for page in pages:
        await stage.edit(page, status="Queued")
        await stage.webhook(page)
    async with stage.requests() as made:
        report = await stage.ingest()
    assert len(made()) == 1
    assert report.taken == 40
    assert all(event.processed for event in await stage.events())


async def test_an_event_whose_only_author_is_our_own_bot_asks_nothing(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    me = await stage.ctx.notion.me()
    await stage.webhook(page, authors=[{"id": me["id"], "type": "bot"}])
    async with stage.requests() as made:
        await stage.ingest()
    assert made() == []
    assert [(event.processed, event.outcome) for event in await stage.events()] == [
        (True, "own_write")
    ]


async def test_an_event_of_another_database_asks_nothing(stage: Stage) -> None:
    await stage.cycle()
    await stage.webhook(
        str(UUID(int=0)), data={"parent": {"type": "database", "data_source_id": "other"}}
    )
    async with stage.requests() as made:
        await stage.ingest()
    assert made() == []
    assert (await stage.events())[0].outcome == "other_database"


async def test_a_change_of_another_databases_schema_asks_nothing(stage: Stage) -> None:
    await stage.cycle()
    await stage.webhook(
        "", "data_source.schema_updated", entity={"type": "data_source", "id": "other"}
    )
    await stage.sql("UPDATE webhook_events SET page_id = NULL")
    async with stage.requests() as made:
        await stage.ingest()
    assert made() == []
    assert (await stage.events())[0].outcome == "other_database"


async def test_an_event_of_an_unknown_kind_is_kept_and_done_with(stage: Stage) -> None:
    await stage.cycle()
    async with stage.sessions.begin() as session:
        await session.connection()
    await stage.webhook("", "comment.created")
    await stage.sql("UPDATE webhook_events SET page_id = NULL")
    await stage.ingest()
    assert (await stage.events())[0].outcome == "not_a_page"


async def test_a_wrong_token_stops_the_run_and_costs_the_events_nothing(stage: Stage) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    stage.sandbox.faults.add(status=401, times=None)
    await stage.webhook(page)
    for _ in range(ATTEMPTS_MAX + 2):
        with pytest.raises(NotionAuthError):
            await stage.ingest()
        stage.clock.pass_(60)
    (event,) = await stage.events()
    assert (event.processed, event.attempts, event.dead_at) == (False, 0, None)
    stage.sandbox.faults.clear()
    await stage.ingest()
    assert (await stage.events())[0].processed


async def test_a_page_that_cannot_be_read_backs_off_dies_and_stops_no_other(stage: Stage) -> None:
    good, bad = await stage.add_valid(title="Good"), await stage.add_valid(title="Bad")
    await stage.cycle()
    stage.sandbox.faults.add(status=500, times=None, path=f"/v1/pages/{bad}")
    await stage.webhook(good)
    await stage.webhook(bad)
    await stage.edit(good, priority="High")
    await stage.ingest()
    task = await stage.task(good)
    assert task is not None
    assert task.priority == "high"
    assert [event.processed for event in await stage.events()] == [True, False]
    for _ in range(ATTEMPTS_MAX):
        stage.clock.pass_(timedelta(hours=12).total_seconds())
        await stage.ingest()
    dead = (await stage.events())[1]
    assert dead.dead_at is not None
    assert dead.error is not None
    assert "500" in dead.error


async def test_a_write_that_was_saved_despite_its_error_is_read_back_and_not_repeated(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    stage.sandbox.faults.add(status=503, times=1, method="PATCH", saved=True)
    async with stage.requests() as made:
        await stage.cycle()
    assert [request.split()[0] for request in made()] == ["POST", "GET", "PATCH", "GET"]
    assert (await stage.shows(page))["Status"] == "Processing"
    assert (await stage.card(page)).attempts == 0
    stage.clock.pass_(60)
    assert not await stage.cycle()


async def test_a_write_that_was_not_saved_is_tried_again_after_a_while(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    stage.sandbox.faults.add(status=503, times=1, method="PATCH", saved=False)
    assert (await stage.cycle()).failed == 1
    assert (await stage.shows(page))["Status"] == "Queued"
    card = await stage.card(page)
    assert (card.attempts, card.last_error is not None) == (1, True)
    stage.clock.pass_(60)
    assert (await stage.cycle()).pushed == 1
    assert (await stage.shows(page))["Status"] == "Processing"
    assert (await stage.card(page)).attempts == 0


async def test_an_edit_gives_a_card_whose_pushes_failed_a_fresh_start(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.moves(page, "Processing")
    stage.sandbox.faults.add(status=400, times=None, path=f"/v1/pages/{page}", method="PATCH")
    for _ in range(5):
        await stage.cycle()
        stage.clock.pass_(3600)
    await stage.cycle()
    assert (await stage.card(page)).attempts == 6
    stage.sandbox.faults.clear()
    await stage.edit(page, title="Shorter")
    stage.clock.pass_(60)
    assert (await stage.cycle()).pushed == 1
    assert (await stage.shows(page))["Status"] == "Processing"


async def test_one_card_that_notion_refuses_stops_no_other(stage: Stage) -> None:
    bad, good = (
        await stage.add_valid(title="Bad", status="Queued"),
        await stage.add_valid(status="Queued"),
    )
    await stage.cycle()
    stage.sandbox.faults.add(status=400, times=None, path=f"/v1/pages/{bad}", method="PATCH")
    await stage.moves(bad, "Processing")
    await stage.moves(good, "Processing")
    report = await stage.cycle()
    assert (report.pushed, report.failed) == (1, 1)
    assert (await stage.shows(good))["Status"] == "Processing"


async def test_a_card_trashed_behind_our_back_is_marked_when_the_push_meets_it(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.trash(page)
    await stage.moves(page, "Processing")
    report = await stage.cycle()
    assert (report.trashed, report.failed) == (1, 0)
    assert (await stage.card(page)).trashed_at is not None
    task = await stage.task(page)
    assert task is not None
    assert task.board_status == "Processing"


async def test_notion_answering_badly_to_everything_ends_the_cycle_and_the_next_one_goes_on(
    stage: Stage,
) -> None:
    pages = [await stage.add_valid(status="Queued", title=f"Card {n}") for n in range(3)]
    await stage.cycle()
    for page in pages:
        await stage.moves(page, "Processing")
    stage.sandbox.faults.add(status=429, times=3, method="PATCH", retry_after=90)
    with pytest.raises(NotionUnavailable):
        await stage.cycle()
    stage.sandbox.faults.clear()
    stage.clock.pass_(120)
    await stage.cycle()
    assert {(await stage.shows(page))["Status"] for page in pages} == {"Processing"}


async def test_a_status_option_that_was_deleted_is_never_written_and_so_never_made_anew(
    stage: Stage,
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    source = await stage.ask("GET", f"/v1/data_sources/{stage.data_source_id}")
    kept = [
        o for o in source["properties"]["Status"]["select"]["options"] if o["name"] != "Processing"
    ]
    change = {"properties": {"Status": {"select": {"options": kept}}}}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", change)
    await stage.moves(page, "Processing")
    report = await stage.cycle()
    assert report.failed == 1
    source = await stage.ask("GET", f"/v1/data_sources/{stage.data_source_id}")
    assert "Processing" not in [
        o["name"] for o in source["properties"]["Status"]["select"]["options"]
    ]
    assert "no option “Processing”" in str((await stage.card(page)).last_error)


async def test_deleting_an_option_demotes_none_of_the_cards_that_stood_in_it(stage: Stage) -> None:
    page = await stage.add_valid(status="Upload Complete")
    await stage.cycle()
    source = await stage.ask("GET", f"/v1/data_sources/{stage.data_source_id}")
    options = source["properties"]["Status"]["select"]["options"]
    kept = [o for o in options if o["name"] != "Upload Complete"]
    change = {"properties": {"Status": {"select": {"options": kept}}}}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", change)
    await stage.edit(page, topic="Another topic")
    stage.clock.pass_(60)
    await stage.cycle()
    task = await stage.task(page)
    assert task is not None
    assert (task.board_status, task.topic) == ("Upload Complete", "Another topic")
    assert [
        (h.lost_value, h.reason) for h in await stage.history(page) if h.action == "refused"
    ] == [("", "emptied")]
    back = {"properties": {"Status": {"select": {"options": [*kept, {"name": "Upload Complete"}]}}}}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", back)
    stage.clock.pass_(60)
    await stage.cycle()
    card = await stage.shows(page)
    assert card["Status"] == "Upload Complete"
    assert card["Attention"] == (
        "Status was emptied; the card goes back to “Upload Complete”. "
        "From “Upload Complete” people may move it to “Draft” or “Archived”."
    )


async def test_a_renamed_property_goes_on_working(stage: Stage) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    renamed = {"properties": {"Status": {"name": "Stage"}, "Topic": {"name": "Subject"}}}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", renamed)
    await stage.moves(page, "Processing")
    stage.clock.pass_(60)
    await stage.cycle()
    assert (await stage.shows(page))["Stage"] == "Processing"


async def test_a_board_without_a_needed_property_is_refused_with_a_sentence(stage: Stage) -> None:
    await stage.add_valid(status="Queued")
    await stage.cycle()
    await stage.ask(
        "PATCH", f"/v1/data_sources/{stage.data_source_id}", {"properties": {"Topic": None}}
    )
    stage.clock.pass_(60)
    with pytest.raises(BoardError, match="Topic"):
        await stage.cycle()


async def test_an_incident_is_reported_once_and_its_end_once(stage: Stage) -> None:
    assert await send_alert(stage.ctx, Level.CRITICAL, "notion_auth", "The token is wrong", {})
    assert not await send_alert(stage.ctx, Level.CRITICAL, "notion_auth", "The token is wrong", {})
    assert await resolve_alert(stage.ctx, "notion_auth")
    assert not await resolve_alert(stage.ctx, "notion_auth")
    assert await send_alert(stage.ctx, Level.CRITICAL, "notion_auth", "The token is wrong", {})
