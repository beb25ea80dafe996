"""`NotionClient`: every request that Showrunner sends to Notion.

Only this file, `tasks.notion.file_uploads` and `tasks.notion.errors` import notion_client.

`tasks.notion.rate_limit` limits the rate, below the SDK, so that every attempt counts.
`tasks.notion.retries` retries, and `tasks.notion.errors` translates errors. Nothing else repeats a
request: it is sent at most three times, and a Prefect task that sends it is repeated only as a
whole (see `tasks.runtime.prefect_task.can_try_again`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import httpx
from aiolimiter import AsyncLimiter
from notion_client import AsyncClient
from notion_client.errors import HTTPResponseError, InvalidPathParameterError, RequestTimeoutError

from models.errors import NotionCursorExpired, NotionUnavailable
from tasks.notion.errors import (
    BEGINNINGS,
    NOT_NOTIONS,
    cursor_refused,
    of_notion,
    translate,
    unanswered,
    uncertain,
)
from tasks.notion.file_uploads import FileUploads
from tasks.notion.proxies import network_transport
from tasks.notion.rate_limit import PacedTransport
from tasks.notion.retries import RETRY_AFTER_MAX, retrying
from tasks.notion.shared_rate_limit import Budget, Sleep, Unshared

API_VERSION: Final = "2026-03-11"

Json = dict[str, Any]

_REFUSED: Final = (
    HTTPResponseError,
    InvalidPathParameterError,
    RequestTimeoutError,
    httpx.InvalidURL,
)
"""The SDK's errors for an unsuccessful answer, and for an id that fits into no URL."""
_OVERLOADED: Final = {429, 529}
"""Statuses after which no process may send for a while."""


class NotionClient:
    """Notion's API, version 2026-03-11, as far as Showrunner needs it (spec 3.2).

    Every method sends one request (retried up to three times in all) and returns the response's
    JSON object.

    Raises (every method):
        NotionAuthError: 401, and its subclass NotionForbidden: 403.
        NotionPageNotFound: 404.
        NotionRejected: any other 4xx; the request is wrong.
        NotionUnavailable: no usable answer, or something else answers in Notion's place;
            `retry_after` are the seconds that Notion asked to wait.
        NotionWriteUncertain: a write failed but may have been saved: read before repeating it.

    Args:
        auth_token: the connection's token.
        per_second: requests a second this process may send (spec 6.2: AsyncLimiter(3, 1)).
        budget: shared with every other process; see `tasks.notion.shared_rate_limit`.
        base_url: where the API answers, without `/v1`.
        timeout: seconds to wait for an answer.
        sleep: how to wait between attempts.
        transport: what carries requests; None: the network, through the proxy that the environment
            names. Tests in one process pass their own.
    """

    def __init__(
        self,
        auth_token: str,
        *,
        per_second: float = 3,
        budget: Budget | None = None,
        base_url: str = "https://api.notion.com",
        timeout: float = 65,
        sleep: Sleep = asyncio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._budget = budget or Unshared()
        self._sleep = sleep
        self._transport = PacedTransport(
            transport or network_transport(base_url),
            AsyncLimiter(max(per_second, 1), max(1 / per_second, 1)),
            self._budget,
        )
        self._sdk = AsyncClient(
            client=httpx.AsyncClient(transport=self._transport),
            auth=auth_token,
            base_url=base_url.rstrip("/"),
            notion_version=API_VERSION,
            timeout_ms=int(timeout * 1000),
            retry=False,
            logger=logging.getLogger("showrunner.notion_client"),
            log_level=logging.CRITICAL,
        )
        self.files = FileUploads(self._sdk, self._send)

    @property
    def server_time(self) -> datetime | None:
        """Notion's own clock as of its last answer; None before the first."""
        return self._transport.server_time

    async def aclose(self) -> None:
        """Close the connections."""
        await self._sdk.aclose()

    async def me(self) -> Json:
        """The connection's own bot user."""
        return await self._send(self._sdk.users.me)

    async def get_user(self, user_id: str) -> Json:
        """A person or bot with its name; NotionForbidden if the connection may not read users."""
        return await self._send(lambda: self._sdk.users.retrieve(user_id))

    async def get_page(self, page_id: str) -> Json:
        """A page with its properties, with at most 25 pages of a relation (see `get_property`)."""
        return await self._send(lambda: self._sdk.pages.retrieve(page_id))

    async def get_property(self, page_id: str, property_id: str) -> list[Json]:
        """Every item of a paginated property (title, rich_text, relation); one request per page."""
        return await self._all(
            partial(self._sdk.pages.properties.retrieve, page_id, property_id, page_size=100)
        )

    async def update_page(self, page_id: str, properties: Mapping[str, Any]) -> Json:
        """Write those properties and no others; returns the page after that."""
        return await self._send(
            lambda: self._sdk.pages.update(page_id, properties=dict(properties)), writes=True
        )

    async def create_page(self, data_source_id: str, properties: Mapping[str, Any]) -> Json:
        """A new page of a data source."""
        parent = {"type": "data_source_id", "data_source_id": data_source_id}
        return await self._send(
            lambda: self._sdk.pages.create(parent=parent, properties=dict(properties)), writes=True
        )

    async def get_database(self, database_id: str) -> Json:
        """A database, with its data sources."""
        return await self._send(lambda: self._sdk.databases.retrieve(database_id))

    async def create_database(
        self, parent_page_id: str, title: str, properties: Mapping[str, Any]
    ) -> Json:
        """A new database with one data source of that schema, on a page the connection can see."""
        return await self._send(
            lambda: self._sdk.databases.create(
                parent={"type": "page_id", "page_id": parent_page_id},
                title=[{"type": "text", "text": {"content": title}}],
                initial_data_source={"properties": dict(properties)},
            ),
            writes=True,
        )

    async def get_data_source(self, data_source_id: str) -> Json:
        """A data source with its schema."""
        return await self._send(lambda: self._sdk.data_sources.retrieve(data_source_id))

    async def update_data_source(self, data_source_id: str, properties: Mapping[str, Any]) -> Json:
        """Add or change properties of the schema by name or id; listed options replace all."""
        return await self._send(
            lambda: self._sdk.data_sources.update(data_source_id, properties=dict(properties)),
            writes=True,
        )

    async def child_databases(self, page_id: str) -> list[Json]:
        """The databases on a page, as blocks with id and title; one request per 100 blocks."""
        blocks = await self._all(partial(self._sdk.blocks.children.list, page_id, page_size=100))
        return [block for block in blocks if block["type"] == "child_database"]

    async def comments(self, page_id: str) -> list[Json]:
        """The comments on a page, the oldest first; one request per 100.

        NotionForbidden if the connection may not read comments.
        """
        return await self._all(partial(self._sdk.comments.list, block_id=page_id, page_size=100))

    async def view_ids(self, database_id: str) -> list[str]:
        """Ids of a database's views in the order of their tabs; one request per page of them."""
        return [
            view["id"]
            for view in await self._all(partial(self._sdk.views.list, database_id=database_id))
        ]

    async def get_view(self, view_id: str) -> Json:
        """A view with filter and configuration; NotionRejected for an unsupported kind (feed)."""
        return await self._send(lambda: self._sdk.views.retrieve(view_id))

    async def create_view(self, body: Mapping[str, Any]) -> Json:
        """A new view of a database; `body` as in Notion's "Create a view"."""
        return await self._send(lambda: self._sdk.views.create(**body), writes=True)

    async def update_view(self, view_id: str, body: Mapping[str, Any]) -> Json:
        """Set a view's name, filter, sorts or configuration; what is not named stays."""
        return await self._send(lambda: self._sdk.views.update(view_id, **body), writes=True)

    async def query_database(
        self,
        data_source_id: str,
        *,
        filter_: Mapping[str, Any] | None = None,
        sorts: list[Json] | None = None,
        start_cursor: str | None = None,
    ) -> Json:
        """Up to 100 pages of a data source, with their values; `next_cursor` leads on."""
        given = {"filter": filter_, "sorts": sorts, "start_cursor": start_cursor}
        body = {name: value for name, value in given.items() if value is not None}
        return await self._send(
            lambda: self._sdk.data_sources.query(data_source_id, page_size=100, **body)
        )

    async def _all(self, read: Callable[..., Awaitable[Any]]) -> list[Json]:
        """Every item of a list, read from its beginning again when a cursor has expired."""
        for beginning in range(1, BEGINNINGS + 1):
            try:
                return await self._read_all_pages(read)
            except NotionCursorExpired as error:
                if beginning == BEGINNINGS:
                    raise cursor_refused(error) from error
        raise AssertionError  # the last try either returned or raised

    async def _read_all_pages(self, read: Callable[..., Awaitable[Any]]) -> list[Json]:
        items: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            piece = await self._send(partial(read, **cursor))
            items += piece["results"]
            if not piece.get("has_more"):
                return items
            cursor = {"start_cursor": piece["next_cursor"]}

    async def _send(self, call: Callable[[], Awaitable[Any]], *, writes: bool = False) -> Json:
        async for attempt in retrying(self._sleep):
            with attempt:
                return await self._send_once(call, writes=writes)
        raise AssertionError  # tenacity either returned the answer or raised the last error

    async def _send_once(self, call: Callable[[], Awaitable[Any]], *, writes: bool) -> Json:
        try:
            answer = await call()
        except _REFUSED as error:
            translated = translate(error, writes=writes)
            if isinstance(translated, NotionUnavailable) and translated.status in _OVERLOADED:
                await self._budget.hold(min(translated.retry_after or 1.0, RETRY_AFTER_MAX))
            raise translated from error
        except httpx.RequestError as error:
            raise unanswered(error, writes=writes) from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            message = f"The answer was cut short, or is {NOT_NOTIONS}"
            raise uncertain(message, writes=writes) from error
        return of_notion(answer, writes=writes)
