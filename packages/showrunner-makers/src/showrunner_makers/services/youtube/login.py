"""Google's sign-in for installed programs, and the tokens that act for a channel."""

from __future__ import annotations

import hashlib
import time
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from models.production.making import AccountRefused, Failure, Login, MakerError
from showrunner_makers.services.http import Reply, answer_of, ask, client, said
from showrunner_makers.services.settings import YouTubeSettings

SCOPES: Final = (
    "https://www.googleapis.com/auth/youtube.upload",
    "https://www.googleapis.com/auth/youtube.readonly",
)
"""To upload, and to look for an upload whose answer was lost."""
CONNECT: Final = "`showrunner youtube connect CHANNEL`"
_ANSWER_SECONDS: Final = 30.0
_EARLY: Final = 120
"""Seconds before its end at which a token is replaced."""
_REVOKED: Final = "invalid_grant"


class GoogleLogin:
    """Signs in and out, and gets access tokens, which are kept for as long as they count."""

    def __init__(self, settings: YouTubeSettings) -> None:
        self.settings = settings
        self._tokens: dict[str, tuple[SecretStr, float]] = {}

    def address(self, *, redirect: str, state: str, challenge: str) -> str:
        """Where a person says yes.

        Raises:
            MakerError: when a setting is missing.
        """
        client_id, _ = self._program()
        query = {
            "client_id": client_id,
            "redirect_uri": redirect,
            "response_type": "code",
            "scope": " ".join(SCOPES),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            # Without these a second consent brings no refresh token.
            "access_type": "offline",
            "prompt": "consent",
        }
        return f"{self.settings.consent_url}?{urlencode(query)}"

    async def exchange(self, *, code: str, redirect: str, verifier: str) -> Login:
        """Exchange a code for a refresh token, and read which channel it is of.

        Raises:
            MakerError: when Google refuses.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        reply = await self._post("/token", form)
        found = reply.json()
        if reply.status != httpx.codes.OK or not found.get("refresh_token"):
            raise MakerError(
                Failure.API_FAILURE,
                f"Google gave no refresh token ({_error(reply) or 'it says nothing more'}). Begin "
                f"again with {CONNECT}.",
            )
        account = await self._channel_title(str(found.get("access_token")))
        return Login(secret=SecretStr(str(found["refresh_token"])), account=account)

    async def revoke(self, login: SecretStr) -> None:
        """Tell Google that a login counts no longer.

        Raises:
            MakerError: when that is not certain.
        """
        reply = await self._post("/revoke", {"token": login.get_secret_value()})
        self._tokens.pop(_name(login), None)
        if reply.status != httpx.codes.OK and "invalid_token" not in _error(reply):
            raise MakerError(Failure.API_FAILURE, f"Google answers {reply.status}: {_error(reply)}")

    async def access_token(self, login: SecretStr) -> SecretStr:
        """A token for requests.

        Raises:
            AccountRefused: the login was revoked, or the program is not known.
            MakerError: no token now.
            httpx.HTTPError: no answer.
        """
        token, until = self._tokens.get(_name(login), (None, 0.0))
        if token is not None and time.monotonic() < until:
            return token
        form = {"grant_type": "refresh_token", "refresh_token": login.get_secret_value()}
        reply = await self._post("/token", form)
        if reply.status != httpx.codes.OK:
            raise refused(reply)
        found = reply.json()
        token = SecretStr(str(found.get("access_token", "")))
        lasts = float(found.get("expires_in", 0)) - _EARLY
        self._tokens[_name(login)] = (token, time.monotonic() + lasts)
        return token

    def forget(self, login: SecretStr) -> None:
        """Forget a token that Google refused."""
        self._tokens.pop(_name(login), None)

    def _program(self) -> tuple[str, str]:
        if lacking := self.settings.unset("client_id", "client_secret"):
            raise MakerError(Failure.MANUAL_REVIEW, lacking)
        secret = self.settings.client_secret
        assert secret is not None  # noqa: S101 - it is not missing
        return str(self.settings.client_id), secret.get_secret_value()

    async def _post(self, path: str, form: dict[str, str]) -> Reply:
        client_id, client_secret = self._program()
        program = {"client_id": client_id, "client_secret": client_secret}
        async with client(answer_seconds=_ANSWER_SECONDS) as using:
            try:
                url = f"{self.settings.oauth_url}{path}"
                return await ask(using, "POST", url, data={**form, **program})
            except httpx.HTTPError as error:
                # The request holds secrets, and a traceback may show it: nothing of it is kept.
                words = f"Google's sign-in does not answer ({type(error).__name__})."
                raise MakerError(Failure.RETRIABLE, words) from None

    async def _channel_title(self, token: str) -> str:
        url = f"{self.settings.url}/youtube/v3/channels"
        query = {"part": "snippet", "mine": "true"}
        headers = {"authorization": f"Bearer {token}"}
        async with client(answer_seconds=_ANSWER_SECONDS) as using:
            try:
                reply = await ask(using, "GET", url, params=query, headers=headers)
            except httpx.HTTPError as error:
                raise MakerError(Failure.RETRIABLE, f"YouTube: {answer_of(error)}.") from None
        items: list[Any] = reply.json().get("items") or []
        if not items:
            raise MakerError(
                Failure.API_FAILURE,
                "That Google account has no YouTube channel, or the YouTube Data API is not "
                f"enabled for the project of YOUTUBE_CLIENT_ID ({reply.status}).",
            )
        return str(items[0].get("snippet", {}).get("title") or items[0].get("id"))


def refused(reply: Reply) -> MakerError:
    """What it means that Google gives no token."""
    error = _error(reply)
    if _REVOKED in error:
        return AccountRefused(
            f"Google accepts the channel's login no longer ({_REVOKED}): it was revoked or "
            f"expired. {CONNECT} connects it again.",
            of_channel=True,
        )
    if reply.status >= httpx.codes.INTERNAL_SERVER_ERROR or reply.status in {408, 429}:
        return MakerError(Failure.RETRIABLE, f"Google's sign-in answers {reply.status}.")
    return AccountRefused(
        f"Google's sign-in answers {reply.status} ({error}). Correct YOUTUBE_CLIENT_ID and "
        "YOUTUBE_CLIENT_SECRET."
    )


def _error(reply: Reply) -> str:
    found = reply.json()
    return said(f"{found.get('error', '')} {found.get('error_description', '')}".strip())


def _name(login: SecretStr) -> str:
    return hashlib.sha256(login.get_secret_value().encode()).hexdigest()
