"""Properties that get another type, and the conversion of their values."""

from pathlib import Path
from typing import Any

import pytest
from sandbox_harness import Harness, Json, MakeHarness, Text


def shown(value: Json) -> Any:
    """A value without the ids and colours of its options."""
    bare = value[value["type"]]
    if value["type"] in ("select", "status"):
        return bare and bare["name"]
    if value["type"] == "multi_select":
        return [option["name"] for option in bare]
    if value["type"] == "rich_text":
        return "".join(part["plain_text"] for part in bare)
    return bare["start"] if value["type"] == "date" and bare else bare


TEXT = [{"text": {"content": "7"}}]


@pytest.mark.parametrize(
    ("before", "value", "after", "expected"),
    [
        ("number", 7, "rich_text", "7"),
        ("number", 1.5, "select", "1.5"),
        ("rich_text", TEXT, "number", 7),
        ("rich_text", [{"text": {"content": "seven"}}], "number", None),
        ("rich_text", [{"text": {"content": "inf"}}], "number", None),
        ("rich_text", [{"text": {"content": "sea, sky,sea"}}], "multi_select", ["sea", "sky"]),
        ("rich_text", [{"text": {"content": "2026-11-23"}}], "date", "2026-11-23"),
        ("rich_text", [{"text": {"content": "tomorrow"}}], "date", None),
        ("rich_text", [{"text": {"content": "Yes"}}], "checkbox", True),
        ("select", {"name": "Draft"}, "multi_select", ["Draft"]),
        ("select", {"name": "Draft"}, "status", "Draft"),
        ("multi_select", [{"name": "sea"}, {"name": "sky"}], "rich_text", "sea, sky"),
        ("multi_select", [{"name": "sea"}, {"name": "sky"}], "select", "sea  sky"),
        ("checkbox", True, "rich_text", "Yes"),
        ("date", {"start": "2026-11-23"}, "rich_text", "2026-11-23"),
        ("url", "https://example.org", "rich_text", "https://example.org"),
        ("email", "a@b.c", "phone_number", "a@b.c"),
    ],
)
async def test_a_value_becomes_what_the_new_type_can_hold(
    make: MakeHarness, tmp_path: Path, before: str, value: Any, after: str, expected: Any
) -> None:
    box = make(state_dir=tmp_path)
    source = await box.board({"Name": {"title": {}}, "P": {before: {}}})
    page = await box.page(source, P={before: value})
    await box.schema(source, {"P": {after: {}}})
    changed = await box.ok("GET", f"/v1/pages/{page['id']}")
    assert shown(changed["properties"]["P"]) == expected
    assert changed["last_edited_time"] == page["last_edited_time"]
    await box.close()
    again = await make(state_dir=tmp_path).ok("GET", f"/v1/pages/{page['id']}")
    assert shown(again["properties"]["P"]) == expected


async def test_a_page_in_the_trash_is_converted_too(box: Harness, text: Text) -> None:
    source = await box.board({"Name": {"title": {}}, "P": {"rich_text": {}}})
    page = await box.page(source, P={"rich_text": text("7")})
    await box.ok("PATCH", f"/v1/pages/{page['id']}", {"in_trash": True})
    await box.schema(source, {"P": {"number": {}}})
    assert (await box.ok("GET", f"/v1/pages/{page['id']}"))["properties"]["P"]["number"] == 7


async def test_options_that_are_listed_with_the_new_type_are_all_there_are(
    box: Harness, text: Text
) -> None:
    source = await box.board({"Name": {"title": {}}, "P": {"rich_text": {}}})
    for content in ("known", "new"):
        await box.page(source, P={"rich_text": text(content)})
    after = await box.schema(source, {"P": {"select": {"options": [{"name": "Known"}]}}})
    assert [option["name"] for option in after["P"]["select"]["options"]] == ["Known", "new"]


async def test_the_property_keeps_its_id_and_name(box: Harness) -> None:
    source = await box.board({"Name": {"title": {}}, "P": {"number": {}}})
    before = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]["P"]["id"]
    after = await box.schema(source, {"P": {"url": {}, "name": "Q"}})
    assert (after["Q"]["id"], after["Q"]["type"]) == (before, "url")


@pytest.mark.parametrize(
    ("kind", "code"), [("people", "sandbox_unsupported"), ("title", "validation_error")]
)
async def test_a_type_that_cannot_follow_is_refused(box: Harness, kind: str, code: str) -> None:
    source = await box.board({"Name": {"title": {}}, "P": {"number": {}}})
    body = {"properties": {"P": {kind: {}}}}
    assert (await box.refused("PATCH", f"/v1/data_sources/{source}", body))[1] == code
