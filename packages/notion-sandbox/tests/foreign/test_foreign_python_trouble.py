"""notion-client's errors, retries, time-outs and async twin, with faults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from notion_client import APIErrorCode, APIResponseError, AsyncClient, Client
from notion_client.errors import (
    RequestTimeoutError,
    UnknownHTTPResponseError,
    is_http_response_error,
    is_notion_client_error,
)
from notion_client.helpers import async_collect_paginated_api, async_iterate_paginated_api
from python_stage import VERSION, Board


@pytest.fixture
async def async_notion(facts: dict[str, Any]) -> AsyncIterator[AsyncClient]:
    """notion-client's async twin."""
    async with AsyncClient(
        auth=facts["bot_token"], base_url=facts["base_url"], notion_version=VERSION, retry=False
    ) as client:
        yield client


def fault(control: httpx.Client, **settings: Any) -> None:
    """Set a fault."""
    control.post("/sandbox/faults", json=settings).raise_for_status()


def received(control: httpx.Client) -> int:
    """How many requests of the API there were."""
    return int(control.get("/sandbox/requests").json()["totals"]["received"])


def test_a_wrong_token_is_unauthorized(facts: dict[str, Any]) -> None:
    client = Client(auth="ntn_wrong", base_url=facts["base_url"], notion_version=VERSION)
    with pytest.raises(APIResponseError) as refused:
        client.users.me()
    assert (refused.value.code, refused.value.status) == (APIErrorCode.Unauthorized, 401)


def test_what_is_missing_names_the_request_and_the_connection(notion: Client) -> None:
    with pytest.raises(APIResponseError) as refused:
        notion.databases.retrieve(database_id="00000000-0000-4000-8000-000000000000")
    error = refused.value
    assert (error.code, error.status) == (APIErrorCode.ObjectNotFound, 404)
    assert error.request_id is not None
    assert error.additional_data is not None
    assert set(error.additional_data) == {"integration_id"}
    assert is_notion_client_error(error)
    assert is_http_response_error(error)


def test_a_version_that_is_none_is_refused(facts: dict[str, Any]) -> None:
    client = Client(
        auth=facts["bot_token"], base_url=facts["base_url"], notion_version="1999-01-01"
    )
    with pytest.raises(APIResponseError, match="Notion-Version header") as refused:
        client.users.me()
    assert refused.value.code == APIErrorCode.ValidationError


def test_the_clients_own_default_version_is_served(facts: dict[str, Any]) -> None:
    with Client(auth=facts["bot_token"], base_url=facts["base_url"]) as client:
        page = client.pages.retrieve(page_id=facts["root_page_id"])
    assert page["archived"] is False


def test_two_rate_limits_are_ridden_through_and_three_are_not(
    notion: Client, control: httpx.Client
) -> None:
    fault(control, status=429, times=2, retry_after=0)
    assert notion.users.me()["type"] == "bot"
    fault(control, status=429, times=3, retry_after=0)
    with pytest.raises(APIResponseError) as refused:
        notion.users.me()
    assert refused.value.code == APIErrorCode.RateLimited


def test_a_read_is_repeated_after_a_503_and_a_write_is_not(
    notion: Client, control: httpx.Client, board: Board
) -> None:
    fault(control, status=503)
    assert notion.users.me()["object"] == "user"
    fault(control, status=503, method="POST", times=3)
    before = received(control)
    with pytest.raises(APIResponseError) as refused:
        board.card("a")
    assert (refused.value.code, received(control) - before) == (APIErrorCode.ServiceUnavailable, 1)


def test_a_write_that_was_saved_all_the_same_names_the_page(
    notion: Client, control: httpx.Client, board: Board
) -> None:
    fault(control, status=503, saved=True, method="POST", path="/v1/pages")
    with pytest.raises(APIResponseError) as refused:
        board.card("saved")
    (page,) = notion.data_sources.query(data_source_id=board.source_id)["results"]
    assert refused.value.additional_data is not None
    assert refused.value.additional_data["committed_resource_id"] == page["id"]


@pytest.mark.parametrize("status", [502, 529])
def test_codes_the_client_does_not_know_are_unknown_responses(
    notion: Client, control: httpx.Client, status: int
) -> None:
    fault(control, status=status, times=None)
    with pytest.raises(UnknownHTTPResponseError) as refused:
        notion.users.me()
    assert refused.value.status == status


def test_what_the_sandbox_does_not_support_is_a_501(notion: Client, facts: dict[str, Any]) -> None:
    with pytest.raises(UnknownHTTPResponseError) as refused:
        notion.pages.retrieve_markdown(page_id=facts["root_page_id"])
    assert (refused.value.status, "sandbox_unsupported" in refused.value.body) == (501, True)


def test_an_answer_that_does_not_come_is_a_time_out(
    facts: dict[str, Any], control: httpx.Client
) -> None:
    fault(control, delay_ms=5_000)
    options = {
        "base_url": facts["base_url"],
        "notion_version": VERSION,
        "timeout_ms": 50,
        "retry": False,
    }
    with Client(auth=facts["bot_token"], **options) as client, pytest.raises(RequestTimeoutError):
        client.users.me()


def test_a_closed_connection_is_the_transports_error(notion: Client, control: httpx.Client) -> None:
    fault(control, drop="before")
    with pytest.raises(httpx.RemoteProtocolError):
        notion.users.me()


async def test_the_async_twin_collects_what_it_queries(
    async_notion: AsyncClient, board: Board
) -> None:
    made = [board.card(str(number))["id"] for number in range(5)]
    asked = {"data_source_id": board.source_id, "page_size": 2}
    asked["sorts"] = [{"property": "Title", "direction": "ascending"}]
    collected = await async_collect_paginated_api(async_notion.data_sources.query, **asked)
    assert [page["id"] for page in collected] == made
    walked = [
        page["id"]
        async for page in async_iterate_paginated_api(async_notion.data_sources.query, **asked)
    ]
    assert walked == made


async def test_the_async_twin_searches_lists_and_looks(
    async_notion: AsyncClient, board: Board
) -> None:
    page = board.card("Belugas")
    found = await async_notion.search(query="belugas")
    assert [item["id"] for item in found["results"]] == [page["id"]]
    views = await async_collect_paginated_api(
        async_notion.views.list, database_id=board.database["id"]
    )
    assert (await async_notion.views.retrieve(view_id=views[0]["id"]))["name"] == "Default view"


async def test_the_escape_hatch_reaches_every_path(async_notion: AsyncClient) -> None:
    me = await async_notion.request(path="users/me", method="GET")
    assert me["type"] == "bot"
