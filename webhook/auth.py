"""Authenticate a delivery, and decide which unauthenticated handshake may enrol its token."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from starlette.datastructures import Headers

from models.settings import Settings
from webhook.enrolment import Secrets
from webhook.events import Shape, handshake_token, parse, shape_of
from webhook.refusals import Refusal
from webhook.signature import SECRET_HEADER, SIGNATURE_HEADER, same_secret, verify, well_formed

HANDSHAKE_MAX: Final = 4 * 1024
"""Bytes. A handshake is parsed before its sender is authenticated, so it has to be small. Notion's
has 80."""


class AuthMethod(StrEnum):
    """How a sender was authenticated."""

    SIGNATURE = "signature"
    HEADER_SECRET = "header_secret"  # noqa: S105 - the method's name


_ACCEPTED_METHODS: Final = {
    Shape.NOTION: {AuthMethod.SIGNATURE},
    Shape.HANDSHAKE: {AuthMethod.SIGNATURE},
    Shape.AUTOMATION: {AuthMethod.HEADER_SECRET},
    Shape.FLAT: {AuthMethod.SIGNATURE, AuthMethod.HEADER_SECRET},
}
"""Notion signs its webhooks and cannot sign an automation's."""


def accepts(shape: Shape, method: AuthMethod) -> bool:
    """Whether a delivery of that shape may be authenticated by that method."""
    return method in _ACCEPTED_METHODS[shape]


def is_json(headers: Headers) -> bool:
    """Whether the content type is JSON, `application/json` or `application/…+json`."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return True
    return kind.startswith("application/") and kind.endswith("+json")


class Authenticator:
    """Checks signatures and header secrets.

    Args:
        settings: only the automation's secret is read.
        secrets: the keys of signatures.
    """

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        secret = settings.automation_webhook_secret
        self._header_secret = None if secret is None else secret.get_secret_value()
        self._secrets = secrets

    async def authenticate(self, headers: Headers, body: bytes) -> AuthMethod | None:
        """How the sender is authenticated; None when it is not, which only a handshake may be.

        A signature that is sent must verify: the header secret never makes up for a wrong one.

        Raises:
            Refusal: 401 for a wrong header secret.
            DatabaseUnavailable: when the database is needed to decide.
        """
        signatures = headers.getlist(SIGNATURE_HEADER)
        if signatures:
            if len(signatures) == 1 and await self._secrets.verify(body, signatures[0]):
                return AuthMethod.SIGNATURE
            return None
        sent = headers.get(SECRET_HEADER)
        if sent is None:
            return None
        if not same_secret(sent, self._header_secret):
            raise Refusal(401, "header_secret_mismatch")
        return AuthMethod.HEADER_SECRET

    def token_to_enrol(self, headers: Headers, body: bytes) -> str:
        """The token of a handshake whose sender is not authenticated, while enrolment is open.

        A handshake without a signature is accepted; a signature must be made with the token.

        Raises:
            Refusal: 401 for everything else.
        """
        signatures = headers.getlist(SIGNATURE_HEADER)
        token = None
        if self._secrets.enrolment_open:
            token = _token_of(headers, body)
        if token is not None:
            if not signatures:
                return token
            if len(signatures) == 1 and verify(body, signatures[0], [token]):
                return token
        raise Refusal(401, self._reason(signatures, body))

    def _reason(self, signatures: list[str], body: bytes) -> str:
        """Why the sender is not authenticated, for the log."""
        if not signatures:
            return "handshake_expected" if self._secrets.enrolment_open else "signature_missing"
        if len(signatures) != 1 or not well_formed(signatures[0]):
            return "signature_malformed"
        if self._secrets.waits(body, signatures[0]):
            return "token_not_accepted_yet"
        return "signature_mismatch"


def _token_of(headers: Headers, body: bytes) -> str | None:
    """The token of a handshake; None for every other body, also a malformed one."""
    if len(body) > HANDSHAKE_MAX or not is_json(headers):
        return None
    try:
        payload = parse(body)
    except Refusal:
        return None
    if shape_of(payload) is not Shape.HANDSHAKE:
        return None
    return handshake_token(payload)
