"""Kling's tokens: who signed them, for whom, and for how long."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from studio_kit import JOBS, HandClock

from studio_sandbox.testing import StudioSandbox


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _token(studio: StudioSandbox, head: dict[str, str], **claims: Any) -> str:
    """Signed by hand, so that the sandbox's own signing proves nothing."""
    signed = f"{_part(head)}.{_part(claims)}"
    secret = studio.account("kling").secret.encode()
    digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _code(studio: StudioSandbox, header: str | None) -> tuple[int, int]:
    headers = {} if header is None else {"Authorization": header}
    answer = studio.http.get(JOBS, headers=headers)
    return answer.status_code, answer.json()["code"]


HEAD = {"alg": "HS256", "typ": "JWT"}


@pytest.mark.parametrize(
    ("head", "changed", "code"),
    [
        (HEAD, {}, 0),
        (HEAD, {"exp": 0}, 1004),
        (HEAD, {"exp": "soon"}, 1002),
        (HEAD, {"nbf": 60}, 1003),
        (HEAD, {"iss": "somebody"}, 1002),
        ({"alg": "HS256"}, {}, 1002),
        ({"alg": "none", "typ": "JWT"}, {}, 1002),
    ],
)
def test_a_token_says_who_and_how_long(
    studio: StudioSandbox, clock: HandClock, head: dict[str, str], changed: Any, code: int
) -> None:
    now = int(clock.now.timestamp())
    claims = {"iss": studio.account("kling").key, "exp": 1800, "nbf": -5, **changed}
    for name in ("exp", "nbf"):
        if isinstance(claims[name], int):
            claims[name] += now
    token = _token(studio, head, **claims)
    assert _code(studio, f"Bearer {token}") == (200 if code == 0 else 401, code)


def test_a_token_is_needed_and_must_be_ours(studio: StudioSandbox) -> None:
    token = studio.kling_token()
    assert _code(studio, f"Bearer {token}")[1] == 0
    assert _code(studio, None) == (401, 1001)
    assert _code(studio, token) == (401, 1002)
    assert _code(studio, "Bearer a.b.c") == (401, 1002)
    forged = f"{token.rpartition('.')[0]}.{'A' * 43}"
    assert _code(studio, f"Bearer {forged}") == (401, 1000)


def test_advanced_time_does_not_age_tokens(studio: StudioSandbox, clock: HandClock) -> None:
    token = studio.kling_token()
    studio.advance(days=30)
    assert _code(studio, f"Bearer {token}")[1] == 0
    clock.pass_(minutes=30)
    assert _code(studio, f"Bearer {token}")[1] == 1004
