"""Who may do what: codes, refresh tokens and access tokens, and the channels behind them."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

from studio_sandbox.config import Config
from studio_sandbox.services.youtube.errors import oauth_error, youtube_error
from studio_sandbox.store.journal import Body, Journal
from studio_sandbox.wire.route import Call

LIFETIME: Final = 3599
"""Seconds that an access token is valid."""
_CODE_LIFETIME = timedelta(minutes=10)
SCOPE: Final = "https://www.googleapis.com/auth/youtube"
UPLOAD: Final = f"{SCOPE}.upload"
READ: Final = f"{SCOPE}.readonly"
_FULL: Final = (SCOPE, f"{SCOPE}.force-ssl")


def channel_id(title: str) -> str:
    """The id of a channel, which begins with UC."""
    digest = hashlib.sha256(title.encode()).digest()
    return "UC" + base64.urlsafe_b64encode(digest).decode()[:22]


class Grants:
    """What people allowed.

    Args:
        config: Its clients and channels.
        journal: Where tokens are kept.
    """

    def __init__(self, config: Config, journal: Journal) -> None:
        self._config = config
        self._journal = journal
        clients = [account.key for account in config.accounts if account.service == "youtube"]
        token = config.refresh_token
        if token is not None and clients and journal.get("refresh", token) is None:
            scope = f"{UPLOAD} {READ}"
            grant = {"client": clients[0], "channel": config.channels[0], "scope": scope}
            journal.put(("refresh", token, grant))

    def allow(self, *, now: datetime, **facts: str) -> str:
        """A code for what a person allowed: client, redirect_uri, scope, channel, challenge."""
        code = f"4/0{secrets.token_urlsafe(40)}"
        self._journal.put(("code", code, {**facts, "at": now.isoformat()}))
        return code

    def exchange(self, form: dict[str, str], now: datetime) -> Body:
        """A code becomes a refresh token and an access token.

        Raises:
            ServiceError: invalid_grant.
        """
        code = form.get("code", "")
        kept = self._journal.get("code", code)
        refused = oauth_error("invalid_grant", "Malformed auth code.")
        if kept is None or kept.get("used") or kept["client"] != form["client_id"]:
            raise refused
        if now - datetime.fromisoformat(kept["at"]) > _CODE_LIFETIME:
            raise refused
        if kept["redirect_uri"] != form.get("redirect_uri"):
            raise oauth_error("redirect_uri_mismatch", "Bad Request")
        if not _is_proof(kept["challenge"], kept["method"], form.get("code_verifier", "")):
            raise oauth_error("invalid_grant", "Invalid code verifier.")
        refresh = f"1//0{secrets.token_urlsafe(48)}"
        grant = {name: kept[name] for name in ("client", "channel", "scope")}
        used = ("code", code, {**kept, "used": True})
        self._journal.put(used, ("refresh", refresh, grant))
        return {**self._access(grant, now), "refresh_token": refresh}

    def refresh(self, form: dict[str, str], now: datetime) -> Body:
        """A new access token for a refresh token.

        Raises:
            ServiceError: invalid_grant.
        """
        grant = self._journal.get("refresh", form.get("refresh_token", ""))
        if grant is None or grant.get("revoked") or grant["client"] != form["client_id"]:
            raise youtube_error("invalid_grant")
        return self._access(grant, now)

    def revoke(self, token: str) -> bool:
        """Take back what a refresh token allows; whether there is one."""
        grant = self._journal.get("refresh", token)
        if grant is None:
            return False
        self._journal.put(("refresh", token, {**grant, "revoked": True}))
        return True

    def _access(self, grant: Body, now: datetime) -> Body:
        token = f"ya29.{secrets.token_urlsafe(60)}"
        until = (now + timedelta(seconds=LIFETIME)).isoformat()
        self._journal.put(("access", token, {**grant, "until": until}))
        answer = {"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"}
        return {**answer, "scope": grant["scope"]}

    def of(self, call: Call, *scopes: str) -> Body:
        """Client and channel of a request.

        Args:
            scopes: One of these is needed, or one that includes them.

        Raises:
            ServiceError: 401, or 403 for want of a scope.
        """
        scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
        grant = self._journal.get("access", token)
        if scheme != "Bearer" or grant is None:
            raise youtube_error("authError")
        if call.now >= datetime.fromisoformat(grant["until"]):
            raise youtube_error("authError")
        if not set(grant["scope"].split()) & {*scopes, *_FULL}:
            raise youtube_error("insufficientPermissions")
        return grant


def _is_proof(challenge: str, method: str, verifier: str) -> bool:
    """Whether a verifier belongs to a challenge. Source: RFC 7636, 4.6."""
    if not challenge:
        return True
    computed = verifier
    if method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        computed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(challenge, computed)
