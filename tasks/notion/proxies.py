"""HTTP proxies from the environment: for requests to other machines, never for loopback.

Every HTTP library here reads HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in upper or lower
case.
"""

from __future__ import annotations

import socket
from collections.abc import MutableMapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from models.errors import SettingsError
from models.postgres.engine import SILENCE_SECONDS

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def is_remote(url: str) -> bool:
    """Whether a URL leads to another machine, so that a proxy may be used for it.

    False for a malformed URL.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # the request itself will fail with the reason
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for that URL; None for none."""
    if not is_remote(url):
        return None
    given, parts = getproxies(), urlsplit(url)
    proxy = given.get(parts.scheme) or given.get("all")
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    if "://" not in proxy:
        return f"http://{proxy}"
    return proxy


def keep_loopback_direct(environment: MutableMapping[str, str]) -> None:
    """Add loopback to NO_PROXY, for every library in this process and its children.

    What the operator put there stays. Where no proxy is named nothing is changed.
    """
    named = {name.lower() for name, value in environment.items() if value}
    if named.isdisjoint({"http_proxy", "https_proxy", "all_proxy"}):
        return
    given = environment.get("no_proxy", environment.get("NO_PROXY", ""))
    excepted = [host.strip() for host in given.split(",") if host.strip()]
    if "*" in excepted:
        return
    hosts = ",".join([*excepted, *(host for host in _LOOPBACK if host not in excepted)])
    environment["NO_PROXY"] = environment["no_proxy"] = hosts


def network_transport(url: str) -> httpx.AsyncHTTPTransport:
    """A transport to that URL, through the proxy that the environment names for it.

    Given to an HTTP client, which then does not read the environment's proxies itself.

    Raises:
        SettingsError: when the environment names a proxy that cannot be used.
    """
    proxy = proxy_for(url)
    try:
        return httpx.AsyncHTTPTransport(proxy=proxy, socket_options=_drop_unsent_data())
    except (ValueError, httpx.InvalidURL, ImportError):  # ImportError: SOCKS without its package
        raise SettingsError(
            "HTTPS_PROXY (or HTTP_PROXY, ALL_PROXY) names no proxy that can be used: it looks like "
            "http://proxy.example:3128; for socks5://… the Python package socksio must be "
            "installed beside Showrunner."
        ) from None


def _drop_unsent_data() -> list[tuple[int, int, int]]:
    """Socket options that make the kernel give up data it could not deliver in `SILENCE_SECONDS`.

    Otherwise it repeats a cut-off host's last write for minutes, and that would reach the board
    long after another host took over. Only Linux has the option.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        return []
    return [(socket.IPPROTO_TCP, option, SILENCE_SECONDS * 1000)]
