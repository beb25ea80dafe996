"""The requests that a server without a login answers: of its own pages, and of programs."""

from __future__ import annotations

import pytest

from flows.server.same_origin import LOOPBACK, refusal

ORIGINS = ["http://127.0.0.1:4200", "http://localhost:4200"]
OWN = "127.0.0.1:4200"


def refused(hosts: frozenset[str] | None = LOOPBACK, **headers: str) -> bool:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal(named, hosts=hosts, origins=ORIGINS) is not None


@pytest.mark.parametrize(
    "host", [OWN, "localhost:4200", "LOCALHOST:4200", "[::1]:4200", "localhost", "localhost.:4200"]
)
def test_a_program_of_this_machine_is_served(host: str) -> None:
    assert not refused(host=host)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "", "[", "0.0.0.0"]
)
def test_a_foreign_name_is_refused_which_is_what_dns_rebinding_sends(host: str) -> None:
    assert refused(host=host)
    assert refused(host=host, origin=f"http://{host}")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "file://", ""]
)
def test_another_sites_page_is_refused(origin: str) -> None:
    assert refused(host=OWN, origin=origin)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:4200", "http://localhost:4200"])
def test_the_own_pages_are_served_under_either_name(origin: str) -> None:
    assert not refused(host=OWN, origin=origin)
    assert not refused(host="localhost:4200", origin=origin)


def test_a_link_is_followed_and_an_image_is_not_loaded() -> None:
    assert not refused(host=OWN, sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    assert refused(host=OWN, sec_fetch_site="cross-site", sec_fetch_mode="no-cors")
    assert not refused(host=OWN, sec_fetch_site="same-origin", sec_fetch_mode="cors")


def test_behind_a_login_any_name_is_served_and_foreign_pages_are_not() -> None:
    assert not refused(None, host="prefect.example")
    assert not refused(None, host="prefect.example", origin="https://prefect.example")
    assert refused(None, host="prefect.example", origin="https://evil.example")
