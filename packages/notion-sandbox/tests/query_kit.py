"""The board of the tests of queries."""

from typing import Any

from sandbox_harness import Harness, Text

PROPERTIES = {
    "Name": {"title": {}},
    "Topic": {"rich_text": {}},
    "Kind": {"select": {"options": [{"name": "B"}, {"name": "A"}]}},
    "Stage": {"status": {}},
    "Due": {"date": {}},
    "Score": {"number": {}},
    "Done": {"checkbox": {}},
    "Link": {"url": {}},
    "Made": {"created_time": {}},
    "Age": {"formula": {"expression": 'dateBetween(now(), prop("Due"), "minutes")'}},
}


async def filled_board(box: Harness, text: Text) -> Any:
    """Three pages: one (all set), two (some set), three (nothing but its name)."""
    source = await box.board(PROPERTIES)
    await box.page(
        source,
        Name={"title": text("one")},
        Topic={"rich_text": text("Error: API")},
        Kind={"select": {"name": "B"}},
        Stage={"status": {"name": "Done"}},
        Due={"date": {"start": "2026-11-20"}},
        Score={"number": 1},
        Done={"checkbox": True},
        Link={"url": "https://example.org"},
    )
    box.clock.advance(minutes=1)
    await box.page(
        source,
        Name={"title": text("two")},
        Topic={"rich_text": text("fine")},
        Kind={"select": {"name": "A"}},
        Stage={"status": {"name": "In progress"}},
        Due={"date": {"start": "2026-11-23T12:00:00Z"}},
        Score={"number": 0},
    )
    box.clock.advance(minutes=1)
    await box.page(source, Name={"title": text("three")})
    return source


def condition(name: str, kind: str, **operator: Any) -> Any:
    """A condition of a filter on a property."""
    return {"property": name, kind: operator}
