"""People decide by moving cards: over real requests to Notion's API, with comments."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from kit.stage import Stage
from sqlalchemy import text

SERVED = "history_in_ten"
"""A channel that outside workers serve."""
PROGRESS = ("Progress", "Cost", "Preview", "Video")


@pytest.fixture
async def page(stage: Stage) -> str:
    """A card whose film of three scenes waits for its review, as the board shows."""
    made = await stage.add(title="Giant squid", channel=SERVED, topic="Eyes", status="Queued")
    await stage.cycle()
    task = (await rows(stage, "SELECT task_id FROM showrunner.claim_task('ada')"))[0]["task_id"]
    for position in (1, 2, 3):
        await rows(
            stage,
            "SELECT showrunner.attach(:task, 'ada', 'clip', :position, 'x', path => 'x', "
            "cost_usd => 0.5)",
            task=task,
            position=position,
        )
    for column in ("Assembling Video", "Ready for Review"):
        await rows(stage, "SELECT showrunner.report(:task, 'ada', :c)", task=task, c=column)
    stage.clock.pass_(60)
    await stage.cycle()
    stage.clock.pass_(120)
    return made


async def rows(stage: Stage, query: str, **values: Any) -> list[Any]:
    async with stage.sessions.begin() as session:
        found = await session.execute(
            text("SELECT set_config('showrunner.now', :now, true)"),
            {"now": stage.clock.now.isoformat()},
        )
        found = await session.execute(text(query), values)
        return list(found.mappings())


async def comment(stage: Stage, page: str, said: str) -> None:
    body = {"parent": {"page_id": page}, "rich_text": [{"text": {"content": said}}]}
    await stage.ask("POST", "/v1/comments", body)


async def drag(stage: Stage, page: str, column: str) -> None:
    await stage.edit(page, status=column)
    await stage.webhook(page)
    await stage.ingest()


async def test_a_card_at_a_gate_shows_what_to_decide_what_it_cost_and_how_far_it_is(
    stage: Stage, page: str
) -> None:
    card = await stage.shows(page)
    assert card["Status"] == "Ready for Review"
    assert card["Attention"].startswith("Watch the film, then move the card: “Review Approved” ")
    assert (card["Progress"], card["Cost"]) == (1, 1.5)


async def test_a_comment_names_the_scenes_of_a_rejection(stage: Stage, page: str) -> None:
    await comment(stage, page, "1, 3: hands")
    stage.clock.pass_(5)
    await drag(stage, page, "Review Rejected")
    [review] = await rows(stage, "SELECT * FROM reviews")
    assert (review["decision"], review["gate"], review["through"]) == (
        "reject",
        "assembly",
        "board",
    )
    assert (review["pieces"], review["note"]) == ([1, 3], "hands")
    assert review["actor"].startswith("person:")


async def test_an_approval_reads_no_comments(stage: Stage, page: str) -> None:
    asked = watch_comments(stage, status=200)
    await drag(stage, page, "Review Approved")
    [review] = await rows(stage, "SELECT decision FROM reviews")
    assert review["decision"] == "approve"
    assert asked == []


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_comment_that_cannot_be_read_never_blocks_the_rejection(
    stage: Stage, page: str, status: int
) -> None:
    await comment(stage, page, "1: hands")
    asked = watch_comments(stage, status=status)
    await drag(stage, page, "Review Rejected")
    [review] = await rows(stage, "SELECT decision, pieces FROM reviews")
    assert (review["decision"], review["pieces"]) == ("reject", [])
    assert asked


async def test_a_board_without_the_properties_of_production_syncs_as_before(
    stage: Stage, page: str
) -> None:
    source = await stage.ask("GET", f"/v1/data_sources/{stage.data_source_id}")
    removed = {source["properties"][name]["id"]: None for name in PROGRESS}
    await stage.ask("PATCH", f"/v1/data_sources/{stage.data_source_id}", {"properties": removed})
    await drag(stage, page, "Review Approved")
    await stage.moves(page, "Uploading")
    stage.clock.pass_(60)
    await stage.cycle()
    assert (await stage.shows(page))["Status"] == "Uploading"


def watch_comments(stage: Stage, *, status: int) -> list[str]:
    """Requests for comments, which are answered with that status from here on."""
    asked: list[str] = []

    def alter(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.url.path != "/v1/comments" or request.method != "GET":
            return response
        asked.append(str(request.url))
        if status == 200:
            return response
        error = {"object": "error", "status": status, "code": "broken", "message": "broken"}
        return httpx.Response(status, json=error)

    assert stage.between is not None
    stage.between.alter = alter
    return asked
