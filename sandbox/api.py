"""The door of the REST API: finds the endpoint, checks token, version and limit, answers as Notion does.

An endpoint is a plain function from `Call` to the JSON body of a 200. It runs without awaiting anything, so requests
never see each other's half-done work; what it changed is committed before the answer is sent.
"""

import asyncio
import json
import logging
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from random import Random
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.config import Clock, Config
from sandbox.dates import zulu
from sandbox.delivery import Sender
from sandbox.errors import NotionError, body_error, not_found, rate_limited, unsupported, validation_error
from sandbox.ids import new_uuid, parse_uuid
from sandbox.limits import RequestLimit
from sandbox.objects import Database, DataSource, Page, User
from sandbox.outbox import Outbox
from sandbox.rendering import Renderer
from sandbox.state import State

LATEST = "2026-03-11"
LEGACY = "2025-09-03"
MAX_BODY = 500_000
"""Bytes of a request's body (Notion: "Request limits")."""

_log = logging.getLogger("sandbox")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as an endpoint sees it.

    Attributes:
        state: The objects.
        outbox: Where changes are told.
        config: The settings.
        rng: Source of ids.
        now: When the request came.
        user: Who calls.
        version: The API version it speaks.
        params: The parts of the path, such as `page_id`.
        query: The query string: every value of each name.
        body: The JSON object of the body; {} for a request without one.
    """

    state: State
    outbox: Outbox
    config: Config
    rng: Random
    now: datetime
    user: User
    version: str
    params: dict[str, str]
    query: dict[str, list[str]]
    body: dict[str, Any]

    @property
    def render(self) -> Renderer:
        """Writes objects for this request."""
        return Renderer(self.state, self.now, self.version == LEGACY)

    def path_id(self, name: str) -> str:
        """The UUID in the path.

        Raises:
            NotionError: validation_error "path failed validation" when it is none.
        """
        found = parse_uuid(self.params[name])
        if found is None:
            given = json.dumps(self.params[name], ensure_ascii=False)
            raise validation_error(
                f"path failed validation: path.{name} should be a valid uuid, instead was `{given}`."
            )
        return found

    def missing(self, kind: str, object_id: str) -> NotionError:
        """The 404 for an object that is not there."""
        return not_found(kind, object_id, user_id=self.user.id, user_name=self.user.name)

    def database(self, object_id: str) -> Database:
        """A database, or NotionError object_not_found."""
        if object_id not in self.state.databases:
            raise self.missing("database", object_id)
        return self.state.databases[object_id]

    def source(self, object_id: str) -> DataSource:
        """A data source, or NotionError object_not_found."""
        if object_id not in self.state.sources:
            raise self.missing("data_source", object_id)
        return self.state.sources[object_id]

    def page(self, object_id: str) -> Page:
        """A page, or NotionError object_not_found."""
        if object_id not in self.state.pages:
            raise self.missing("page", object_id)
        return self.state.pages[object_id]

    def check_keys(self, *known: str, absent: Iterable[str] = ()) -> None:
        """Refuse keys of the body that Notion or the sandbox does not know.

        Args:
            known: What the endpoint understands.
            absent: What Notion has and the sandbox has not; null, false, and empty values of these pass.

        Raises:
            NotionError: sandbox_unsupported for `absent`, validation_error for the rest.
        """
        for key, value in self.body.items():
            if key in absent:
                if value not in (None, False, [], {}):
                    raise unsupported(f"{key!r} in the body of this request")
            elif key not in known:
                raise body_error(f"body.{key} should be not present, instead was `{json.dumps(value)[:100]}`.")


Endpoint = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path with `{names}`, and the endpoint; None where Notion has one and the sandbox has not."""

    method: str
    path: str
    endpoint: Endpoint | None

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The parts of the path, or None when this is another route."""
        if method != self.method:
            return None
        found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path), path)
        return None if found is None else found.groupdict()


@dataclass
class RequestLog:
    """Every request of the API: exact counts, and the last ones in full.

    Attributes:
        keep: How many entries are kept.
        total: How many requests came since the start.
        by_status: Counts by HTTP status.
        by_endpoint: Counts by method and route.
        by_user: Counts by user id; requests without a valid token count under "".
    """

    keep: int
    total: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    by_endpoint: Counter[str] = field(default_factory=Counter)
    by_user: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Make room for the entries."""
        self._entries: deque[dict[str, Any]] = deque(maxlen=self.keep)

    def add(
        self, *, at: datetime, user: User | None, method: str, path: str, route: str, status: int, ms: float
    ) -> None:
        """Note an answered request."""
        self.total += 1
        self.by_status[status] += 1
        self.by_endpoint[f"{method} {route}"] += 1
        self.by_user["" if user is None else user.id] += 1
        entry = {"number": self.total, "time": zulu(at), "user": None if user is None else user.name}
        self._entries.append({**entry, "method": method, "path": path, "status": status, "ms": round(ms, 3)})

    def since(self, number: int) -> list[dict[str, Any]]:
        """The remembered entries after a number, oldest first."""
        skipped = max(0, number - (self.total - len(self._entries)))
        return [entry for index, entry in enumerate(self._entries) if index >= skipped]


class Api:
    """Answers everything under /v1.

    Args:
        routes: The endpoints.
        state: The objects.
        outbox: Where changes are told.
        sender: Woken when something changed.
        config: The settings.
        clock: Tells the time.
        rng: Source of ids.
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

    async def __call__(self, request: Request) -> Response:
        """Answer one request, and note it in the log."""
        started = self._clock()
        raw = await _read(request, MAX_BODY)
        if self._config.latency_ms > 0:
            await asyncio.sleep(self._config.latency_ms / 1000)
        method, path = request.method, request.url.path
        user = self._user(request)
        matched, params = self._find(method, path)
        request_id = new_uuid(self._rng)
        headers: dict[str, str] = {}
        try:
            body = self._answer(request, raw, user, matched, params)
            status = 200
        except NotionError as error:
            status, body, headers = error.status, error.body(request_id), error.headers
        except Exception:
            _log.exception("The sandbox failed at %s %s", method, path)
            failure = NotionError(500, "internal_server_error", "Unexpected error occurred.")
            status, body = 500, failure.body(request_id)
        if status == 200:  # noqa: PLR2004
            body = {**body, "request_id": request_id}
            self._sender.wake()
        done = self._clock()
        route = path if matched is None else matched.path
        ms = (done - started).total_seconds() * 1000
        self.log.add(at=started, user=user, method=method, path=path, route=route, status=status, ms=ms)
        return json_response(body, status, done, {**headers, "x-notion-request-id": request_id})

    def _answer(
        self, request: Request, raw: bytes | None, user: User | None, route: Route | None, params: dict[str, str]
    ) -> dict[str, Any]:
        if route is None:
            raise NotionError(400, "invalid_request_url", "Invalid request URL.")
        if user is None:
            raise NotionError(401, "unauthorized", "API token is invalid.")
        version = _version(request)
        now = self._clock()
        if user.kind == "bot" and (wait := self._limit.admit(user.id, now)) is not None:
            raise rate_limited(wait)
        if route.endpoint is None:
            raise unsupported(f"{route.method} {route.path}")
        body = _json_object(raw) if route.method in ("POST", "PATCH") else {}
        query = {name: request.query_params.getlist(name) for name in request.query_params}
        call = Call(self._state, self._outbox, self._config, self._rng, now, user, version, params, query, body)
        answer = route.endpoint(call)
        self._state.commit()
        return answer

    def _user(self, request: Request) -> User | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._state.tokens.get(token.strip()) if scheme.lower() == "bearer" else None

    def _find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        for route in self._routes:
            params = route.match(method, path)
            if params is not None:
                return route, params
        return None, {}


async def _read(request: Request, limit: int) -> bytes | None:
    """The body; None when it is over the limit, of which no more is kept than that."""
    received = bytearray()
    async for chunk in request.stream():
        if len(received) <= limit:
            received += chunk
    return None if len(received) > limit else bytes(received)


def _version(request: Request) -> str:
    version = request.headers.get("notion-version")
    prefix = "Notion-Version header failed validation: Notion-Version header should be"
    if version is None:
        raise NotionError(400, "missing_version", f"{prefix} defined, instead was `undefined`.")
    if version not in (LATEST, LEGACY):
        raise validation_error(
            f'{prefix} "{LEGACY}" or "{LATEST}" (the sandbox has no other), instead was "{version}".'
        )
    return version


def _json_object(raw: bytes | None) -> dict[str, Any]:
    if raw is None:
        raise validation_error(f"The request body is too large: at most {MAX_BODY} bytes are allowed.")
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise NotionError(400, "invalid_json", "Error parsing JSON body.") from None
    if not isinstance(body, dict):
        raise body_error(f"body should be an object, instead was `{json.dumps(body)[:100]}`.")
    repaired: dict[str, Any] = _repaired(body)
    return repaired


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _repaired(value: Any) -> Any:
    """The value with lone surrogates replaced, which UTF-8 cannot carry."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_repaired(item) for item in value]
    if isinstance(value, dict):
        return {_repaired(key): _repaired(item) for key, item in value.items()}
    return value


def json_response(body: Any, status: int, at: datetime, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer with the Date of the sandbox's own clock."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    date = {"Date": format_datetime(at, usegmt=True), "Content-Type": "application/json; charset=utf-8"}
    return Response(content, status, headers={**date, **(headers or {})})
