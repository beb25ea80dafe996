"""Faults on demand: which requests a fault strikes.

What they get, and what was saved all the same.
"""

import asyncio
from typing import Any

import httpx
import pytest
from sandbox_harness import PERSON, Harness, Json, MakeHarness, Serving, Text

ME = "/v1/users/me"


async def _set(box: Harness, **fault: Any) -> Json:
    response = await box.http.post("/sandbox/faults", json=fault)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def _statuses(box: Harness, count: int, method: str = "GET", path: str = ME) -> list[int]:
    return [(await box.raw(method, path)).status_code for _ in range(count)]


async def _card(box: Harness, text: Text) -> tuple[str, str]:
    source = await box.board()
    return source, (await box.page(source, Name={"title": text("before")}))["id"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "validation_error"),
        (403, "restricted_resource"),
        (409, "conflict_error"),
        (429, "rate_limited"),
        (500, "internal_server_error"),
        (502, "bad_gateway"),
        (503, "service_unavailable"),
        (504, "gateway_timeout"),
        (529, "service_overload"),
    ],
)
async def test_a_fault_answers_with_notions_code_and_is_over(
    box: Harness, status: int, code: str
) -> None:
    await _set(box, status=status, times=2)
    for _ in range(2):
        assert (await box.refused("GET", ME))[:2] == (status, code)
    assert await _statuses(box, 2) == [200, 200]


@pytest.mark.parametrize(("retry_after", "header"), [(7, "7"), (0, "0"), (None, None)])
async def test_a_429_has_retry_after_only_when_the_fault_sets_it(
    box: Harness, retry_after: int | None, header: str | None
) -> None:
    await _set(box, status=429, retry_after=retry_after)
    refused = await box.raw("GET", ME)
    assert (
        refused.headers.get("Retry-After"),
        refused.json()["additional_data"].get("retry_after"),
    ) == (
        header,
        header,
    )


@pytest.mark.parametrize(("status", "code"), [(401, "unauthorized"), (404, "object_not_found")])
async def test_a_revoked_token_and_lost_access_last_until_they_are_cleared(
    box: Harness, status: int, code: str
) -> None:
    await _set(box, status=status)
    for _ in range(3):
        assert (await box.refused("GET", ME))[:2] == (status, code)
    assert (await box.http.delete("/sandbox/faults")).json() == {"cleared": 1}
    assert await _statuses(box, 1) == [200]


async def test_an_html_answer_is_html(box: Harness) -> None:
    await _set(box, status=502, html=True)
    refused = await box.raw("GET", ME)
    assert (refused.status_code, refused.headers["content-type"]) == (
        502,
        "text/html; charset=utf-8",
    )
    assert refused.text.startswith("<html>")
    assert "502 Bad Gateway" in refused.text


@pytest.mark.parametrize("status", [409, 429, 500, 502, 503, 529])
async def test_a_write_that_is_refused_is_not_saved(box: Harness, text: Text, status: int) -> None:
    _, page = await _card(box, text)
    await _set(box, status=status)
    error = (await box.raw("PATCH", f"/v1/pages/{page}", {"in_trash": True})).json()
    assert "committed_resource_id" not in error.get("additional_data", {})
    assert (await box.ok("GET", f"/v1/pages/{page}"))["in_trash"] is False


async def test_a_503_can_be_saved_and_the_answer_has_the_saved_id(box: Harness, text: Text) -> None:
    await box.listen()
    source, page = await _card(box, text)
    await box.deliver()
    await _set(box, status=503, saved=True, times=2)
    error = (
        await box.raw(
            "PATCH", f"/v1/pages/{page}", {"properties": {"Name": {"title": text("after")}}}
        )
    ).json()
    assert (error["status"], error["additional_data"]["committed_resource_id"]) == (503, page)
    assert error["additional_data"]["retry_guidance"].startswith("Do not repeat the write")
    made = (
        await box.raw("POST", "/v1/pages", {"parent": {"data_source_id": source}, "properties": {}})
    ).json()
    assert await box.titles(source) == ["", "after"]
    assert (await box.query(source))["results"][0]["id"] == made["additional_data"][
        "committed_resource_id"
    ]
    assert {event["type"] for event in await box.deliver()} == {
        "page.properties_updated",
        "page.created",
    }


async def test_a_wrong_write_is_refused_for_its_own_sake_though_it_would_be_saved(
    box: Harness, text: Text
) -> None:
    _, page = await _card(box, text)
    await _set(box, status=503, saved=True)
    assert (await box.refused("PATCH", f"/v1/pages/{page}", {"in_trash": 1}))[:2] == (
        400,
        "validation_error",
    )


@pytest.mark.parametrize(("drop", "title"), [("before", "before"), ("after", "after")])
async def test_a_connection_is_cut_before_or_after_the_write(
    box: Harness, text: Text, serving: Serving, drop: str, title: str
) -> None:
    source, page = await _card(box, text)
    await _set(box, drop=drop, method="PATCH")
    body = {"properties": {"Name": {"title": text("after")}}}
    headers = {"Authorization": "Bearer ntn_bot", "Notion-Version": "2026-03-11"}
    async with (
        serving(box.app) as url,
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client,
    ):
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.patch(f"/v1/pages/{page}", json=body)
        assert (await client.get(ME)).status_code == 200
        assert await box.titles(source) == [title]
    assert box.sandbox.api.log.by_status[0] == 1


@pytest.mark.parametrize("drop", ["before", "after"])
async def test_a_cut_is_httpx_own_error_in_process_too(box: Harness, drop: str) -> None:
    box.sandbox.faults.add(drop=drop)
    with pytest.raises(httpx.RemoteProtocolError):
        await box.raw("GET", ME)
    assert await _statuses(box, 1) == [200]


@pytest.mark.parametrize(("saved", "title"), [(False, "before"), (True, "after")])
async def test_who_does_not_wait_finds_the_write_undone_or_done(
    box: Harness, text: Text, serving: Serving, *, saved: bool, title: str
) -> None:
    source, page = await _card(box, text)
    await _set(box, delay_ms=5000, saved=saved, method="PATCH")
    gate, answered = asyncio.Event(), asyncio.Event()
    box.sandbox.api.sleep = lambda _seconds: gate.wait()
    headers = {"Authorization": "Bearer ntn_bot", "Notion-Version": "2026-03-11"}
    async with (
        serving(box.app) as url,
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client,
    ):
        with pytest.raises(httpx.ReadTimeout):
            await client.patch(
                f"/v1/pages/{page}",
                json={"properties": {"Name": {"title": text("after")}}},
                timeout=httpx.Timeout(5, read=0.02),
            )
        # By the time another connection has its answer, the server has seen that the first one
        # is closed.
        assert (await client.get(ME)).status_code == 200
        box.sandbox.api.log.watch = lambda _entry: answered.set()
        gate.set()
        await answered.wait()
        assert await box.titles(source) == [title]


async def test_a_delay_alone_answers_as_usual(box: Harness) -> None:
    await _set(box, delay_ms=1)
    assert await _statuses(box, 1) == [200]


async def test_a_fault_strikes_its_method_and_path_only(box: Harness, text: Text) -> None:
    _, page = await _card(box, text)
    await _set(box, status=500, method="PATCH", path="/v1/pages/")
    assert await _statuses(box, 1) == [200]
    assert await _statuses(box, 1, path=f"/v1/pages/{page}") == [200]
    assert await _statuses(box, 2, "PATCH", f"/v1/pages/{page}") == [500, 200]


async def test_people_go_on_undisturbed_unless_the_fault_is_theirs(box: Harness) -> None:
    await _set(box, status=500, times=None)
    assert (await box.raw("GET", ME, token=PERSON)).status_code == 200
    await box.http.delete("/sandbox/faults")
    await _set(box, status=500, who="person")
    assert await _statuses(box, 1) == [200]
    assert (await box.raw("GET", ME, token=PERSON)).status_code == 500
    await _set(box, status=502, who="everyone", times=2)
    assert [
        (await box.raw("GET", ME, token=token)).status_code for token in ("ntn_bot", PERSON)
    ] == [502, 502]


async def test_a_wrong_token_meets_no_fault(box: Harness) -> None:
    await _set(box, status=500)
    assert (await box.raw("GET", ME, token="wrong")).status_code == 401
    assert await _statuses(box, 2) == [500, 200]


async def test_a_fault_can_let_some_through_first(box: Harness) -> None:
    await _set(box, status=500, skip=2, times=2)
    assert await _statuses(box, 6) == [200, 200, 500, 500, 200, 200]


async def test_faults_strike_in_the_order_they_were_set_one_a_request(box: Harness) -> None:
    await _set(box, status=500)
    await _set(box, status=502, times=2)
    assert await _statuses(box, 4) == [500, 502, 502, 200]


async def test_what_is_set_can_be_seen_and_cleared_one_by_one(box: Harness) -> None:
    first = await _set(box, status=500)
    second = await _set(box, status=429, times=None, retry_after=3)
    await _statuses(box, 3)
    seen = (await box.http.get("/sandbox/faults")).json()["faults"]
    assert [(f["number"], f["status"], f["struck"], f["spent"]) for f in seen] == [
        (1, 500, 1, True),
        (2, 429, 2, False),
    ]
    assert (first["number"], second["times"], second["retry_after"]) == (1, None, 3)
    assert (await box.http.delete("/sandbox/faults?number=2")).json() == {"cleared": 1}
    assert (await box.http.delete("/sandbox/faults?number=2")).json() == {"cleared": 0}
    assert await _statuses(box, 1) == [200]
    assert (await box.http.delete("/sandbox/faults?number=x")).status_code == 400


async def test_a_fault_is_set_in_process_too(box: Harness) -> None:
    fault = box.sandbox.faults.add(429, times=3, retry_after=7)
    assert await _statuses(box, 4) == [429, 429, 429, 200]
    assert (fault.struck, fault.spent) == (3, True)
    box.sandbox.faults.clear()
    assert box.sandbox.faults.all() == []


async def test_a_struck_request_is_in_the_log(box: Harness) -> None:
    await _set(box, status=529)
    await _statuses(box, 1)
    assert box.sandbox.api.log.since(0)[-1]["status"] == 529


async def test_a_fault_comes_after_the_limit(make: MakeHarness) -> None:
    box = make(requests_per_minute=1)
    fault = box.sandbox.faults.add(500)
    assert await _statuses(box, 2) == [500, 429]
    assert fault.struck == 1
