"""Which requests go through a proxy: those that leave this machine, as the environment says; those to itself never.

The variables are the ones that every HTTP library here reads: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in upper
or lower case.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def is_remote(url: str) -> bool:
    """Whether a URL leads to another machine; else no proxy is to be asked for it.

    One that is none leads nowhere.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # whoever asks it is told what is wrong with it
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


def proxy_for(url: str) -> str | None:
    """The proxy through which the environment wants that URL to be asked; None for none."""
    if not is_remote(url):
        return None
    given, parts = getproxies(), urlsplit(url)
    proxy = given.get(parts.scheme) or given.get("all")
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def keep_loopback_direct(environment: MutableMapping[str, str]) -> None:
    """Have every library in this process and its children ask this machine itself without a proxy.

    What the operator excepts stays excepted. Where no proxy is named nothing is changed.
    """
    named = {name.lower() for name, value in environment.items() if value}
    if named.isdisjoint({"http_proxy", "https_proxy", "all_proxy"}):
        return
    given = (
        environment["no_proxy"] if "no_proxy" in environment else environment.get("NO_PROXY", "")
    )
    excepted = [host.strip() for host in given.split(",") if host.strip()]
    if "*" in excepted:
        return
    hosts = ",".join([*excepted, *(host for host in _LOOPBACK if host not in excepted)])
    environment["NO_PROXY"] = environment["no_proxy"] = hosts
