"""YouTube: one's own channel and videos, and who may see them."""

from typing import Any

from studio_kit import Client, HandClock

from studio_sandbox import Config
from studio_sandbox.testing import StudioSandbox


def _uploads(client: Client) -> str:
    answer = client.youtube("GET", "/youtube/v3/channels?mine=true&part=contentDetails")
    [channel] = answer.json()["items"]
    return str(channel["contentDetails"]["relatedPlaylists"]["uploads"])


def _listed(client: Client, **query: str) -> dict[str, Any]:
    params = {"part": "snippet,contentDetails", "playlistId": _uploads(client), **query}
    return dict(client.youtube("GET", "/youtube/v3/playlistItems", params=params).json())


def _upload(client: Client, title: str) -> str:
    return str(client.put(client.session(title), b"film").json()["id"])


def test_ones_own_videos_are_found_newest_first(client: Client) -> None:
    ids = [_upload(client, title) for title in ("one", "two", "three")]
    page = _listed(client, maxResults="2")
    assert [item["contentDetails"]["videoId"] for item in page["items"]] == ids[:0:-1]
    [rest] = _listed(client, maxResults="2", pageToken=page["nextPageToken"])["items"]
    assert rest["snippet"]["title"] == "one"
    assert page["pageInfo"]["totalResults"] == 3


def test_a_video_shows_tags_and_status_of_its_owner(client: Client) -> None:
    video_id = _upload(client, "one")
    params = {"part": "snippet,status", "id": f"{video_id},nobodys"}
    answer = client.youtube("GET", "/youtube/v3/videos", params=params)
    [video] = answer.json()["items"]
    assert (video["id"], video["snippet"]["tags"]) == (video_id, ["marker-1"])
    assert video["status"]["privacyStatus"] == "private"


def test_a_list_can_lag_behind(clock: HandClock) -> None:
    with StudioSandbox(Config(listed_after_seconds=60), clock=clock) as studio:
        client = Client(studio)
        _upload(client, "one")
        assert _listed(client)["items"] == []
        clock.pass_(seconds=60)
        assert len(_listed(client)["items"]) == 1


def test_a_playlist_of_somebody_else_is_not_found(client: Client) -> None:
    assert _listed(client, playlistId="UUnobody")["error"]["code"] == 404


def test_what_is_not_emulated_is_501(client: Client) -> None:
    for path in ("channels?part=snippet&id=x", "videos?part=snippet", "search?q=x"):
        assert client.youtube("GET", f"/youtube/v3/{path}").status_code == 501


def test_a_token_ends_after_an_hour(client: Client, clock: HandClock) -> None:
    headers = {"Authorization": f"Bearer {client.studio.youtube_token()}"}
    path = "/youtube/v3/channels?mine=true&part=id"
    assert client.http.get(path, headers=headers).status_code == 200
    clock.pass_(hours=1)
    assert client.http.get(path, headers=headers).status_code == 401
    assert client.http.get(path).status_code == 401
