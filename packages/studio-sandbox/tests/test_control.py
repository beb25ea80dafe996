"""The control endpoints and the page."""

import pytest
from studio_kit import Client

from studio_sandbox.testing import StudioSandbox


def test_a_row_names_the_request_by_the_clients_own_key(
    client: Client, studio: StudioSandbox
) -> None:
    client.gemini(name="piece-7")
    client.submit("piece-8")
    assert [row["key"] for row in studio.ledger()] == ["piece-7", "piece-8"]
    assert [row["service"] for row in studio.ledger(key="piece-7")] == ["gemini"]
    assert studio.ledger(service="youtube") == []
    assert studio.http.get("/control/ledger").json()["usd"] == 0.277
    assert studio.http.get("/control/ledger?colour=red").status_code == 400


def test_time_passes_on_demand(client: Client, studio: StudioSandbox) -> None:
    client.submit("a")
    studio.advance(seconds=20)
    assert client.job("a")["task_status"] == "succeed"
    assert [job["status"] for job in studio.jobs()] == ["succeed"]
    assert studio.http.get("/control/clock").json()["ahead_seconds"] == 20
    for body in ({}, {"advance_seconds": -1}, {"advance_seconds": "1"}, {"advance_seconds": 1e12}):
        assert studio.http.post("/control/clock", json=body).status_code == 400


def test_a_balance_belongs_to_an_account_that_exists(studio: StudioSandbox) -> None:
    for body in (
        {"service": "kling"},
        {"service": "vimeo", "balance": 1},
        {"service": "kling", "name": "other", "balance": 1},
        {"service": "kling", "balance": "much"},
    ):
        assert studio.http.post("/control/accounts", json=body).status_code == 400


def test_a_person_sees_everything_on_one_page(client: Client, studio: StudioSandbox) -> None:
    client.gemini("A <b>squid</b>")
    client.submit("piece-8")
    client.speech()
    client.put(client.session("My film"), b"film")
    studio.advance(seconds=20)
    page = studio.http.get("/")
    assert "A &lt;b&gt;squid&lt;/b&gt;" in page.text
    assert "<b>squid" not in page.text
    for shown in ("piece-8", "succeed", "My film", "private"):
        assert shown in page.text
    links = [part.partition('"')[0] for part in page.text.split('src="')[1:]]
    kinds = [studio.http.get(link).headers["content-type"] for link in links]
    assert sorted(kinds) == ["audio/mpeg", "image/png", "video/mp4", "video/mp4"]


@pytest.mark.parametrize("path", ["/made/nothing.png", "/clips/1", "/films/x"])
def test_the_page_shows_no_other_files(studio: StudioSandbox, path: str) -> None:
    assert studio.http.get(path).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://example.org"}, {"Host": "rebound.example.org"}],
)
def test_another_site_can_neither_look_nor_change(
    studio: StudioSandbox, headers: dict[str, str]
) -> None:
    for path in ("/", "/control/ledger", "/control/faults", "/made/x.png"):
        assert studio.http.get(path, headers=headers).status_code == 403
    body = {"kind": "lost_after"}
    assert studio.http.post("/control/faults", json=body, headers=headers).status_code == 403
    plain = studio.http.post("/control/faults", content=b'{"kind": "lost_after"}')
    assert plain.status_code == 400
