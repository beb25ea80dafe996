"""Requests to services: one attempt each, and what it means when no answer comes."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx

from models.production.making import Failure, MakerError, Submitted
from models.production.paid_orders import Answer

_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_SAID: Final = 300
"""Characters of a service's own words that are repeated."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer.

    Attributes:
        whole: whether the body came to its end.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True

    def json(self) -> dict[str, Any]:
        """The body as an object; empty when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def client(*, answer_seconds: float) -> httpx.AsyncClient:
    """A client that repeats nothing by itself and follows no redirect.

    Args:
        answer_seconds: how long the service may be silent.
    """
    limits = httpx.Timeout(answer_seconds, connect=10, pool=10)
    return httpx.AsyncClient(timeout=limits, verify=_trusted(), follow_redirects=False)


def answer_of(error: httpx.HTTPError) -> Answer:
    """What a request without an answer means: whether the service can have got it."""
    return Answer.NOT_SENT if isinstance(error, _NOT_SENT) else Answer.UNKNOWN


async def ask(using: httpx.AsyncClient, method: str, url: str, **request: Any) -> Reply:
    """Send a request.

    A body that breaks off is an answer all the same: its status says what was done.

    Raises:
        httpx.HTTPError: no answer came.
    """
    async with using.stream(method, url, **request) as response:
        body, whole = b"", True
        try:
            async for part in response.aiter_bytes():
                body += part
        except httpx.HTTPError:
            whole = False
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(status=response.status_code, headers=headers, body=body, whole=whole)


async def ask_again_later(using: httpx.AsyncClient, method: str, url: str, **request: Any) -> Reply:
    """Send a request that changes nothing.

    Raises:
        MakerError: no whole answer came; it can be asked again.
    """
    try:
        reply = await ask(using, method, url, **request)
    except httpx.HTTPError as error:
        raise MakerError(Failure.RETRIABLE, f"No answer ({type(error).__name__}).") from error
    if not reply.whole:
        raise MakerError(Failure.RETRIABLE, "The answer broke off.")
    return reply


async def download(using: httpx.AsyncClient, url: str, path: Path, *, gone: frozenset[int]) -> int:
    """Write a file; the status of the answer: 200, or one of `gone`.

    Raises:
        MakerError: it broke off, or the service answered something else.
    """
    stream: AbstractAsyncContextManager[httpx.Response] = using.stream("GET", url)
    try:
        async with stream as response:
            if response.status_code in gone:
                return response.status_code
            if response.status_code != httpx.codes.OK:
                raise MakerError(
                    Failure.RETRIABLE, f"The download was answered with {response.status_code}."
                )
            with path.open("wb") as file:
                async for part in response.aiter_bytes():
                    file.write(part)
    except httpx.HTTPError as error:
        raise MakerError(
            Failure.RETRIABLE, f"The download broke off ({type(error).__name__})."
        ) from error
    return httpx.codes.OK


def unanswered(error: httpx.HTTPError) -> Submitted:
    """A submission without an answer."""
    return Submitted(answer=answer_of(error), reason=f"{type(error).__name__}.")


def no_account(reason: str, *, of_channel: bool = False) -> Submitted:
    """A submission that was not sent, since the account cannot be used."""
    return Submitted(answer=Answer.REFUSED_ACCOUNT, reason=reason, of_channel=of_channel)


def said(text: object) -> str:
    """A service's own words, short enough for a card."""
    plain = " ".join(str(text).split())
    return plain if len(plain) <= _SAID else f"{plain[:_SAID]}…"
