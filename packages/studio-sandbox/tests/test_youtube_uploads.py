"""YouTube: resumable uploads, their sessions, and the quota."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from studio_kit import UPLOAD, Client, HandClock

from studio_sandbox import Config
from studio_sandbox.testing import StudioSandbox

FILM = bytes(range(256)) * 4096
CHUNK = 256 * 1024


def _reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


def test_a_film_becomes_a_video(client: Client, studio: StudioSandbox) -> None:
    answer = client.put(client.session(containsSyntheticMedia=True), FILM)
    assert answer.status_code == 201
    video = answer.json()
    assert video["snippet"]["title"] == "Squid"
    assert video["snippet"]["tags"] == ["marker-1"]
    assert video["status"]["privacyStatus"] == "private"
    assert video["status"]["containsSyntheticMedia"] is True
    assert [kept["id"] for kept in studio.videos()] == [video["id"]]
    assert studio.http.get(f"/films/{video['id']}").content == FILM


def test_a_film_may_come_in_parts(client: Client) -> None:
    url = client.session()
    ranged = f"bytes 0-{CHUNK - 1}/{len(FILM)}"
    part = client.http.put(url, content=FILM[:CHUNK], headers={"Content-Range": ranged})
    assert (part.status_code, part.headers["Range"]) == (308, f"bytes=0-{CHUNK - 1}")
    assert client.received(url) == (308, f"bytes=0-{CHUNK - 1}")
    assert client.put(url, FILM, CHUNK).status_code == 201


def test_a_connection_that_breaks_keeps_what_came(client: Client, studio: StudioSandbox) -> None:
    url = client.session()
    assert client.received(url, len(FILM)) == (308, None)
    studio.fault("cut", at=300_000)
    with pytest.raises(httpx.TransportError):
        client.put(url, FILM)
    assert client.received(url, len(FILM)) == (308, "bytes=0-299999")
    done = client.put(url, FILM, 300_000)
    assert done.status_code == 201
    assert client.http.get(f"/films/{done.json()['id']}").content == FILM
    assert len(studio.ledger()) == 1


def test_a_client_that_dies_leaves_what_it_sent(client: Client, studio: StudioSandbox) -> None:
    url = httpx.URL(client.session())
    head = f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\n"
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(f"{head}Content-Length: {len(FILM)}\r\n\r\n".encode() + FILM[:1000])
    while not studio.uploads()[0]["received"]:
        pass
    assert client.received(str(url), len(FILM)) == (308, "bytes=0-999")


@pytest.mark.parametrize(("code", "status"), [("backendError", 500), ("serviceUnavailable", 503)])
def test_a_server_error_in_the_middle_keeps_what_came(
    client: Client, studio: StudioSandbox, code: str, status: int
) -> None:
    url = client.session()
    studio.fault("error", service="youtube", route="upload", code=code, at=500_000)
    assert _reason(client.put(url, FILM)) == (status, code)
    assert client.received(url) == (308, "bytes=0-499999")
    assert client.put(url, FILM, 500_000).status_code == 201


def test_a_lost_last_answer_is_asked_for_again(client: Client, studio: StudioSandbox) -> None:
    url = client.session()
    studio.fault("lost_after", service="youtube", route="upload")
    with pytest.raises(httpx.TransportError):
        client.put(url, FILM)
    again = client.http.put(url, headers={"Content-Range": f"bytes */{len(FILM)}"})
    assert (again.status_code, again.json()["id"]) == (201, studio.videos()[0]["id"])
    assert len(studio.videos()) == 1


def test_a_second_insert_makes_a_second_video(client: Client, studio: StudioSandbox) -> None:
    ids = {client.put(client.session(), FILM).json()["id"] for _ in range(2)}
    assert len(ids) == 2
    assert len({row["fingerprint"] for row in studio.ledger()}) == 1


@pytest.mark.parametrize(
    ("ranged", "sent"),
    [
        ("bytes 0-99/1048576", FILM[:100]),
        ("bytes 0-99/1048576", FILM[:50]),
        ("bytes 5-2/1048576", FILM[:50]),
        ("bytes 0-1048576/1048576", FILM),
        ("0-5", FILM),
    ],
)
def test_a_range_that_cannot_be_is_refused(client: Client, ranged: str, sent: bytes) -> None:
    url = client.session()
    answer = client.http.put(url, content=sent, headers={"Content-Range": ranged})
    assert answer.status_code == 400
    assert client.received(url) == (308, None)


def _announced(client: Client) -> str:
    """A session that knows the size of the film."""
    token = client.studio.youtube_token()
    headers = {"Authorization": f"Bearer {token}", "X-Upload-Content-Length": str(len(FILM))}
    answer = client.http.post(UPLOAD, headers=headers, json={"snippet": {"title": "x"}})
    return answer.headers["Location"]


def _in_pieces(film: bytes) -> Iterator[bytes]:
    """A body whose length no header tells."""
    yield film[:1000]
    yield film[1000:]


def test_a_film_of_another_size_than_was_announced_is_refused(client: Client) -> None:
    url = _announced(client)
    answers = [client.put(url, FILM[:-1]), client.http.put(url, content=FILM[:-1])]
    assert [_reason(answer) for answer in answers] == [(400, "badRequest")] * 2
    assert client.received(url) == (308, None)


def test_a_body_without_a_length_needs_an_announced_size(client: Client) -> None:
    assert client.http.put(_announced(client), content=_in_pieces(FILM)).status_code == 201
    assert client.http.put(client.session(), content=_in_pieces(FILM)).status_code == 400


def test_bytes_from_a_wrong_place_are_not_taken(client: Client) -> None:
    url = client.session()
    answer = client.put(url, FILM, 2 * CHUNK)
    assert answer.status_code == 308
    assert client.received(url) == (308, None)


def test_a_session_expires(client: Client, clock: HandClock) -> None:
    url = client.session()
    clock.pass_(hours=24)
    assert client.received(url)[0] == 404
    assert client.put(url, FILM).status_code == 404


@pytest.mark.parametrize("code", [404, 410])
def test_a_session_is_lost_on_demand_and_stays_lost(
    client: Client, studio: StudioSandbox, code: int
) -> None:
    url = client.session()
    studio.fault("session_expired", code=str(code))
    assert [client.received(url)[0] for _ in range(2)] == [code, code]
    assert client.put(client.session(), FILM).status_code == 201


def test_a_day_has_so_many_inserts_and_ends_at_midnight_in_california(clock: HandClock) -> None:
    clock.now = datetime(2026, 11, 24, 7, 50, tzinfo=UTC)
    config = Config(inserts_per_day=2)
    with StudioSandbox(config, clock=clock) as studio:
        client = Client(studio)
        assert [client.insert().status_code for _ in range(3)] == [200, 200, 403]
        assert _reason(client.insert()) == (403, "quotaExceeded")
        clock.pass_(minutes=9)
        assert client.insert().status_code == 403
        clock.pass_(minutes=1)
        assert client.insert().status_code == 200
        assert len(studio.ledger()) == 3


@pytest.mark.parametrize(
    ("code", "status"), [("quotaExceeded", 403), ("uploadLimitExceeded", 400), ("authError", 401)]
)
def test_limits_are_reached_on_demand(
    client: Client, studio: StudioSandbox, code: str, status: int
) -> None:
    studio.fault("error", service="youtube", route="insert", code=code)
    assert _reason(client.insert()) == (status, code)
    assert studio.ledger() == []


@pytest.mark.parametrize(
    ("snippet", "reason"),
    [
        ({"title": ""}, "invalidTitle"),
        ({"title": "x" * 101}, "invalidTitle"),
        ({"title": "a < b"}, "invalidTitle"),
        ({"title": "x", "description": "é" * 2501}, "invalidDescription"),
        ({"title": "x", "tags": ["a" * 501]}, "invalidTags"),
        ({"title": "x", "tags": "a"}, "invalidTags"),
    ],
)
def test_metadata_that_youtube_refuses_is_refused(
    client: Client, studio: StudioSandbox, snippet: dict[str, Any], reason: str
) -> None:
    answer = client.youtube("POST", UPLOAD, json={"snippet": snippet})
    assert _reason(answer) == (400, reason)
    assert studio.ledger() == []


def test_a_project_that_was_not_audited_uploads_private_videos() -> None:
    with StudioSandbox(Config(audited=False)) as studio:
        client = Client(studio)
        video = client.put(client.session(privacyStatus="public"), FILM).json()
    assert video["status"]["privacyStatus"] == "private"


def test_other_kinds_of_upload_are_501(client: Client) -> None:
    path = UPLOAD.replace("resumable", "media")
    assert client.youtube("POST", path, json={}).status_code == 501
