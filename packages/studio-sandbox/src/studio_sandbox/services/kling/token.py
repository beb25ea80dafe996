"""The JSON web tokens (HS256) that Kling's requests carry. Source: RFC 7519, RFC 7515."""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from studio_sandbox.config import Account, Config
from studio_sandbox.services.kling.errors import kling_error

LIFETIME = 1800
"""Seconds that a token is valid in Kling's examples."""
_SLACK = 5


def sign(account: Account, now: datetime) -> str:
    """A token of an account, as Kling's documentation makes it."""
    seconds = int(now.timestamp())
    claims = {"iss": account.key, "exp": seconds + LIFETIME, "nbf": seconds - _SLACK}
    signed = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
    return f"{signed}.{_signature(account.secret, signed)}"


def account_of(header: str | None, config: Config, now: datetime) -> Account:
    """The account whose token stands in an `Authorization` header.

    Raises:
        ServiceError: 1000 to 1004.
    """
    if not header:
        raise kling_error(1001)
    scheme, _, token = header.partition(" ")
    signed, dot, signature = token.rpartition(".")
    if scheme != "Bearer" or not dot:
        raise kling_error(1002)
    head, claims = map(_decode, (*signed.split(".", 1), "")[:2])
    if head.get("alg") != "HS256" or head.get("typ") != "JWT":
        raise kling_error(1002, "Authorization is invalid: alg must be HS256 and typ JWT")
    account = config.account("kling", str(claims.get("iss")))
    if account is None:
        raise kling_error(1002, "Authorization is invalid: access key not found")
    if not hmac.compare_digest(_signature(account.secret, signed), signature):
        raise kling_error(1000, "Authentication failed: signature is invalid")
    _check_time(claims, now.timestamp())
    return account


def _check_time(claims: dict[str, Any], now: float) -> None:
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, int | float) or not isinstance(begins, int | float):
        raise kling_error(1002, "Authorization is invalid: exp and nbf must be numbers")
    if now >= expires:
        raise kling_error(1004)
    if now < begins:
        raise kling_error(1003)


def _encode(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(part: str) -> dict[str, Any]:
    try:
        padded = part + "=" * (-len(part) % 4)
        value = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error):
        value = None
    if not isinstance(value, dict):
        raise kling_error(1002)
    return value


def _signature(secret: str, signed: str) -> str:
    return _base64(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())
