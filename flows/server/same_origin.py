"""ASGI middleware that refuses requests from web pages of other sites.

A browser sends requests for any page, to 127.0.0.1 too. `Origin` names the site of that page (Fetch
standard). `Host` is the name under which the browser reaches the server, which is a foreign name
after DNS rebinding.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def refusal(
    headers: Mapping[str, str], *, hosts: Collection[str] | None, origins: Collection[str]
) -> str | None:
    """The reason why a request is refused; None when it is served.

    Args:
        headers: the request's, names in lower case.
        hosts: names by which the server may be addressed, without ports; None for any name.
        origins: allowed origins beside the server's own, e.g. `http://localhost:4200`.
    """
    host = headers.get("host", "")
    if hosts is not None and _name(host) not in hosts:
        return f"This server does not answer to the name {host!r}."
    origin = headers.get("origin")
    if origin is not None:
        own = bool(host) and origin in {f"http://{host}", f"https://{host}"}
        if own or origin in origins:
            return None
        return f"Pages of {origin} may not use this server."
    # Without an origin: a link that users follow is served, an image or script of another site is
    # not.
    cross_site = headers.get("sec-fetch-site") == "cross-site"
    if cross_site and headers.get("sec-fetch-mode") != "navigate":
        return "Pages of other sites may not use this server."
    return None


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


class SameOriginOnly:
    """Answers 403 to what `refusal` refuses, and closes such WebSockets.

    Args:
        app: the application behind it.
        hosts, origins: as for `refusal`.
    """

    def __init__(
        self, app: Any, *, hosts: Collection[str] | None, origins: Collection[str]
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        why = refusal(headers, hosts=self._hosts, origins=self._origins)
        if why is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _forbid(send, why)


async def _forbid(send: Any, why: str) -> None:
    body = json.dumps({"detail": why}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def login_for(host: str, home: Path) -> tuple[str, bool] | None:
    """The login that a server on that address needs: `user:password`, and whether it is new.

    None on loopback, where only users of this machine can reach the server. The login is kept in
    the folder `home`, readable by its owner alone, so that a restart needs the same one.
    """
    if host in LOOPBACK:
        return None
    path = home / "login"
    if path.exists():
        return path.read_text(encoding="utf-8").strip(), False
    login = f"showrunner:{secrets.token_urlsafe(24)}"
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{login}\n")
    return login, True
