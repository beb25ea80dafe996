"""The author of a change is shown by name, with few requests, or by id if Notion gives no name."""

from __future__ import annotations

from kit.stage import PERSON_TOKEN, Stage

from models.tables.notion_users import Names
from tasks.operations.people import names_of


async def people(stage: Stage) -> list[str]:
    """Authors of a card's history, of whom one has a name."""
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    actors = [row.actor for row in await stage.history(page)]
    stage.clock.pass_(60)
    await stage.edit(page, status="Draft")
    await stage.cycle()
    return actors + [row.actor for row in await stage.history(page)]


async def test_an_author_is_shown_by_name_and_requested_once(stage: Stage) -> None:
    actors = await people(stage)
    [person] = {actor for actor in actors if actor.startswith("person:")}
    async with stage.requests() as made:
        assert (await names_of(stage.ctx, actors)).who(person) == "Ada (person)"
        assert (await names_of(stage.ctx, actors)).who(person) == "Ada (person)"
        assert (await names_of(stage.ctx, actors)).who("operator") == "operator"
    assert made() == [f"GET /v1/users/{person.removeprefix('person:')}"]
    assert PERSON_TOKEN not in str(await names_of(stage.ctx, actors))


async def test_a_connection_that_may_not_read_users_is_asked_once_a_day(stage: Stage) -> None:
    actors = [f"person:{n}" for n in range(10)]
    stage.sandbox.faults.add(403, method="GET", path="/v1/users/0", times=100)
    async with stage.requests() as made:
        for _ in range(3):
            assert (await names_of(stage.ctx, actors)).who("person:0") == "person:0"
    assert made() == ["GET /v1/users/0"]
    stage.clock.pass_(25 * 3600)
    async with stage.requests() as made:
        await names_of(stage.ctx, actors)
    assert made() == ["GET /v1/users/0"]


async def test_whom_notion_does_not_find_stays_an_id_and_few_are_asked_for_at_once(
    stage: Stage,
) -> None:
    actors = [f"person:{n:032d}" for n in range(5)]
    async with stage.requests() as made:
        names = await names_of(stage.ctx, actors)
        assert len(made()) == 3
        await names_of(stage.ctx, actors)
        await names_of(stage.ctx, actors)
    assert len(made()) == 5
    assert names.who(actors[0]) == actors[0]


async def test_a_notion_that_does_not_answer_costs_a_reader_nothing_but_the_name(
    stage: Stage,
) -> None:
    stage.sandbox.faults.add(500, method="GET", path="/v1/users/ada", times=100)
    assert (await names_of(stage.ctx, ["person:ada"])).who("person:ada") == "person:ada"
    stage.sandbox.faults.clear()
    assert (await names_of(stage.ctx, ["pipeline"])) == Names(known={})
