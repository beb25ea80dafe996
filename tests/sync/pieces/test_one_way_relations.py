"""Relations that lead one way: boards that people made, or that were made before."""

from __future__ import annotations

from typing import Any

import pytest
from kit.pieces import PieceStage

from models.sync.pieces.page import RELATED_MAX, with_related


@pytest.fixture
async def one_way(stage: PieceStage) -> PieceStage:
    """The board's Assets leads one way to a database of the editors' own."""
    await stage.ask(
        "PATCH", f"/v1/data_sources/{stage.data_source_id}", {"properties": {"Assets": None}}
    )
    made = await stage.ask(
        "POST",
        "/v1/databases",
        {
            "parent": {"type": "page_id", "page_id": stage.sandbox.root_page_id},
            "title": [{"text": {"content": "Pictures"}}],
            "initial_data_source": {"properties": {"Picture": {"title": {}}}},
        },
    )
    source = made["data_sources"][0]["id"]
    relation = {"data_source_id": source, "type": "single_property", "single_property": {}}
    await stage.ask(
        "PATCH",
        f"/v1/data_sources/{stage.data_source_id}",
        {"properties": {"Assets": {"relation": relation}}},
    )
    await stage.repair()
    await stage.cycle()
    return stage


async def add_picture(stage: PieceStage, title: str) -> str:
    """A page that an editor makes in the database behind Assets."""
    parent = {"type": "data_source_id", "data_source_id": await stage.source_id("Assets")}
    named = {"Picture": {"title": [{"text": {"content": title}}]}}
    made = await stage.ask("POST", "/v1/pages", {"parent": parent, "properties": named})
    return str(made["id"])


async def related(stage: PieceStage) -> list[str]:
    """All ids in the card's Assets."""
    page = await stage.ask("GET", f"/v1/pages/{stage.card_id}")
    prop = page["properties"]["Assets"]["id"]
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = await stage.ask(
            "GET", f"/v1/pages/{stage.card_id}/properties/{prop}?page_size=100{cursor}"
        )
        items += answer["results"]
        if not answer["has_more"]:
            return [item["relation"]["id"] for item in items]
        cursor = f"&start_cursor={answer['next_cursor']}"


async def test_a_database_of_the_editors_own_is_followed_and_not_replaced(
    one_way: PieceStage,
) -> None:
    await one_way.make("image")
    await one_way.shows_pieces()
    (page,) = await one_way.pages("Assets")
    assert page["properties"]["Picture"]["title"][0]["plain_text"] == "Giant squid · image 1"
    assert page["properties"]["Card"]["relation"] == [{"id": one_way.card_id}]
    assert await related(one_way) == [page["id"]]


async def test_more_relations_than_notion_shows_at_once_are_kept(one_way: PieceStage) -> None:
    theirs = [await add_picture(one_way, f"own {number}") for number in range(30)]
    ids = [{"id": page} for page in theirs]
    await one_way.ask(
        "PATCH", f"/v1/pages/{one_way.card_id}", {"properties": {"Assets": {"relation": ids}}}
    )
    for position in (1, 2):
        await one_way.make("image", position)
    await one_way.shows_pieces()
    found = await related(one_way)
    assert found[:30] == theirs
    assert len(found) == 32


async def test_what_people_take_out_of_a_relation_is_not_put_back(one_way: PieceStage) -> None:
    await one_way.make("image")
    await one_way.shows_pieces()
    await one_way.ask(
        "PATCH", f"/v1/pages/{one_way.card_id}", {"properties": {"Assets": {"relation": []}}}
    )
    await one_way.make("image", 2)
    await one_way.shows_pieces()
    assert len(await related(one_way)) == 1


def test_a_relation_takes_a_hundred_pages_peoples_first_then_the_newest() -> None:
    theirs = [f"own {number}" for number in range(98)]
    ids = with_related(theirs, ["newest", "newer", "old"])
    assert ids == [*theirs, "newer", "newest"]
    assert ids is not None
    assert len(ids) == RELATED_MAX
    assert with_related([f"own {number}" for number in range(150)], ["new"]) is None
