"""Webhook events: which change gives which event."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import unquote

import pytest
from sandbox_harness import Harness, Json
from webhook_kit import delivered_page, subscribed_board

from notion_sandbox.webhooks.delivery import sign


@pytest.fixture
async def source(box: Harness) -> Any:
    return await subscribed_board(box)


@pytest.fixture
async def page(box: Harness, source: str) -> Any:
    return await delivered_page(box, source)


def test_the_signature_is_that_of_the_documentation() -> None:
    token = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
    body = json.dumps({"verification_token": token}, separators=(",", ":")).encode()
    assert (
        sign(token, body)
        == "sha256=461e8cbcba8a75c3edd866f0e71280f5a85cbf21eff040ebd10fe266df38a735"
    )


async def test_an_event_has_the_envelope_of_a_real_one(box: Harness, source: str) -> None:
    page = await box.page(source, A={"number": 1})
    made_at = box.clock.now
    (event,) = await box.deliver()
    assert set(event) == {
        *(
            "id",
            "timestamp",
            "workspace_id",
            "workspace_name",
            "subscription_id",
            "integration_id",
            "authors",
        ),
        *("attempt_number", "api_version", "type", "entity", "data"),
    }
    me = await box.ok("GET", "/v1/users/me")
    parent = {"id": page["parent"]["database_id"], "type": "database", "data_source_id": source}
    assert (event["type"], event["data"]) == ("page.created", {"parent": parent})
    assert event["entity"] == {"id": page["id"], "type": "page"}
    assert event["authors"] == [{"id": me["id"], "type": "bot"}]
    assert event["timestamp"] == made_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert (event["attempt_number"], event["api_version"]) == (1, "2026-03-11")


async def test_an_event_is_signed_over_its_raw_body(box: Harness, page: Json) -> None:
    await box.write(page["id"], A={"number": 1})
    await box.deliver()
    request = box.receiver.requests[-1]
    expected = hmac.new(b"secret_x", request.content, hashlib.sha256).hexdigest()
    assert request.headers["x-notion-signature"] == f"sha256={expected}"
    assert (request.method, str(request.url)) == ("POST", "http://receiver/webhook")


async def test_the_event_of_an_edit_has_the_ids_of_properties_and_no_values(
    box: Harness, page: Json
) -> None:
    await box.write(page["id"], A={"number": 77_777}, B={"number": None})
    (event,) = await box.deliver()
    assert event["type"] == "page.properties_updated"
    assert event["data"]["updated_properties"] == [page["properties"]["A"]["id"]]
    assert b"77777" not in box.receiver.requests[-1].content


async def test_property_ids_in_events_are_url_encoded(box: Harness, source: str) -> None:
    schema = await box.schema(source, {f"P{i}": {"number": {}} for i in range(12)})
    page = await box.page(source)
    await box.deliver()
    await box.write(page["id"], **{f"P{i}": {"number": 1} for i in range(12)})
    updated = (await box.deliver())[0]["data"]["updated_properties"]
    assert updated == [schema[f"P{i}"]["id"] for i in range(12)]
    assert any(unquote(encoded) != encoded for encoded in updated)


async def test_a_value_written_again_is_no_change(box: Harness, page: Json) -> None:
    await box.write(page["id"], A={"number": 1})
    await box.deliver()
    await box.write(page["id"], A={"number": 1})
    assert await box.deliver() == []


async def test_changes_in_one_window_become_one_event_with_all_authors(
    box: Harness, page: Json
) -> None:
    await box.write(page["id"], A={"number": 1})
    box.clock.advance(seconds=0.5)
    await box.write(page["id"], token="person_editor", B={"number": 1})
    assert await box.deliver(seconds=0.4) == []
    (event,) = await box.deliver(seconds=0.1)
    assert {author["type"] for author in event["authors"]} == {"bot", "person"}
    assert event["data"]["updated_properties"] == [page["properties"][name]["id"] for name in "AB"]


async def test_a_change_after_a_window_is_an_event_of_its_own_however_late_the_delivery(
    box: Harness, page: Json
) -> None:
    await box.write(page["id"], A={"number": 1})
    box.clock.advance(hours=1)
    await box.write(page["id"], token="person_editor", B={"number": 1})
    first, second = await box.deliver()
    assert [author["type"] for author in first["authors"]] == ["bot"]
    assert [author["type"] for author in second["authors"]] == ["person"]
    assert second["data"]["updated_properties"] == [page["properties"]["B"]["id"]]


async def test_changes_of_different_pages_are_different_events(box: Harness, source: str) -> None:
    made = {(await box.page(source))["id"] for _ in range(3)}
    events = await box.deliver()
    assert {event["entity"]["id"] for event in events} == made
    assert len({event["id"] for event in events}) == 3


async def test_a_page_made_and_edited_is_made(box: Harness, source: str) -> None:
    page = await box.page(source)
    await box.write(page["id"], A={"number": 1})
    assert [event["type"] for event in await box.deliver()] == ["page.created"]


async def test_a_page_made_and_trashed_is_nothing(box: Harness, source: str) -> None:
    page = await box.page(source)
    await box.ok("PATCH", f"/v1/pages/{page['id']}", {"in_trash": True})
    assert await box.deliver() == []


async def test_trashing_and_restoring_give_events(box: Harness, page: Json) -> None:
    path = f"/v1/pages/{page['id']}"
    await box.ok("PATCH", path, {"in_trash": True})
    assert [event["type"] for event in await box.deliver()] == ["page.deleted"]
    await box.ok("PATCH", path, {"in_trash": False})
    assert [event["type"] for event in await box.deliver()] == ["page.undeleted"]
    await box.ok("PATCH", path, {"in_trash": True})
    await box.ok("PATCH", path, {"in_trash": False})
    assert await box.deliver() == []


async def test_an_edit_before_the_trash_is_only_the_trash(box: Harness, page: Json) -> None:
    await box.write(page["id"], A={"number": 1})
    await box.ok("PATCH", f"/v1/pages/{page['id']}", {"in_trash": True})
    assert [event["type"] for event in await box.deliver()] == ["page.deleted"]


async def test_a_schema_change_gives_an_event_with_names_and_actions(
    box: Harness, source: str
) -> None:
    before = (await box.ok("GET", f"/v1/data_sources/{source}"))["properties"]
    after = await box.schema(source, {"New": {"url": {}}, "A": {"name": "Z"}, "B": None})
    (event,) = await box.deliver()
    assert (event["type"], event["entity"]) == (
        "data_source.schema_updated",
        {"id": source, "type": "data_source"},
    )
    updated = {
        item["id"]: (item["name"], item["action"]) for item in event["data"]["updated_properties"]
    }
    assert updated == {
        after["New"]["id"]: ("New", "created"),
        before["A"]["id"]: ("Z", "updated"),
        before["B"]["id"]: ("B", "deleted"),
    }


async def test_an_option_made_by_a_value_is_a_schema_change_too(box: Harness, page: Json) -> None:
    await box.write(page["id"], S={"select": {"name": "New"}})
    assert {event["type"] for event in await box.deliver()} == {
        "page.properties_updated",
        "data_source.schema_updated",
    }


async def test_a_refused_request_gives_no_event(box: Harness, page: Json) -> None:
    await box.refused(
        "PATCH", f"/v1/pages/{page['id']}", {"properties": {"A": {"number": 1}, "X": {"number": 1}}}
    )
    assert await box.deliver() == []
