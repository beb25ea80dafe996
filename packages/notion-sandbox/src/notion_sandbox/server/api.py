"""Handles the requests of the REST API.

Finds the endpoint, checks token, version and rate limit, applies faults, answers as Notion does.

An endpoint is a plain function from `Call` to the JSON body of a 200. It awaits nothing, so
requests never see each other's unfinished changes. Its changes are committed before the answer is
sent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from notion_sandbox.config import Clock, Config
from notion_sandbox.endpoints.data_sources import query_data_source
from notion_sandbox.errors import NotionError, rate_limited, unsupported, validation_error
from notion_sandbox.request.answers import Answer, ReceivedRequest, drop_connection
from notion_sandbox.request.call import LATEST, LEGACY, Call, Route
from notion_sandbox.request.faults import ConnectionDropped, Faults, FaultSettings, HtmlError
from notion_sandbox.request.http_json import MAX_BODY, json_object, read_body
from notion_sandbox.request.limits import RequestLimit
from notion_sandbox.request.multipart import MAX_FORM, FormField, parse_form
from notion_sandbox.request.request_log import RequestLog
from notion_sandbox.store.objects import User
from notion_sandbox.store.past import state_as_of
from notion_sandbox.store.state import State
from notion_sandbox.values.ids import new_uuid
from notion_sandbox.webhooks.delivery import Sender
from notion_sandbox.webhooks.outbox import Outbox

_log = logging.getLogger("sandbox")


class Api:
    """Answers everything under /v1.

    Args:
        routes: The endpoints.
        state: The objects.
        outbox: Where changes are recorded for webhooks.
        sender: Woken when something changed.
        config: The settings.
        clock: The time.
        rng: Source of ids.

    `on_change` is called with the user and the changed objects once the changes of a request are
    stored. `before_each` and `after_each` are called before and after each request that reaches its
    endpoint. `sleep` waits for a fault's delay, and `latency_seconds` pass before each answer.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        state: State,
        outbox: Outbox,
        sender: Sender,
        config: Config,
        clock: Clock,
        rng: Random,
    ) -> None:
        self._routes = list(routes)
        self._state = state
        self._outbox = outbox
        self._sender = sender
        self._config = config
        self._clock = clock
        self._rng = rng
        self._limit = RequestLimit(config.requests_per_minute)
        self.log = RequestLog(config.log_limit)
        self.faults = Faults()
        self.latency_seconds = config.latency_ms / 1000
        self.sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
        self.on_change: Callable[[User, list[tuple[str, str]]], None] = lambda _user, _touched: None
        self.before_each: Callable[[datetime], None] = lambda _now: None
        self.after_each: Callable[[], None] = lambda: None

    async def __call__(self, request: Request) -> Response:
        """Answer one request, and log it."""
        started = self._clock()
        route, params = self._find(request.method, request.url.path)
        takes_form = route is not None and route.takes_form
        try:
            raw = await read_body(request, MAX_FORM if takes_form else MAX_BODY)
        except ClientDisconnect:
            return Response(status_code=400)
        if self.latency_seconds > 0:
            await asyncio.sleep(self.latency_seconds)
        user = self.user(request)
        request_id = new_uuid(self._rng)
        answer = await self._answer(ReceivedRequest(request, raw, user, route, params), request_id)
        done = self._clock()
        path = request.url.path
        self.log.add(
            at=started,
            user=user,
            address=request.client.host if request.client else None,
            method=request.method,
            path=path,
            route=route.path if route else path,
            status=answer.status if answer else 0,
            ms=(done - started).total_seconds() * 1000,
        )
        if answer is None:
            return await drop_connection(request)
        return answer.response(done, {"x-notion-request-id": request_id})

    async def _answer(self, asked: ReceivedRequest, request_id: str) -> Answer | None:
        """The answer; None closes the connection without one."""
        try:
            return Answer(200, {**await self._outcome(asked), "request_id": request_id})
        except ConnectionDropped:
            return None
        except HtmlError as error:
            return Answer(error.status, error.page(), error.headers)
        except NotionError as error:
            return Answer(error.status, error.body(request_id), error.headers)
        except Exception:  # noqa: BLE001 - a bug of the sandbox is a 500, as at Notion
            _log.exception(
                "The sandbox failed at %s %s", asked.request.method, asked.request.url.path
            )
            failure = NotionError(500, "internal_server_error", "Unexpected error occurred.")
            return Answer(500, failure.body(request_id))

    async def _outcome(self, asked: ReceivedRequest) -> dict[str, Any]:
        """The body of a 200, after the fault that strikes the request, if any.

        Raises:
            NotionError: The request is refused.
            ConnectionDropped: It gets no answer.
        """
        user, route = asked.user, asked.route
        if route is None:
            raise NotionError(400, "invalid_request_url", "Invalid request URL.")
        if user is None:
            raise NotionError(401, "unauthorized", "API token is invalid.")
        version = _version(asked.request)
        if user.kind == "bot" and (wait := self._limit.admit(user.id, self._clock())) is not None:
            raise rate_limited(wait)
        fault = self.faults.strike(user, route.method, asked.request.url.path)
        if fault is None:
            return self._perform(asked, user, route, version)
        if not fault.saved:
            await self._fail_before(fault, asked.request)
        body = self._perform(asked, user, route, version)
        await self._fail_after(fault, body)
        return body

    async def _fail_before(self, fault: FaultSettings, request: Request) -> None:
        """Apply a fault that comes before the write takes effect."""
        pause = fault.delay_ms / 1000
        await self.sleep(pause)
        # A client that closed the connection during the delay has a time-out before the write.
        if fault.drop == "before" or (pause and await request.is_disconnected()):
            raise ConnectionDropped
        error = fault.answer()
        if error is not None:
            raise error

    async def _fail_after(self, fault: FaultSettings, body: dict[str, Any]) -> None:
        """Apply a fault that comes after the write took effect."""
        if fault.drop == "after":
            raise ConnectionDropped
        if fault.saved:
            await self.sleep(fault.delay_ms / 1000)
        error = fault.answer(body.get("id"))
        if error is not None:
            raise error

    def _perform(
        self, asked: ReceivedRequest, user: User, route: Route, version: str
    ) -> dict[str, Any]:
        if route.endpoint is None:
            raise unsupported(f"{route.method} {route.path}")
        now = self._clock()
        self.before_each(now)
        form: dict[str, FormField] = {}
        body: dict[str, Any] = {}
        if route.takes_form:
            form = parse_form(asked.request.headers.get("content-type", ""), asked.raw)
        elif route.method in ("POST", "PATCH"):
            body = json_object(asked.raw)
        parameters = asked.request.query_params
        query = {name: parameters.getlist(name) for name in parameters}
        state = self._state
        if route.endpoint is query_data_source:
            state = self._state_for_query(user, route.method, asked.request.url.path, now)
        state.journal.begin(now)
        call = Call(
            state,
            self._outbox,
            self._config,
            self._rng,
            now,
            user,
            version,
            asked.params,
            query,
            body,
            form,
            str(asked.request.base_url).rstrip("/"),
        )
        answer = route.endpoint(call)
        self._state.commit()
        self._sender.wake()
        self.after_each()
        self.on_change(user, list(state.journal.touched))
        return answer

    def _state_for_query(self, user: User, method: str, path: str, now: datetime) -> State:
        """The state that a query reads: an earlier one when a fault makes it stale."""
        seconds = self.faults.staleness(user, method, path)
        if not seconds:
            return self._state
        return state_as_of(self._state, now - timedelta(seconds=seconds))

    def user(self, request: Request) -> User | None:
        """The user whose token a request carries; None for an unknown token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return self._state.tokens.get(token.strip())

    def _find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        for route in self._routes:
            params = route.match(method, path)
            if params is not None:
                return route, params
        return None, {}


def _version(request: Request) -> str:
    version = request.headers.get("notion-version")
    prefix = "Notion-Version header failed validation: Notion-Version header should be"
    if version is None:
        raise NotionError(400, "missing_version", f"{prefix} defined, instead was `undefined`.")
    if version not in (LATEST, LEGACY):
        raise validation_error(
            f'{prefix} "{LEGACY}" or "{LATEST}" (the sandbox has no other), '
            f'instead was "{version}".'
        )
    return version
