"""Where uploads can be attached, and the URLs under which they are read."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from file_kit import PNG, reference, send, uploaded
from sandbox_harness import Harness, Text


@pytest.fixture
async def upload(box: Harness) -> str:
    return await uploaded(box)


async def _reads(box: Harness, shown: Any) -> bytes:
    """The content under the URL of a file in a response."""
    assert shown["type"] == "file"
    assert set(shown["file"]) == {"url", "expiry_time"}
    answer = await box.http.get(shown["file"]["url"])
    assert answer.status_code == 200, answer.text
    return answer.content


async def _attached(box: Harness, upload: str) -> bool:
    return (await box.ok("GET", f"/v1/file_uploads/{upload}"))["expiry_time"] is None


async def test_a_files_property_shows_an_upload_under_its_own_name_or_a_given_one(
    box: Harness, upload: str
) -> None:
    source = await box.board({"Name": {"title": {}}, "Media": {"files": {}}})
    page = await box.page(
        source, Media={"files": [reference(upload), reference(upload, name="Poster")]}
    )
    first, second = page["properties"]["Media"]["files"]
    assert (first["name"], second["name"]) == ("cat.png", "Poster")
    assert await _reads(box, first) == PNG
    assert await _attached(box, upload)


async def test_files_that_were_read_can_be_written_back(box: Harness, upload: str) -> None:
    source = await box.board({"Name": {"title": {}}, "Media": {"files": {}}})
    page = await box.page(source, Media={"files": [reference(upload)]})
    link = {"name": "link", "type": "external", "external": {"url": "https://example.org"}}
    files = [*page["properties"]["Media"]["files"], link]
    written = await box.write(page["id"], Media={"files": files})
    first, second = written["properties"]["Media"]["files"]
    assert await _reads(box, first) == PNG
    assert second == link


async def test_a_file_that_the_sandbox_does_not_hold_is_unsupported(box: Harness) -> None:
    source = await box.board({"Name": {"title": {}}, "Media": {"files": {}}})
    file = {"name": "a", "type": "file", "file": {"url": "https://files.example.org/a.png"}}
    body = {"parent": {"data_source_id": source}, "properties": {"Media": {"files": [file]}}}
    assert (await box.refused("POST", "/v1/pages", body))[:2] == (501, "sandbox_unsupported")


async def test_icons_and_covers_can_be_uploads(box: Harness, upload: str, text: Text) -> None:
    source = await box.board()
    dress = {"icon": reference(upload), "cover": reference(upload)}
    body = {"parent": {"data_source_id": source}, "properties": {}, **dress}
    page = await box.ok("POST", "/v1/pages", body)
    parent = {"page_id": box.sandbox.root_page_id}
    made = {"parent": parent, "title": text("x"), **dress}
    database = await box.ok("POST", "/v1/databases", made)
    path = f"/v1/data_sources/{source}"
    shown = await box.ok("PATCH", path, {"icon": reference(upload)})
    for icon in (page["icon"], page["cover"], database["icon"], database["cover"], shown["icon"]):
        assert await _reads(box, icon) == PNG
    bare = await box.ok("PATCH", f"/v1/pages/{page['id']}", {"icon": None, "cover": None})
    assert (bare["icon"], bare["cover"]) == (None, None)


@pytest.mark.parametrize("kind", ["image", "video", "audio", "pdf", "file"])
async def test_blocks_can_show_uploads(box: Harness, upload: str, text: Text, kind: str) -> None:
    content = {**reference(upload), "caption": text("Our cat")}
    path = f"/v1/blocks/{box.sandbox.root_page_id}/children"
    made = await box.ok("PATCH", path, {"children": [{"type": kind, kind: content}]})
    shown = made["results"][0][kind]
    assert await _reads(box, shown) == PNG
    assert shown["caption"][0]["plain_text"] == "Our cat"
    assert shown.get("name") == ("cat.png" if kind == "file" else None)
    assert await _attached(box, upload)
    link = {"external": {"url": "https://example.org/cat.png"}}
    changed = await box.ok("PATCH", f"/v1/blocks/{made['results'][0]['id']}", {kind: link})
    assert changed[kind]["type"] == "external"
    assert "file" not in changed[kind]


async def test_a_page_can_be_made_with_blocks_that_show_uploads(box: Harness, upload: str) -> None:
    block = {"image": reference(upload)}
    toggle = {"toggle": {"rich_text": [], "children": [block]}}
    body = {"parent": {"page_id": box.sandbox.root_page_id}, "children": [toggle]}
    page = await box.ok("POST", "/v1/pages", body)
    [outer] = (await box.ok("GET", f"/v1/blocks/{page['id']}/children"))["results"]
    [inner] = (await box.ok("GET", f"/v1/blocks/{outer['id']}/children"))["results"]
    assert await _reads(box, inner["image"]) == PNG


async def test_the_icon_of_a_callout_can_be_an_upload(box: Harness, upload: str) -> None:
    callout = {"callout": {"rich_text": [], "icon": reference(upload)}}
    path = f"/v1/blocks/{box.sandbox.root_page_id}/children"
    made = await box.ok("PATCH", path, {"children": [callout]})
    assert await _reads(box, made["results"][0]["callout"]["icon"]) == PNG


async def test_a_request_that_names_one_bad_upload_attaches_none(box: Harness, upload: str) -> None:
    pending = (await box.ok("POST", "/v1/file_uploads", {"filename": "cat.png"}))["id"]
    children = [{"image": reference(upload)}, {"image": reference(pending)}]
    path = f"/v1/blocks/{box.sandbox.root_page_id}/children"
    _, _, message = await box.refused("PATCH", path, {"children": children})
    assert "`pending`, not `uploaded`" in message
    assert not await _attached(box, upload)
    nobody = "00000000-0000-4000-8000-000000000000"
    body = {"children": [{"image": reference(nobody)}]}
    assert (await box.refused("PATCH", path, body))[:2] == (404, "object_not_found")


async def test_what_is_attached_does_not_expire(box: Harness, upload: str) -> None:
    path = f"/v1/pages/{box.sandbox.root_page_id}"
    await box.ok("PATCH", path, {"icon": reference(upload)})
    box.clock.advance(days=30)
    assert (await box.ok("GET", f"/v1/file_uploads/{upload}"))["status"] == "uploaded"
    assert await _reads(box, (await box.ok("GET", path))["icon"]) == PNG


async def test_a_url_is_good_for_an_hour(box: Harness, upload: str) -> None:
    path = f"/v1/pages/{box.sandbox.root_page_id}"
    icon = (await box.ok("PATCH", path, {"icon": reference(upload)}))["icon"]
    assert icon["file"]["expiry_time"] == "2026-11-23T11:05:30.123Z"
    url = icon["file"]["url"]
    box.clock.advance(minutes=59, seconds=59)
    assert (await box.http.get(url)).status_code == 200
    box.clock.advance(seconds=1)
    assert (await box.http.get(url)).status_code == 403
    fresh = (await box.ok("GET", path))["icon"]["file"]["url"]
    assert (await box.http.get(fresh)).status_code == 200


@pytest.mark.parametrize("forgery", ["expires", "signature", "nothing"])
async def test_a_url_that_was_not_signed_gives_nothing(
    box: Harness, upload: str, forgery: str
) -> None:
    path = f"/v1/pages/{box.sandbox.root_page_id}"
    icon = (await box.ok("PATCH", path, {"icon": reference(upload)}))["icon"]
    parts = urlsplit(icon["file"]["url"])
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    query |= {"expires": {"expires": "9999999999"}, "signature": {"signature": "é"}}.get(
        forgery, {}
    )
    given = {} if forgery == "nothing" else query
    answer = await box.http.get(parts.path, params=given)
    assert (answer.status_code, PNG in answer.content) == (403, False)


async def test_a_served_file_cannot_act_as_the_board_page(box: Harness) -> None:
    upload = await uploaded(box, b"<script>alert(1)</script>", "evil.svg")
    path = f"/v1/pages/{box.sandbox.root_page_id}"
    icon = (await box.ok("PATCH", path, {"icon": reference(upload)}))["icon"]
    answer = await box.http.get(icon["file"]["url"])
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["Käse 🐱.png", "a/b.png", 'a"b?c#d%41.png'])
async def test_a_file_may_have_any_name(box: Harness, name: str) -> None:
    made = await box.ok("POST", "/v1/file_uploads", {})
    sent = await send(box, made["id"], PNG, name)
    assert sent.json()["filename"] == name
    path = f"/v1/pages/{box.sandbox.root_page_id}"
    icon = (await box.ok("PATCH", path, {"icon": reference(made["id"])}))["icon"]
    assert await _reads(box, icon) == PNG
