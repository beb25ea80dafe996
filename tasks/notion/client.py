"""`NotionClient`: the one place where Showrunner speaks to Notion.

Only this file and `tasks.notion.errors` import notion_client.

One place limits (`tasks.notion.throttle`, under the SDK, so that every attempt counts), one place
retries (`_send`), one place translates errors (`verdict`). Retries multiply nowhere else: a request
is tried at most three times, and a Prefect task that holds it is repeated only as a whole (see
`tasks.runtime.prefect_task.can_try_again`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import httpx
from aiolimiter import AsyncLimiter
from notion_client import AsyncClient
from notion_client.errors import HTTPResponseError, InvalidPathParameterError, RequestTimeoutError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from models.errors import (
    NotionCursorExpired,
    NotionUnavailable,
    NotionWriteUncertain,
    SettingsError,
)
from models.postgres.engine import SILENCE_SECONDS
from tasks.notion.errors import (
    BEGINNINGS,
    NOT_NOTIONS,
    cursor_refused,
    of_notion,
    unanswered,
    uncertain,
    verdict,
)
from tasks.notion.proxies import proxy_for
from tasks.notion.shared_limit import Budget, Sleep, Unshared
from tasks.notion.throttle import PacedTransport

API_VERSION: Final = "2026-03-11"
ATTEMPTS: Final = 3
RETRY_AFTER_MAX: Final = 60.0
"""Seconds. A longer wait is the caller's: the request fails with `retry_after` set (spec 3.2)."""

Json = dict[str, Any]

_REFUSED: Final = (
    HTTPResponseError,
    InvalidPathParameterError,
    RequestTimeoutError,
    httpx.InvalidURL,
)
"""What the SDK raises of an answer that is none of success, and of an id of which no address can be
made."""


class NotionClient:
    """Notion's API, version 2026-03-11, as far as Showrunner needs it (spec 3.2).

    Every method sends one request (retried up to three times in all) and returns the response's
    JSON object.

    Raises (every method): NotionAuthError: 401; NotionForbidden, which is one too: 403.
        NotionPageNotFound: 404. NotionRejected: any other 4xx; the request is wrong.
        NotionUnavailable: Notion is not answering well, or something else answers in its place;
        `retry_after` says how
            long it asked to be left alone.
        NotionWriteUncertain: a write failed but may have been saved: read before repeating it.

    Args:
        auth_token: the connection's token.
        per_second: requests a second this process may send (spec 6.2: AsyncLimiter(3, 1)).
        budget: shared with every other process; see `tasks.notion.shared_limit`.
        base_url: where the API answers, without `/v1`.
        timeout: seconds to wait for an answer.
        sleep: how to wait between attempts.
        transport: what carries requests; None: the network, through the proxy that the environment
            names. Another one is for tests in one process.
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
            transport or _transport(base_url),
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
        """A person or bot with its name; NotionForbidden for a connection that may not read users."""
        return await self._send(lambda: self._sdk.users.retrieve(user_id))

    async def get_page(self, page_id: str) -> Json:
        """A page with its properties; a relation shows at most 25 pages (`get_property` reads the rest)."""
        return await self._send(lambda: self._sdk.pages.retrieve(page_id))

    async def get_property(self, page_id: str, property_id: str) -> list[Json]:
        """Every item of a paginated property (title, rich_text, relation), over as many requests as it takes."""
        return await self._all(
            partial(self._sdk.pages.properties.retrieve, page_id, property_id, page_size=100)
        )

    async def update_page(self, page_id: str, properties: Mapping[str, Any]) -> Json:
        """Write those properties and no others; returns the page as it is then."""
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
        """A new database with one data source of that schema, under a page the connection can see."""
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
        """Add or change properties of the schema, by name or id; the options listed replace all there were."""
        return await self._send(
            lambda: self._sdk.data_sources.update(data_source_id, properties=dict(properties)),
            writes=True,
        )

    async def child_databases(self, page_id: str) -> list[Json]:
        """The databases that stand on a page, as blocks with id and title, over as many requests as it takes."""
        blocks = await self._all(partial(self._sdk.blocks.children.list, page_id, page_size=100))
        return [block for block in blocks if block["type"] == "child_database"]

    async def view_ids(self, database_id: str) -> list[str]:
        """The views of a database in the order of their tabs, over as many requests as it takes."""
        return [
            view["id"]
            for view in await self._all(partial(self._sdk.views.list, database_id=database_id))
        ]

    async def get_view(self, view_id: str) -> Json:
        """A view with its filter and configuration; NotionRejected for kinds that the API does not know (feed)."""
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
        """Every item of a list; from its beginning again when Notion forgot where we were."""
        for beginning in range(1, BEGINNINGS + 1):
            try:
                return await self._from_its_beginning(read)
            except NotionCursorExpired as error:
                if beginning == BEGINNINGS:
                    raise cursor_refused(error) from error
        raise AssertionError  # the last try either returned or raised

    async def _from_its_beginning(self, read: Callable[..., Awaitable[Any]]) -> list[Json]:
        items: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            piece = await self._send(partial(read, **cursor))
            items += piece["results"]
            if not piece.get("has_more"):
                return items
            cursor = {"start_cursor": piece["next_cursor"]}

    async def _send(self, call: Callable[[], Awaitable[Any]], *, writes: bool = False) -> Json:
        retrying = AsyncRetrying(
            sleep=self._sleep,
            stop=stop_after_attempt(ATTEMPTS),
            retry=retry_if_exception(_worth_repeating),
            wait=_wait,
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                try:
                    answer = await call()
                except _REFUSED as error:
                    told = verdict(error, writes=writes)
                    if isinstance(told, NotionUnavailable) and told.status in {429, 529}:
                        await self._budget.hold(min(told.retry_after or 1.0, RETRY_AFTER_MAX))
                    raise told from error
                except httpx.RequestError as error:
                    raise unanswered(error, writes=writes) from error
                except (json.JSONDecodeError, UnicodeDecodeError) as error:
                    raise uncertain(
                        f"The answer was cut short, or is {NOT_NOTIONS}", writes=writes
                    ) from error
                return of_notion(answer, writes=writes)
        raise AssertionError  # tenacity either returned the answer or raised the last error


def _transport(base_url: str) -> httpx.AsyncHTTPTransport:
    """The way to Notion.

    Given to the HTTP client, which therefore does not look for proxies itself.

    Raises:
        SettingsError: when the environment names a proxy that cannot be used.
    """
    proxy = proxy_for(base_url)
    try:
        return httpx.AsyncHTTPTransport(proxy=proxy, socket_options=_sent_now_or_never())
    except (
        ValueError,
        httpx.InvalidURL,
        ImportError,
    ):  # the last of SOCKS, for which a package may be missing
        raise SettingsError(
            "HTTPS_PROXY (or HTTP_PROXY, ALL_PROXY) names no proxy that can be used: it looks like "
            "http://proxy.example:3128; for socks5://… the Python package socksio must be installed beside Showrunner."
        ) from None


def _sent_now_or_never() -> list[tuple[int, int, int]]:
    """Socket options: what a network does not carry within `SILENCE_SECONDS` is not sent at all.

    Otherwise the kernel goes on sending a cut-off host's last write for minutes, and it would reach
    the board long after another host took over. Linux knows the option, others may not.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    return [] if option is None else [(socket.IPPROTO_TCP, option, SILENCE_SECONDS * 1000)]


def _worth_repeating(error: BaseException) -> bool:
    """A failed read, or a write that surely was not saved, unless Notion asked for a longer wait than we sit out."""
    if not isinstance(error, NotionUnavailable) or isinstance(error, NotionWriteUncertain):
        return False
    return (
        error.retry_after or 0
    ) <= RETRY_AFTER_MAX and error.code != "public_api_request_blocked"


_backoff = wait_exponential_jitter(initial=1, max=RETRY_AFTER_MAX, jitter=0.5)


def _wait(state: RetryCallState) -> float:
    """Seconds: what Notion asked for, else 1, 2, 4 with jitter (spec 4.2)."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.retry_after if isinstance(error, NotionUnavailable) else None
    return asked if asked is not None else _backoff(state)
