"""The sandbox's own endpoint for faults on demand: /sandbox/faults."""

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

_TEXTS = {
    "method": ("GET", "POST", "PATCH", "DELETE"),
    "who": ("bot", "person", "everyone"),
    "drop": ("before", "after"),
}
_INTEGERS = ("status", "times", "skip", "retry_after")
_NUMBERS = ("delay_ms", "stale_seconds")
_FLAGS = ("saved", "html")


class FaultControl:
    """GET, POST and DELETE /sandbox/faults.

    Args:
        faults: The faults.
        feed: Told when they are set, strike and are cleared.
        clock: Tells the time.
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
        return self._list() if request.method == "GET" else self._clear(request)

    def _list(self) -> dict[str, Any]:
        return {"faults": [_shown(fault) for fault in self._faults.all()]}

    def _clear(self, request: Request) -> dict[str, Any]:
        number = request.query_params.get("number")
        if number is not None and not number.isdecimal():
            raise validation_error("number must be the number of a fault.")
        return {"cleared": self._faults.clear(None if number is None else int(number))}

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
    whole = isinstance(value, int) and not isinstance(value, bool)
    rules = {
        **{
            name: (value in choices, f"one of {', '.join(choices)}")
            for name, choices in _TEXTS.items()
        },
        **dict.fromkeys(_INTEGERS, (whole, "a whole number")),
        **dict.fromkeys(_NUMBERS, (whole or isinstance(value, float), "a number")),
        **dict.fromkeys(_FLAGS, (isinstance(value, bool), "true or false")),
        "path": (
            isinstance(value, str) and value.startswith("/v1/"),
            "a path that starts with /v1/",
        ),
    }
    if key not in rules:
        raise validation_error(f"A fault has no {key!r}; it has {', '.join(sorted(rules))}.")
    fits, expected = rules[key]
    if value is not None and not fits:
        raise validation_error(f"{key} must be {expected}.")


def _shown(fault: Fault) -> dict[str, Any]:
    return {
        "number": fault.number,
        **asdict(fault.trouble),
        "struck": fault.struck,
        "spent": fault.spent,
    }
