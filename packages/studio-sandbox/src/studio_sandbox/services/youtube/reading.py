"""Reading one's own channel and videos: channels.list, playlistItems.list, videos.list."""

from typing import Any

from starlette.responses import JSONResponse, Response

from studio_sandbox.services.youtube.errors import youtube_error
from studio_sandbox.services.youtube.grants import READ, Grants, channel_id
from studio_sandbox.services.youtube.sessions import Sessions
from studio_sandbox.store.journal import Body
from studio_sandbox.wire.route import Call

_PAGE, _LARGEST_PAGE = 5, 50


class Reading:
    """The three lists.

    Args:
        grants: Who may read.
        sessions: The videos.
    """

    def __init__(self, grants: Grants, sessions: Sessions) -> None:
        self._grants = grants
        self._sessions = sessions

    async def channels(self, call: Call) -> Response:
        """GET /youtube/v3/channels?mine=true."""
        grant = self._grants.of(call, READ)
        parts = _parts(call, "id", "snippet", "contentDetails", "status")
        if call.request.query_params.get("mine") != "true":
            raise youtube_error("notEmulated", "studio-sandbox emulates mine=true only.")
        number = channel_id(grant["channel"])
        uploads = {"relatedPlaylists": {"likes": "", "uploads": _uploads(grant)}}
        all_parts = {
            "snippet": {"title": grant["channel"], "description": ""},
            "contentDetails": uploads,
            "status": {"privacyStatus": "public", "isLinked": True},
        }
        item = {"kind": "youtube#channel", "id": number, **_only(all_parts, parts)}
        return JSONResponse(_page("channel", [item], 1))

    async def playlist(self, call: Call) -> Response:
        """GET /youtube/v3/playlistItems?playlistId=: the videos of a channel, newest first."""
        grant = self._grants.of(call, READ)
        parts = _parts(call, "id", "snippet", "contentDetails", "status")
        query = call.request.query_params
        if query.get("playlistId") != _uploads(grant):
            raise youtube_error("playlistNotFound")
        size, start = query.get("maxResults", str(_PAGE)), query.get("pageToken", "0")
        if not size.isdecimal() or int(size) > _LARGEST_PAGE or not start.isdecimal():
            raise youtube_error("badRequest", "maxResults or pageToken is invalid.")
        videos = self._sessions.videos(grant["channel"], call.now)
        end = int(start) + int(size)
        items = [_item(grant, *video, parts) for video in videos[int(start) : end]]
        answer = _page("playlistItem", items, len(videos))
        if end < len(videos):
            answer["nextPageToken"] = str(end)
        return JSONResponse(answer)

    async def videos(self, call: Call) -> Response:
        """GET /youtube/v3/videos?id=: one's own videos; others are left out."""
        grant = self._grants.of(call, READ)
        parts = _parts(call, "id", "snippet", "status")
        wanted = call.request.query_params.get("id")
        if not wanted:
            raise youtube_error("notEmulated", "studio-sandbox emulates videos?id= only.")
        own = {video_id for video_id, _ in self._sessions.videos(grant["channel"], call.now)}
        found = [self._sessions.resource(one) for one in wanted.split(",") if one in own]
        kept = ("kind", "etag", "id", *parts)
        items = [{name: each[name] for name in kept if name in each} for each in found]
        return JSONResponse(_page("video", items, len(items)))


def _uploads(grant: Body) -> str:
    """The id of the playlist with a channel's uploads: UU instead of UC."""
    return "UU" + channel_id(grant["channel"])[2:]


def _parts(call: Call, *known: str) -> list[str]:
    parts = call.request.query_params.get("part", "").split(",")
    unknown = [part for part in parts if part not in known]
    if unknown == [""]:
        raise youtube_error("badRequest", "Required parameter: part")
    if unknown:
        raise youtube_error("notEmulated", f"studio-sandbox has no part {unknown[0]} here.")
    return parts


def _only(found: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name in parts}


def _item(grant: Body, video_id: str, video: Body, parts: list[str]) -> dict[str, Any]:
    snippet = {name: value for name, value in video["snippet"].items() if name != "tags"}
    resource = {"kind": "youtube#video", "videoId": video_id}
    published = video["snippet"]["publishedAt"]
    playlist = {"playlistId": _uploads(grant), "resourceId": resource}
    all_parts = {
        "snippet": {**snippet, **playlist},
        "contentDetails": {"videoId": video_id, "videoPublishedAt": published},
        "status": {"privacyStatus": video["status"]["privacyStatus"]},
    }
    return {"kind": "youtube#playlistItem", "id": f"UU.{video_id}", **_only(all_parts, parts)}


def _page(kind: str, items: list[Any], total: int) -> dict[str, Any]:
    info = {"totalResults": total, "resultsPerPage": len(items)}
    return {"kind": f"youtube#{kind}ListResponse", "pageInfo": info, "items": items}
