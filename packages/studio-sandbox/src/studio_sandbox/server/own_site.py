"""ASGI middleware that refuses web pages of other sites at the sandbox's own endpoints.

The page and the endpoints under /control need no key, and a browser sends requests for any page, to
this machine too. `Origin` names the site of that page (Fetch standard). `Host` is the name under
which the browser reaches the server, which is a foreign domain after DNS rebinding.
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_SERVICES = (
    *("/v1/", "/v1beta/", "/youtube/", "/upload/"),
    *("/token", "/revoke", "/kling-files/"),
)
"""Paths that need a key, or a signature."""


class OwnSiteOnly:
    """Answers 403 to a foreign Host or Origin, but for the services.

    Args:
        app: The application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        message = None
        if scope["type"] == "http" and not scope["path"].startswith(_SERVICES):
            message = _refusal(Headers(scope=scope))
        if message is None:
            await self._app(scope, receive, send)
            return
        body = {"status": 403, "message": message}
        await JSONResponse(body, 403)(scope, receive, send)


def _refusal(headers: Headers) -> str | None:
    host = headers.get("host", "")
    if not _is_address(host_name(host)):
        return "Address the sandbox as localhost, by its IP address, or by a name without a dot."
    origin = headers.get("origin")
    if origin is None or origin in (f"http://{host}", f"https://{host}"):
        return None
    return "Pages of other sites may not use this server."


def host_name(host: str) -> str:
    """The name or address in a Host header, without its port; empty when it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Whether a name or an address means this machine."""
    if f".{name}".endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    """Whether no other site can own the name: rebinding needs a domain, which has a dot."""
    if is_loopback(name):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and "." not in name
    return True
