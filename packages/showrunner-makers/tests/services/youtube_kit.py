"""A channel of YouTube for tests, with its upload sessions and Google's sign-in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from media_kit import WHALE, request_for, source
from pydantic import SecretStr
from services_kit import Asked, Said, Scripted

from models.production.making import Job, Request
from models.production.steps import PieceKind, Step
from showrunner_makers.services.settings import YouTubeSettings
from showrunner_makers.services.youtube.maker import YouTube

KEY = UUID(int=7)
LOGIN = SecretStr("1//refresh-token")
FILM = bytes(range(256)) * 40


@dataclass
class Channel:
    """A channel.

    Attributes:
        sessions: by number, what arrived.
        videos: what was inserted, by id.
        told: by session, the request that opened it.
        before: an answer instead of the usual one, by method and path, once.
        after: the same, when what was asked for is done.
        keeps: bytes of a part that the session keeps, when not all.
        hidden: whether a list does not show the latest videos yet.
    """

    sessions: dict[str, bytes] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    videos: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Said | str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    keeps: int | None = None
    hidden: bool = False
    url: str = ""

    def answer(self, asked: Asked) -> Said | str:
        place = f"{asked.method} {asked.path}"
        if place in self.before:
            return self.before.pop(place)
        said = self.usual(asked)
        return self.after.pop(place, said)

    def usual(self, asked: Asked) -> Said:
        if asked.path == "/token":
            return Said(200, {"access_token": "at", "expires_in": 3600, "refresh_token": "1//new"})
        if asked.path == "/upload/youtube/v3/videos":
            return self.open(asked)
        if asked.path.startswith("/session/"):
            return self.put(asked)
        return Said(200, {"items": self.items(asked.path.rsplit("/", 1)[-1])})

    def open(self, asked: Asked) -> Said:
        number = str(len(self.sessions))
        self.sessions[number], self.told[number] = b"", asked
        return Said(200, b"", {"location": f"{self.url}/session/{number}"})

    def put(self, asked: Asked) -> Said:
        number = asked.path.rsplit("/", 1)[-1]
        if number not in self.sessions:
            return Said(404)
        found = re.fullmatch(r"bytes (\*|(\d+)-\d+)/(\d+)", asked.headers["content-range"])
        assert found is not None
        if found[2] is not None:
            assert int(found[2]) == len(self.sessions[number]), "no gap, and nothing twice"
            self.sessions[number] += asked.body[: self.keeps]
        held = self.sessions[number]
        if len(held) < int(found[3]):
            return Said(308, b"", {"range": f"bytes=0-{len(held) - 1}"} if held else {})
        self.videos.setdefault(number, self.told[number].json["snippet"])
        return Said(201, {"id": f"v{number}", "status": {"uploadStatus": "uploaded"}})

    def items(self, what: str) -> list[Any]:
        if what == "channels":
            details = {"relatedPlaylists": {"uploads": "UU1"}}
            return [{"contentDetails": details, "snippet": {"title": "Deep Sea"}}]
        shown = [] if self.hidden else [*self.videos.items()]
        if what == "playlistItems":
            return [{"contentDetails": {"videoId": f"v{number}"}} for number, _ in shown]
        return [{"id": f"v{number}", "snippet": snippet} for number, snippet in shown]


def maker(server: Scripted) -> YouTube:
    settings = YouTubeSettings(
        client_id="id",
        client_secret=SecretStr("program-secret"),
        url=server.url,
        oauth_url=server.url,
    )
    return YouTube(settings)


def wanted(folder: Path, **more: Any) -> Request:
    film = folder / "film.mp4"
    film.write_bytes(FILM)
    sources = (source(PieceKind.FILM, 0, film),)
    usual = {"sources": sources, "login": LOGIN, "style": {"display_name": "Deep"}}
    return request_for(Step.UPLOAD, folder, WHALE, position=0, **{**usual, **more})


def job(request: Request, id_: str | None) -> Job:
    return Job(key=KEY, id=id_, account=None, sources=request.sources, login=LOGIN)
