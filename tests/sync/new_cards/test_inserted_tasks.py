"""A task that a worker inserted becomes a card at the next cycle, exactly once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from kit.stage import CHANNEL, Stage
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.errors import NotionUnavailable
from models.rules.codec.read import to_minute
from models.tables.card_creation import CardCreation, waiting_tasks
from models.tables.incidents import open_incidents
from models.tables.task import Task
from tasks.alerts import end_recovered

INSERT = (
    "INSERT INTO tasks (title, channel_id, topic{names}) "
    "VALUES (:title, :channel, :topic{values}) RETURNING id"
)
TEXTS = {"title": "Kraken", "channel": CHANNEL, "topic": "Architeuthis"}


@pytest.fixture
async def empty(stage: Stage) -> Stage:
    """A stage whose board was imported, so that the next cycle is an ordinary one."""
    await stage.cycle()
    return stage


async def insert(stage: Stage, **columns: str) -> UUID:
    """A worker's INSERT of the three texts and these columns, at the stage's time."""
    given = {**TEXTS, **columns}
    others = [name for name in given if name not in TEXTS]
    statement = INSERT.format(
        names="".join(f", {name}" for name in others),
        values="".join(f", :{name}" for name in others),
    )
    async with stage.sessions.begin() as session:
        await session.execute(
            text("SELECT set_config('showrunner.now', :now, true)"), {"now": str(stage.clock.now)}
        )
        return UUID(str((await session.execute(text(statement), given)).scalar_one()))


async def pages(stage: Stage) -> list[dict[str, Any]]:
    """The board's pages that are not in the trash."""
    answer = await stage.ask("POST", f"/v1/data_sources/{stage.data_source_id}/query", {})
    return list(answer["results"])


async def task_of(stage: Stage, task_id: UUID) -> Task:
    async with stage.sessions() as session:
        task = await session.get(Task, task_id)
    assert task is not None
    return task


async def creation_of(stage: Stage, task_id: UUID) -> CardCreation | None:
    async with stage.sessions() as session:
        return await session.get(CardCreation, task_id)


async def incidents(stage: Stage) -> list[str]:
    async with stage.sessions() as session:
        return [incident.name for incident in await open_incidents(session)]


async def test_an_inserted_task_becomes_a_card_that_shows_all_of_it_for_one_request(
    empty: Stage,
) -> None:
    task_id = await insert(
        empty, story_direction="Slowly.", board_status="Assets Generating", priority="high"
    )
    async with empty.requests() as made:
        report = await empty.cycle()
        assert [
            request for request in made() if request.startswith(("POST /v1/pages", "PATCH"))
        ] == ["POST /v1/pages"]
    (page,) = await pages(empty)
    task = await task_of(empty, task_id)
    shown = await empty.shows(page["id"])
    minute = to_minute(task.created_at).isoformat(timespec="milliseconds")
    assert {
        name: shown[name]
        for name in ("Title", "Channel", "Topic", "Story Direction", "Status", "Priority")
    } == {
        "Title": "Kraken",
        "Channel": CHANNEL,
        "Topic": "Architeuthis",
        "Story Direction": "Slowly.",
        "Status": "Assets Generating",
        "Priority": "High",
    }
    assert (shown["Created"], shown["Updated"], shown["Attention"]) == (minute, minute, "")
    assert (task.notion_page_id, report.counts) == (page["id"], {"made": 1})
    assert await creation_of(empty, task_id) is None
    assert [(row.actor, row.action) for row in await empty.history(page["id"])] == [
        ("push", "card_made")
    ]


async def test_a_card_that_was_made_is_right_and_nothing_more_is_written(empty: Stage) -> None:
    await insert(empty)
    await empty.cycle()
    async with empty.requests() as made:
        empty.clock.pass_(60)
        assert not await empty.cycle()
        assert [request for request in made() if "query" not in request] == []


async def test_what_people_then_type_wins_and_sql_cannot_take_it_back(empty: Stage) -> None:
    task_id = await insert(empty)
    await empty.cycle()
    (page,) = await pages(empty)
    await empty.edit(page["id"], title="The Kraken", status="Queued")
    empty.clock.pass_(60)
    await empty.cycle()
    task = await task_of(empty, task_id)
    assert (task.title, task.board_status) == ("The Kraken", "Queued")
    with pytest.raises(DBAPIError, match="the people on the board own it"):
        await empty.sql("UPDATE tasks SET title = 'Mine'")


@pytest.mark.parametrize("fault", [{"status": 503, "saved": True}, {"drop": "after"}])
async def test_a_card_whose_answer_was_lost_is_found_and_not_made_twice(
    empty: Stage, fault: dict[str, Any]
) -> None:
    task_id = await insert(empty)
    empty.sandbox.faults.add(method="POST", path="/v1/pages", times=1, **fault)
    await empty.cycle()
    assert (await task_of(empty, task_id)).notion_page_id is None
    for _ in range(10):
        empty.clock.pass_(60)
        await empty.cycle()
    (page,) = await pages(empty)
    task = await task_of(empty, task_id)
    assert (task.notion_page_id, await creation_of(empty, task_id)) == (page["id"], None)
    async with empty.sessions() as session:
        assert len(list(await session.scalars(text("SELECT id FROM tasks")))) == 1


async def test_what_people_did_to_a_card_whose_answer_was_lost_is_taken_as_theirs(
    empty: Stage,
) -> None:
    task_id = await insert(empty)
    empty.sandbox.faults.add(drop="after", method="POST", path="/v1/pages", times=1)
    await empty.cycle()
    (page,) = await pages(empty)
    await empty.edit(page["id"], title="The Kraken", priority="High")
    await empty.sql("UPDATE tasks SET board_status = 'Queued'")
    empty.clock.pass_(60)
    await empty.cycle()
    task = await task_of(empty, task_id)
    assert (task.notion_page_id, task.title, task.priority) == (page["id"], "The Kraken", "high")
    assert (task.board_status, (await empty.shows(page["id"]))["Status"]) == ("Queued", "Queued")
    assert "overruled" not in {row.action for row in await empty.history(page["id"])}


async def test_a_card_that_was_not_made_is_made_once_the_board_surely_shows_nothing(
    empty: Stage,
) -> None:
    task_id = await insert(empty)
    empty.sandbox.faults.add(drop="before", method="POST", path="/v1/pages", times=1)
    await empty.cycle()
    with pytest.raises(DBAPIError, match="its card is being made"):
        await empty.sql("UPDATE tasks SET topic = 'Other'")
    for _ in range(5):
        empty.clock.pass_(60)
        await empty.cycle()
        assert await pages(empty) == []
    for _ in range(2):
        empty.clock.pass_(60)
        await empty.cycle()
    (page,) = await pages(empty)
    assert (await task_of(empty, task_id)).notion_page_id == page["id"]


async def test_a_card_that_was_surely_not_made_is_made_by_the_next_cycle(empty: Stage) -> None:
    task_id = await insert(empty)
    empty.sandbox.faults.add(429, method="POST", path="/v1/pages", times=3)
    with pytest.raises(NotionUnavailable):
        await empty.cycle()
    await empty.sql("UPDATE tasks SET topic = 'Other'")
    await empty.cycle()
    (page,) = await pages(empty)
    assert (await task_of(empty, task_id)).notion_page_id == page["id"]
    assert (await empty.shows(page["id"]))["Topic"] == "Other"
    assert await incidents(empty) == []


async def test_tasks_of_one_title_get_a_card_each(empty: Stage) -> None:
    ids = [await insert(empty, topic=topic) for topic in ("One", "Two", "Two")]
    empty.sandbox.faults.add(drop="after", method="POST", path="/v1/pages", times=1)
    for _ in range(3):
        empty.clock.pass_(60)
        await empty.cycle()
    shown = {page["id"]: (await empty.shows(page["id"]))["Topic"] for page in await pages(empty)}
    tasks = [await task_of(empty, task_id) for task_id in ids]
    assert {task.notion_page_id: task.topic for task in tasks} == shown
    assert len(shown) == 3


@pytest.mark.parametrize(
    "edit", [{"title": "The Kraken"}, {"title": "The Kraken", "topic": "Nautilus"}]
)
async def test_renamed_at_once_a_page_whose_answer_was_lost_is_still_matched(
    empty: Stage, edit: dict[str, str]
) -> None:
    ids = [await insert(empty, title=title) for title in ("Kraken", "Squid", "Octopus")]
    empty.sandbox.faults.add(drop="after", method="POST", path="/v1/pages", times=3)
    await empty.cycle()
    lost = [page["id"] for page in await pages(empty)]
    for page_id in lost:
        await empty.edit(page_id, **edit)
    for _ in range(4):
        empty.clock.pass_(60)
        await empty.cycle()
    tasks = [await task_of(empty, task_id) for task_id in ids]
    assert {task.notion_page_id for task in tasks} == {page["id"] for page in await pages(empty)}
    assert len(await pages(empty)) == len(ids)
    assert {task.title for task in tasks} == {"The Kraken", "Squid", "Octopus"}


async def test_a_page_of_ours_that_an_event_shows_before_the_answer_is_the_card_of_its_task(
    empty: Stage,
) -> None:
    task_id = await insert(empty)
    answered = empty.ctx.notion.create_page

    async def seen_first(*args: Any) -> dict[str, Any]:
        page = await answered(*args)
        await empty.edit(page["id"], title="The Kraken")
        await empty.webhook(page["id"], "page.created")
        await empty.ingest()
        await empty.trash(page["id"])
        await empty.webhook(page["id"], "page.deleted")
        await empty.ingest()
        return page

    empty.ctx.notion.create_page = seen_first  # type: ignore[method-assign]
    await empty.cycle()
    task = await task_of(empty, task_id)
    assert (task.title, task.notion_page_id is not None) == ("The Kraken", True)
    assert (await empty.card(task.notion_page_id or "")).trashed_at is not None
    async with empty.sessions() as session:
        assert len(list(await session.scalars(text("SELECT id FROM tasks")))) == 1


async def test_a_task_deleted_while_its_card_is_made_comes_back_with_the_card(empty: Stage) -> None:
    await insert(empty)
    answered = empty.ctx.notion.create_page

    async def deleted_first(*args: Any) -> dict[str, Any]:
        await empty.sql("DELETE FROM tasks")
        return await answered(*args)

    empty.ctx.notion.create_page = deleted_first  # type: ignore[method-assign]
    await empty.cycle()
    (page,) = await pages(empty)
    task = await empty.task(page["id"])
    assert task is not None
    assert task.title == "Kraken"


async def test_nobody_is_blamed_for_the_dates_of_a_card_whose_task_was_deleted_before_its_answer(
    empty: Stage,
) -> None:
    await insert(empty)
    empty.clock.pass_(300)
    empty.sandbox.faults.add(drop="after", method="POST", path="/v1/pages", times=1)
    await empty.cycle()
    (page,) = await pages(empty)
    await empty.sql("DELETE FROM tasks")
    empty.clock.pass_(120)
    await empty.edit(page["id"], title="The Kraken")
    for _ in range(2):
        empty.clock.pass_(60)
        await empty.cycle()
    assert (await empty.task(page["id"])) is not None
    assert [
        row.property for row in await empty.history(page["id"]) if row.action == "refused"
    ] == []


async def test_a_card_that_people_trash_at_once_is_not_made_again(empty: Stage) -> None:
    task_id = await insert(empty)
    await empty.cycle()
    page_id = (await task_of(empty, task_id)).notion_page_id or ""
    await empty.trash(page_id)
    await empty.webhook(page_id, "page.deleted")
    for _ in range(3):
        empty.clock.pass_(60)
        await empty.cycle()
    assert await pages(empty) == []
    assert (await task_of(empty, task_id)).notion_page_id == page_id


async def test_a_channel_that_the_board_lacks_is_not_added_and_the_task_waits_and_says_why(
    empty: Stage,
) -> None:
    board = await empty.ask("GET", f"/v1/data_sources/{empty.data_source_id}")
    channel = board["properties"]["Channel"]
    options = [option for option in channel["select"]["options"] if option["name"] != CHANNEL]
    path = f"/v1/data_sources/{empty.data_source_id}"
    await empty.ask("PATCH", path, {"properties": {"Channel": {"select": {"options": options}}}})
    other = await insert(empty, channel="history_in_ten")
    task_id = await insert(empty)
    for _ in range(3):
        empty.clock.pass_(60)
        await empty.cycle()
    made = await creation_of(empty, task_id)
    assert made is not None
    assert f"the board's Channel has no option “{CHANNEL}”" in (made.last_error or "")
    assert (await task_of(empty, other)).notion_page_id is not None
    assert await incidents(empty) == ["card_not_made"]
    async with empty.sessions() as session:
        (waiting,) = await waiting_tasks(session, limit=10)
    assert waiting.task.id == task_id
    options.append({"name": CHANNEL})
    await empty.ask("PATCH", path, {"properties": {"Channel": {"select": {"options": options}}}})
    empty.clock.pass_(60)
    await empty.cycle()
    assert (await task_of(empty, task_id)).notion_page_id is not None
    await end_recovered(empty.ctx)
    assert await incidents(empty) == []


async def test_a_create_that_notion_refuses_backs_off_alone(empty: Stage) -> None:
    empty.sandbox.faults.add(400, method="POST", path="/v1/pages", times=1)
    first = await insert(empty, priority="high")
    second = await insert(empty, title="Other")
    await empty.cycle()
    # Both are sent at once: either may be the one that is refused.
    (refused,) = [
        one for task in (first, second) if (one := await creation_of(empty, task)) is not None
    ]
    assert (refused.attempts, refused.sent_at, "400" in (refused.last_error or "")) == (
        1,
        None,
        True,
    )
    made = [(await task_of(empty, task)).notion_page_id is not None for task in (first, second)]
    assert sorted(made) == [False, True]
    empty.clock.pass_(60)
    await empty.cycle()
    for task in (first, second):
        assert (await task_of(empty, task)).notion_page_id is not None


async def test_a_connection_that_may_not_insert_still_writes_the_cards_that_are_there(
    empty: Stage,
) -> None:
    page_id = await empty.add_valid()
    empty.clock.pass_(60)
    await empty.cycle()
    await empty.moves(page_id, "Assets Generating")
    task_id = await insert(empty)
    empty.sandbox.faults.add(403, method="POST", path="/v1/pages", times=9)
    empty.clock.pass_(60)
    await empty.cycle()
    assert (await empty.shows(page_id))["Status"] == "Assets Generating"
    refused = await creation_of(empty, task_id)
    assert refused is not None
    assert "403" in (refused.last_error or "")
    assert await incidents(empty) == ["card_not_made"]
