"""JSON Web Tokens signed with HMAC-SHA256 (RFC 7515, HS256), which is all that Kling takes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


def signed(claims: Mapping[str, Any], secret: str) -> str:
    """A token with those claims."""
    head = _encoded(_json({"alg": "HS256", "typ": "JWT"}))
    content = f"{head}.{_encoded(_json(claims))}"
    digest = hmac.new(secret.encode(), content.encode(), hashlib.sha256).digest()
    return f"{content}.{_encoded(digest)}"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
