"""The authorization page, and the token endpoint.

Source: "OAuth 2.0 for Mobile & Desktop Apps" (developers.google.com/identity). Google has the page
at accounts.google.com/o/oauth2/v2/auth and the endpoint at oauth2.googleapis.com/token.
"""

import html
import ipaddress
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from studio_sandbox.config import Clock, Config
from studio_sandbox.services.youtube.errors import oauth_error
from studio_sandbox.services.youtube.grants import Grants
from studio_sandbox.wire.route import Call

PAGE = "/o/oauth2/v2/auth"
_PASSED_ON = (
    *("client_id", "redirect_uri", "scope", "state"),
    *("code_challenge", "code_challenge_method"),
)
_SECURITY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


class Authorization:
    """Page and endpoint.

    Args:
        config: The clients and channels.
        grants: What people allowed.
        clock: The time.
    """

    def __init__(self, config: Config, grants: Grants, clock: Clock) -> None:
        self._config = config
        self._grants = grants
        self._clock = clock

    async def page(self, request: Request) -> Response:
        """GET: asks a person which channel the program may use."""
        asked = request.query_params
        if problem := self._problem(asked):
            return _refused(problem)
        if asked.get("response_type") != "code":
            return _refused("unsupported_response_type: response_type must be code.")
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(asked.get(name, ""))}">'
            for name in _PASSED_ON
        )
        buttons = "".join(
            f'<p><button name="channel" value="{html.escape(title)}">Allow for '
            f"{html.escape(title)}</button></p>"
            for title in self._config.channels
        )
        scopes = "".join(f"<li>{html.escape(each)}</li>" for each in asked["scope"].split())
        return HTMLResponse(
            "<!doctype html><html lang=en><title>Sign in (sandbox)</title>"
            f"<h1>A program wants to use YouTube</h1><ul>{scopes}</ul>"
            f'<form method="post" action="{PAGE}">{hidden}{buttons}'
            '<p><button name="channel" value="">Cancel</button></p></form></html>',
            headers=_SECURITY,
        )

    async def decide(self, request: Request) -> Response:
        """POST: sends the browser back to the program, with a code or `access_denied`."""
        form = QueryParams(dict(parse_qsl((await request.body()).decode(errors="replace"))))
        if problem := self._problem(form):
            return _refused(problem)
        answer = {"error": "access_denied"}
        if form.get("channel") in self._config.channels:
            code = self._grants.allow(
                now=self._clock(),
                client=form["client_id"],
                redirect_uri=form["redirect_uri"],
                scope=form["scope"],
                channel=form["channel"],
                challenge=form.get("code_challenge", ""),
                method=form.get("code_challenge_method", "plain"),
            )
            answer = {"code": code, "scope": form["scope"]}
        if "state" in form:
            answer["state"] = form["state"]
        joint = "&" if "?" in form["redirect_uri"] else "?"
        return RedirectResponse(f"{form['redirect_uri']}{joint}{urlencode(answer)}", 303)

    def _problem(self, asked: QueryParams) -> str | None:
        """What is wrong with a request for authorization."""
        if self._config.account("youtube", asked.get("client_id", "")) is None:
            return "invalid_client: the OAuth client was not found."
        if not _is_loopback(asked.get("redirect_uri", "")):
            return "redirect_uri_mismatch: a desktop client is sent back to a loopback address."
        if not asked.get("scope"):
            return "invalid_request: Missing required parameter: scope"
        return None

    async def token(self, call: Call) -> Response:
        """POST /token: a code or a refresh token becomes an access token."""
        form = dict(parse_qsl(call.raw.decode(errors="replace")))
        account = self._config.account("youtube", form.get("client_id", ""))
        if account is None or account.secret != form.get("client_secret"):
            raise oauth_error("invalid_client", "The OAuth client was not found.", 401)
        match form.get("grant_type"):
            case "authorization_code":
                answer = self._grants.exchange(form, call.now)
            case "refresh_token":
                answer = self._grants.refresh(form, call.now)
            case other:
                raise oauth_error("unsupported_grant_type", f"Invalid grant_type: {other}")
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def revoke(self, request: Request) -> Response:
        """POST /revoke?token=: takes a refresh token back."""
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        token = form.get("token") or request.query_params.get("token", "")
        if self._grants.revoke(token):
            return JSONResponse({})
        words = "Token expired or revoked"
        return JSONResponse({"error": "invalid_token", "error_description": words}, 400)


def _refused(problem: str) -> Response:
    text = f"<!doctype html><html lang=en><title>Error 400</title><p>{html.escape(problem)}</html>"
    return HTMLResponse(text, 400, headers=_SECURITY)


def _is_loopback(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        name = parts.hostname or ""
        return parts.scheme == "http" and (
            name == "localhost" or ipaddress.ip_address(name).is_loopback
        )
    except ValueError:
        return False
