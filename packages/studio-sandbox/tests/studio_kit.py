"""What the tests share: a clock moved by hand, and a client of each service."""

import base64
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from PIL import Image

from studio_sandbox.testing import StudioSandbox

FLASH = "gemini-3.1-flash-image"
VOICE = "JBFqnCBsd6RMkjVDRZzb"
UPLOAD = "/upload/youtube/v3/videos?uploadType=resumable&part=snippet,status"
JOBS = "/v1/videos/image2video"


@dataclass
class HandClock:
    """A clock that moves only when a test moves it."""

    now: datetime = datetime(2026, 11, 23, 10, 5, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


def png(width: int = 640, height: int = 360, colour: str = "teal") -> str:
    """A picture in base64."""
    written = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode()


class Client:
    """Calls the services of a sandbox with its keys."""

    def __init__(self, studio: StudioSandbox) -> None:
        self.studio = studio
        self.http = studio.http

    def gemini(
        self, text: str = "A squid", model: str = FLASH, *, name: str = "", **image: str
    ) -> httpx.Response:
        headers = {"x-goog-api-key": self.studio.account("gemini").key}
        if name:
            headers["X-Client-Request-Id"] = name
        body = {
            "contents": [{"parts": [{"text": text}]}],
            "generationConfig": {"imageConfig": image},
        }
        path = f"/v1beta/models/{model}:generateContent"
        return self.http.post(path, headers=headers, json=body)

    def kling(self, method: str, path: str = "", body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.studio.kling_token()}"}
        return self.http.request(method, JOBS + path, headers=headers, json=body)

    def submit(self, name: str = "", **fields: Any) -> httpx.Response:
        body = {"image": png(), "duration": "5", "model_name": "kling-v2-6", "prompt": "slow"}
        return self.kling("POST", "", {**body, "external_task_id": name, **fields})

    def job(self, name: str) -> dict[str, Any]:
        return dict(self.kling("GET", f"/{name}").json()["data"])

    def url(self, name: str) -> str:
        return str(self.job(name)["task_result"]["videos"][0]["url"])

    def elevenlabs(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"xi-api-key": self.studio.account("elevenlabs").key}
        return self.http.request(method, path, headers=headers, json=body)

    def speech(self, text: str = "Hello there", **fields: Any) -> httpx.Response:
        path = f"/v1/text-to-speech/{VOICE}"
        return self.elevenlabs("POST", path, {"text": text, **fields})

    def sound(self, text: str = "waves", **fields: Any) -> httpx.Response:
        return self.elevenlabs("POST", "/v1/sound-generation", {"text": text, **fields})

    def youtube(self, method: str, path: str, **sent: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.studio.youtube_token()}"}
        return self.http.request(method, path, **{"headers": headers, **sent})

    def insert(self, title: str = "Squid", **status: Any) -> httpx.Response:
        snippet = {"title": title, "tags": ["marker-1"]}
        body = {"snippet": snippet, "status": {"privacyStatus": "private", **status}}
        return self.youtube("POST", UPLOAD, json=body)

    def session(self, title: str = "Squid", **status: Any) -> str:
        answer = self.insert(title, **status)
        assert answer.status_code == 200, answer.text
        return answer.headers["Location"]

    def put(self, url: str, film: bytes, first: int = 0) -> httpx.Response:
        """Send the bytes of a film from one on."""
        ranged = f"bytes {first}-{len(film) - 1}/{len(film)}"
        return self.http.put(url, content=film[first:], headers={"Content-Range": ranged})

    def received(self, url: str, total: int | str = "*") -> tuple[int, str | None]:
        """The answer to the question how much has come: status and Range."""
        answer = self.http.put(url, headers={"Content-Range": f"bytes */{total}"})
        return answer.status_code, answer.headers.get("Range")


def usd(studio: StudioSandbox, **wanted: str) -> float:
    return round(sum(row["usd"] for row in studio.ledger(**wanted)), 4)
