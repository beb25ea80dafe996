"""Verify Notion's signature and the header secret, in constant time.

Source: Notion's webhooks page. `X-Notion-Signature` is `sha256=` and the lower-case hex HMAC-SHA256
of the raw body, keyed with the subscription's verification token. It has no time stamp: a replayed
delivery is recognised by its event id.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256

SIGNATURE_HEADER = "X-Notion-Signature"
SECRET_HEADER = "X-Showrunner-Secret"  # noqa: S105 - a header's name

_WELL_FORMED = re.compile("sha256=[0-9a-f]{64}")


def sign(body: bytes, token: str) -> str:
    """The value of `X-Notion-Signature` for exactly these bytes."""
    return "sha256=" + hmac.new(token.encode(), body, sha256).hexdigest()


def verify(body: bytes, header: str, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets signed exactly these bytes; False without any secret.

    Every secret is tried, so that the time taken does not reveal which one matched. A blank secret
    never verifies: anybody could sign with it.
    """
    sent = header.encode(errors="replace")
    found = [
        hmac.compare_digest(sign(body, secret).encode(), sent)
        for secret in secrets
        if secret.strip()
    ]
    return any(found)


def well_formed(header: str) -> bool:
    """Whether a header has the form of a signature; only the logged reason depends on it."""
    return _WELL_FORMED.fullmatch(header) is not None


def same_secret(sent: str, secret: str | None) -> bool:
    """Whether a secret is the configured one, in constant time; False when none is configured."""
    if secret is None or not secret.strip():
        return False
    return hmac.compare_digest(sent.encode(errors="replace"), secret.encode(errors="replace"))
