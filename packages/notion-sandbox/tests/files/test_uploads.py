"""File uploads: created, sent in one part or many, completed, listed, expired."""

from typing import Any

import pytest
from file_kit import MEBIBYTE, PNG, reference, send, uploaded
from sandbox_harness import PERSON, Harness, MakeHarness


async def test_an_upload_is_announced_sent_and_read(box: Harness) -> None:
    made = await box.ok("POST", "/v1/file_uploads", {"filename": "cat.png"})
    me = await box.ok("GET", "/v1/users/me")
    assert list(made) == [
        *("object", "id", "created_time", "created_by", "last_edited_time", "expiry_time"),
        *("upload_url", "in_trash", "status", "filename", "content_type", "content_length"),
        "request_id",
    ]
    assert made["created_by"] == {"id": me["id"], "type": "bot"}
    assert (made["status"], made["content_type"], made["content_length"]) == (
        *("pending", "image/png", None),
    )
    assert made["upload_url"] == f"http://sandbox/v1/file_uploads/{made['id']}/send"
    assert made["created_time"] == "2026-11-23T10:05:00.000Z"
    assert made["expiry_time"] == "2026-11-23T11:05:00.000Z"
    sent = (await send(box, made["id"], PNG)).json()
    assert (sent["status"], sent["content_length"]) == ("uploaded", len(PNG))
    assert "upload_url" not in sent
    read = await box.ok("GET", f"/v1/file_uploads/{made['id']}")
    assert {**read, "request_id": ""} == {**sent, "request_id": ""}


async def test_a_name_comes_from_the_form_where_none_was_announced(box: Harness) -> None:
    made = await box.ok("POST", "/v1/file_uploads", {})
    assert (made["filename"], made["content_type"]) == (None, None)
    sent = (await send(box, made["id"], b"x", "notes.txt")).json()
    assert (sent["filename"], sent["content_type"]) == ("notes.txt", "text/plain")


async def test_a_name_without_an_extension_gets_that_of_the_type(box: Harness) -> None:
    body = {"filename": "report", "content_type": "application/pdf"}
    assert (await box.ok("POST", "/v1/file_uploads", body))["filename"] == "report.pdf"


async def test_the_older_version_has_archived_too(box: Harness) -> None:
    body = b'{"filename": "cat.png"}'
    version = {"Notion-Version": "2025-09-03"}
    answer = (await box.raw("POST", "/v1/file_uploads", body, **version)).json()
    assert (answer["archived"], answer["in_trash"]) == (False, False)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"mode": "magic"}, "body.mode should be one of"),
        ({"filename": "virus.exe"}, "body.filename should be a name with an extension"),
        ({"filename": "no extension"}, "body.filename should be a name with an extension"),
        ({"filename": "a" * 897 + ".png"}, "at most `900` bytes"),
        ({"content_type": "application/x-msdownload"}, "body.content_type should be"),
        ({"number_of_parts": 2}, "body.number_of_parts should be not present"),
        ({"mode": "multi_part", "filename": "a.mp4"}, "body.number_of_parts should be defined"),
        ({"mode": "multi_part", "number_of_parts": 2}, "body.filename should be defined"),
        ({"mode": "multi_part", "filename": "a.mp4", "number_of_parts": 10_001}, "from 1 to 10000"),
        ({"mode": "external_url", "filename": "a.png"}, "body.external_url should be defined"),
        (
            {"mode": "external_url", "filename": "a.png", "external_url": "http://example.org/a"},
            "body.external_url should be an HTTPS URL",
        ),
        ({"external_url": "https://example.org/a.png"}, "body.external_url should be not present"),
        ({"nonsense": 1}, "body.nonsense should be not present"),
    ],
)
async def test_what_cannot_be_uploaded_is_refused(
    box: Harness, body: dict[str, Any], problem: str
) -> None:
    status, code, message = await box.refused("POST", "/v1/file_uploads", body)
    assert (status, code) == (400, "validation_error")
    assert problem in message


async def test_a_file_larger_than_the_workspace_takes_is_refused(make: MakeHarness) -> None:
    box = make(max_file_bytes=5 * MEBIBYTE)
    made = await box.ok("POST", "/v1/file_uploads", {"filename": "cat.png"})
    answer = await send(box, made["id"], bytes(5 * MEBIBYTE + 1))
    assert answer.status_code == 400
    assert "not within the allowed limit of 5 MiB" in answer.json()["message"]
    assert (await box.ok("GET", f"/v1/file_uploads/{made['id']}"))["status"] == "pending"
    limits = (await box.ok("GET", "/v1/users/me"))["bot"]["workspace_limits"]
    assert limits == {"max_file_upload_size_in_bytes": 5 * MEBIBYTE}


async def test_a_single_part_has_at_most_20_mib(make: MakeHarness) -> None:
    box = make(max_file_bytes=100 * MEBIBYTE)
    for size, status in ((20 * MEBIBYTE, 200), (20 * MEBIBYTE + 1, 400), (21 * MEBIBYTE, 400)):
        made = await box.ok("POST", "/v1/file_uploads", {"filename": "film.mp4"})
        assert (await send(box, made["id"], bytes(size), "film.mp4")).status_code == status


async def test_parts_may_come_in_any_order_and_are_joined(make: MakeHarness) -> None:
    box = make(max_file_bytes=100 * MEBIBYTE)
    body = {"mode": "multi_part", "filename": "film.mp4", "number_of_parts": 2}
    made = await box.ok("POST", "/v1/file_uploads", body)
    assert made["number_of_parts"] == {"total": 2, "sent": 0}
    path = f"/v1/file_uploads/{made['id']}"
    assert (await send(box, made["id"], b"end", "film.mp4", part_number="2")).status_code == 200
    _, _, message = await box.refused("POST", f"{path}/complete")
    assert "1 of the 2 parts" in message
    first = b"a" * 5 * MEBIBYTE
    sent = (await send(box, made["id"], first, "film.mp4", part_number="1")).json()
    assert (sent["status"], sent["number_of_parts"]) == ("pending", {"total": 2, "sent": 2})
    assert sent["complete_url"] == f"http://sandbox{path}/complete"
    done = await box.ok("POST", f"{path}/complete")
    assert (done["status"], done["content_length"]) == ("uploaded", 5 * MEBIBYTE + 3)
    page = await _page_with(box, made["id"])
    [file] = page["properties"]["Media"]["files"]
    assert (await box.http.get(file["file"]["url"])).content == first + b"end"


@pytest.mark.parametrize(
    ("size", "number", "problem"),
    [
        (5 * MEBIBYTE - 1, "1", "at least 5 MiB"),
        (20 * MEBIBYTE + 1, "1", "at most 20 MiB"),
        (5 * MEBIBYTE, "3", "body.part_number should be from 1 to 2"),
        (5 * MEBIBYTE, "0", "body.part_number should be from 1 to 2"),
        (5 * MEBIBYTE, "one", "body.part_number should be from 1 to 2"),
        (5 * MEBIBYTE, "", "body.part_number should be"),
    ],
)
async def test_a_part_that_cannot_be_is_refused(
    make: MakeHarness, size: int, number: str, problem: str
) -> None:
    box = make(max_file_bytes=100 * MEBIBYTE)
    body = {"mode": "multi_part", "filename": "film.mp4", "number_of_parts": 2}
    made = await box.ok("POST", "/v1/file_uploads", body)
    fields = {"part_number": number} if number else {}
    answer = await send(box, made["id"], bytes(size), "film.mp4", **fields)
    assert (answer.status_code, problem in answer.json()["message"]) == (400, True)


async def test_a_file_is_sent_once_and_only_parts_are_completed(box: Harness) -> None:
    upload = await uploaded(box)
    again = await send(box, upload, PNG)
    assert "has the status `uploaded`, not `pending`" in again.json()["message"]
    made = await box.ok("POST", "/v1/file_uploads", {"filename": "cat.png"})
    _, _, message = await box.refused("POST", f"/v1/file_uploads/{made['id']}/complete")
    assert "`multi_part`" in message


async def test_a_body_that_is_no_form_is_refused(box: Harness) -> None:
    made = await box.ok("POST", "/v1/file_uploads", {"filename": "cat.png"})
    path = f"/v1/file_uploads/{made['id']}/send"
    assert (await box.refused("POST", path, {"file": "x"}))[:2] == (400, "invalid_request")
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await box.raw("POST", path, b"--x\r\nContent-Disposition: form-data", **form)
    assert answer.json()["message"] == "The form is not complete."
    empty = await box.raw("POST", path, b"--x--\r\n", **form)
    assert "body.file should be defined" in empty.json()["message"]


async def test_another_type_than_the_announced_one_is_refused(box: Harness) -> None:
    body = {"filename": "cat.png", "content_type": "image/png"}
    made = await box.ok("POST", "/v1/file_uploads", body)
    answer = await send(box, made["id"], b"x", "cat.txt")
    assert "is `text/plain`, not `image/png`" in answer.json()["message"]


async def test_uploads_are_listed_newest_first_by_status_and_by_who_made_them(
    box: Harness,
) -> None:
    first = await uploaded(box)
    box.clock.advance(minutes=1)
    second = (await box.ok("POST", "/v1/file_uploads", {"filename": "b.png"}))["id"]
    await box.ok("POST", "/v1/file_uploads", {"filename": "c.png"}, token=PERSON)
    everything = await box.ok("GET", "/v1/file_uploads")
    assert (everything["type"], everything["file_upload"]) == ("file_upload", {})
    assert [item["id"] for item in everything["results"]] == [second, first]
    sent = await box.ok("GET", "/v1/file_uploads?status=uploaded")
    assert [item["id"] for item in sent["results"]] == [first]
    piece = await box.ok("GET", "/v1/file_uploads?page_size=1")
    rest = await box.ok("GET", f"/v1/file_uploads?start_cursor={piece['next_cursor']}")
    assert [item["id"] for item in rest["results"]] == [first]
    assert (await box.refused("GET", "/v1/file_uploads?status=new"))[0] == 400


async def test_an_upload_that_is_not_attached_within_an_hour_expires(box: Harness) -> None:
    upload = await uploaded(box)
    box.clock.advance(minutes=59)
    assert (await box.ok("GET", f"/v1/file_uploads/{upload}"))["status"] == "uploaded"
    box.clock.advance(minutes=1)
    assert (await box.ok("GET", f"/v1/file_uploads/{upload}"))["status"] == "expired"
    source = await box.board({"Name": {"title": {}}, "Media": {"files": {}}})
    body = {
        "parent": {"data_source_id": source},
        "properties": {"Media": {"files": [reference(upload)]}},
    }
    status, code, message = await box.refused("POST", "/v1/pages", body)
    assert (status, code) == (400, "validation_error")
    assert "`expired`, not `uploaded`" in message


async def test_uploads_outlive_the_process(make: MakeHarness, tmp_path: Any) -> None:
    box = make(state_dir=tmp_path)
    page = await _page_with(box, await uploaded(box))
    pending = (await box.ok("POST", "/v1/file_uploads", {"filename": "cat.png"}))["id"]
    await box.close()
    again = make(state_dir=tmp_path)
    read = await again.ok("GET", f"/v1/pages/{page['id']}")
    [file] = read["properties"]["Media"]["files"]
    assert (await again.http.get(file["file"]["url"])).content == PNG
    assert (await send(again, pending, PNG)).status_code == 200


async def _page_with(box: Harness, upload: str) -> Any:
    source = await box.board({"Name": {"title": {}}, "Media": {"files": {}}})
    return await box.page(source, Media={"files": [reference(upload)]})
