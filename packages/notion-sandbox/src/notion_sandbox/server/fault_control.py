"""The sandbox's own endpoint for faults on demand: /sandbox/faults."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from notion_sandbox.config import Clock
from notion_sandbox.errors import NotionError, validation_error
from notion_sandbox.request.faults import Fault, Faults
from notion_sandbox.request.http_json import json_response
from notion_sandbox.server.control import read_json
from notion_sandbox.server.feed import Feed
from notion_sandbox.values.checks import is_number, is_whole_number

Rule = tuple[Callable[[Any], bool], str]
"""Whether a value is accepted, and what is expected."""


def _one_of(*names: str) -> Rule:
    return lambda value: value in names, f"one of {', '.join(names)}"


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/v1/")


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


_WHOLE: Rule = (is_whole_number, "a whole number")
_NUMBER: Rule = (is_number, "a number")
_FLAG: Rule = (_is_boolean, "true or false")
_RULES: dict[str, Rule] = {
    "status": _WHOLE,
    "times": _WHOLE,
    "skip": _WHOLE,
    "method": _one_of("GET", "POST", "PATCH", "DELETE"),
    "path": (_is_path, "a path that starts with /v1/"),
    "who": _one_of("bot", "person", "everyone"),
    "retry_after": _WHOLE,
    "saved": _FLAG,
    "html": _FLAG,
    "delay_ms": _NUMBER,
    "drop": _one_of("before", "after"),
    "stale_seconds": _NUMBER,
}


class FaultControl:
    """GET, POST and DELETE /sandbox/faults.

    Args:
        faults: The faults.
        feed: Where it is published that one was set, struck or was cleared.
        clock: The time.
    """

    def __init__(self, faults: Faults, *, feed: Feed, clock: Clock) -> None:
        self._faults = faults
        self._clock = clock
        faults.watch = lambda: feed.publish("fault", self._list())

    async def __call__(self, request: Request) -> Response:
        """GET lists them, POST sets one, DELETE clears one (?number=N) or all of them."""
        try:
            answer = await self._answer(request)
        except NotionError as error:
            body = {"status": error.status, "message": error.message}
            return json_response(body, error.status, self._clock())
        return json_response(answer, 200, self._clock())

    async def _answer(self, request: Request) -> dict[str, Any]:
        if request.method == "POST":
            return self._add(await read_json(request))
        if request.method == "DELETE":
            return self._clear(request)
        return self._list()

    def _list(self) -> dict[str, Any]:
        return {"faults": [_shown(fault) for fault in self._faults.all()]}

    def _clear(self, request: Request) -> dict[str, Any]:
        number = request.query_params.get("number")
        if number is None:
            return {"cleared": self._faults.clear()}
        if not number.isdecimal():
            raise validation_error("number must be the number of a fault.")
        return {"cleared": self._faults.clear(int(number))}

    def _add(self, body: dict[str, Any]) -> dict[str, Any]:
        for key, value in body.items():
            _check(key, value)
        # An absent `times` has a default; null means every request until it is cleared.
        given = {key: value for key, value in body.items() if value is not None or key == "times"}
        try:
            return _shown(self._faults.add(**given))
        except ValueError as error:
            raise validation_error(str(error)) from None


def _check(key: str, value: Any) -> None:
    """Refuse a field that a fault does not have, or whose value is of the wrong type.

    Raises:
        NotionError: validation_error.
    """
    if key not in _RULES:
        raise validation_error(f"A fault has no {key!r}; it has {', '.join(sorted(_RULES))}.")
    fits, expected = _RULES[key]
    if value is not None and not fits(value):
        raise validation_error(f"{key} must be {expected}.")


def _shown(fault: Fault) -> dict[str, Any]:
    return {
        "number": fault.number,
        **asdict(fault.settings),
        "struck": fault.struck,
        "spent": fault.spent,
    }
