"""Queries with a fault that makes them read an earlier state."""

from typing import Any

from sandbox_harness import PERSON, Harness, Text


async def _set(box: Harness, **fault: Any) -> None:
    assert (await box.http.post("/sandbox/faults", json=fault)).status_code == 200


async def _card(box: Harness, text: Text) -> tuple[str, str]:
    source = await box.board()
    return source, (await box.page(source, Name={"title": text("before")}))["id"]


async def test_a_stale_query_answers_from_the_past_and_a_read_by_id_does_not(
    box: Harness, text: Text
) -> None:
    source, page = await _card(box, text)
    gone = (await box.page(source, Name={"title": text("gone")}))["id"]
    box.clock.advance(seconds=60)
    await box.write(page, Name={"title": text("after")})
    await box.ok("PATCH", f"/v1/pages/{gone}", {"in_trash": True})
    await box.page(source, Name={"title": text("new")})
    box.clock.advance(seconds=10)
    assert await box.titles(source) == ["new", "after"]
    await _set(box, stale_seconds=30)
    assert await box.titles(source) == ["gone", "before"]
    found = await box.query(source, filter={"property": "Name", "title": {"equals": "before"}})
    assert [row["id"] for row in found["results"]] == [page]
    read = await box.ok("GET", f"/v1/pages/{page}")
    assert read["properties"]["Name"]["title"][0]["plain_text"] == "after"
    box.clock.advance(seconds=21)
    assert await box.titles(source) == ["new", "after"]


async def test_a_stale_query_by_edit_time_sees_the_edit_times_of_then(
    box: Harness, text: Text
) -> None:
    source, page = await _card(box, text)
    since = box.clock.advance(minutes=2).replace(second=0, microsecond=0).isoformat()
    await box.write(page, Name={"title": text("after")})
    wanted = {"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": since}}
    assert await box.titles(source, filter=wanted) == ["after"]
    await _set(box, stale_seconds=30)
    assert await box.titles(source, filter=wanted) == []
    await box.http.delete("/sandbox/faults")
    assert await box.titles(source, filter=wanted) == ["after"]


async def test_stale_queries_and_another_fault_go_together(box: Harness, text: Text) -> None:
    source, page = await _card(box, text)
    box.clock.advance(seconds=20)
    await box.write(page, Name={"title": text("after")})
    await _set(box, stale_seconds=10, times=1)
    await _set(box, status=429)
    path = f"/v1/data_sources/{source}/query"
    assert (await box.raw("POST", path, {})).status_code == 429
    assert await box.titles(source) == ["before"]
    assert await box.titles(source) == ["after"]


async def test_people_see_the_present_while_queries_are_stale(box: Harness, text: Text) -> None:
    source, page = await _card(box, text)
    box.clock.advance(seconds=20)
    await box.write(page, Name={"title": text("after")})
    await _set(box, stale_seconds=10)
    seen = await box.ok("POST", f"/v1/data_sources/{source}/query", {}, token=PERSON)
    assert seen["results"][0]["properties"]["Name"]["title"][0]["plain_text"] == "after"
