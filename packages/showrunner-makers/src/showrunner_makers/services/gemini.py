"""gemini: a scene's image by one of Google's image models."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import httpx
from PIL import Image
from pydantic import Field, SecretStr

from models.production.making import Made, Request, Submitted
from models.production.paid_orders import Answer
from models.production.steps import Step
from showrunner_makers.services.at_once import AnswersAtOnce, unusable
from showrunner_makers.services.http import Reply, ask, client, no_account, said, unanswered
from showrunner_makers.services.options import Options, options_of
from showrunner_makers.services.prices import usd_for
from showrunner_makers.services.settings import GeminiSettings

VERSION: Final = "gemini 1"
"""Part of every input hash: raise it when a picture would come out otherwise."""
_ANSWER_SECONDS: Final = 180.0
_SUFFIXES: Final = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
_WRONG_KEY: Final = ("API_KEY_INVALID", "API key", "FAILED_PRECONDITION")
"""In answers with the status 400 that are about the account and not about what was asked."""
_SPENT: Final = ("PerDay", "credits are depleted", "limit: 0")
"""In answers with the status 429 that do not pass within minutes."""
_STATUSES: Final = {
    401: Answer.REFUSED_ACCOUNT,
    402: Answer.REFUSED_ACCOUNT,
    403: Answer.REFUSED_ACCOUNT,
    404: Answer.REFUSED_ACCOUNT,
    413: Answer.REFUSED_PIECE,
    503: Answer.NOT_NOW,
}


class GeminiOptions(Options):
    """What a channel's file may say.

    Attributes:
        style: words that stand before each scene's prompt.
    """

    model: str = "gemini-3.1-flash-image"
    size: Literal["512", "1K", "2K", "4K"] = "1K"
    aspect_ratio: Literal["16:9", "3:2", "4:3", "1:1", "21:9", "9:16"] = "16:9"
    style: Annotated[str, Field(max_length=2000)] = ""


class Gemini(AnswersAtOnce):
    """Makes images."""

    name = "gemini"
    steps = frozenset({Step.ASSETS})

    def __init__(self, settings: GeminiSettings | None = None) -> None:
        self.settings = settings or GeminiSettings.read()

    def missing(self, login: SecretStr | None) -> str | None:  # noqa: ARG002 - there is none
        """The key that is not set."""
        return self.settings.unset("api_key")

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the key, when options cannot be used."""
        _usd(options_of(GeminiOptions, self.name, options))

    def inputs(self, request: Request) -> Mapping[str, Any]:
        """Everything that changes the picture; raises ValueError as `check`."""
        options = options_of(GeminiOptions, self.name, request.options)
        _usd(options)
        return {"maker": VERSION, "model": options.model, **_body(request, options)}

    def price(self, request: Request) -> Decimal:
        """What an image of that model and size costs."""
        return _usd(options_of(GeminiOptions, self.name, request.options))

    async def submit(self, request: Request, key: UUID) -> Submitted:
        """Ask for the image, which comes with the answer."""
        if lacking := self.missing(None):
            return no_account(lacking)
        options = options_of(GeminiOptions, self.name, request.options)
        assert self.settings.api_key is not None  # noqa: S101 - it is not missing
        secret = self.settings.api_key.get_secret_value()
        headers = {"x-goog-api-key": secret, "x-client-request-id": str(key)}
        url = f"{self.settings.url}/v1beta/models/{options.model}:generateContent"
        async with client(answer_seconds=_ANSWER_SECONDS) as using:
            try:
                reply = await ask(using, "POST", url, headers=headers, json=_body(request, options))
            except httpx.HTTPError as error:
                return unanswered(error)
        if reply.status != httpx.codes.OK:
            return refusal(reply)
        return await asyncio.to_thread(result, reply, request)


def _usd(options: GeminiOptions) -> Decimal:
    return usd_for("gemini", options.model, f"image {options.size}")


def _body(request: Request, options: GeminiOptions) -> dict[str, Any]:
    wanted = request.scene.image or request.scene.narration
    prompt = f"{options.style}\n\n{wanted}".strip()
    return {
        "contents": [{"role": "user", "parts": [{"text": prompt}]}],
        "generationConfig": {
            "responseModalities": ["IMAGE"],
            "imageConfig": {"aspectRatio": options.aspect_ratio, "imageSize": options.size},
            "seed": request.take,
        },
    }


def refusal(reply: Reply) -> Submitted:
    """What an answer means that is no success."""
    error = reply.json().get("error")
    message = said(error.get("message", "")) if isinstance(error, dict) else ""
    reason = f"Gemini answers {reply.status}: {message or 'nothing more'}"
    text = reply.body.decode(errors="replace")
    if reply.status == httpx.codes.BAD_REQUEST:
        about_account = any(word in text for word in _WRONG_KEY)
        answer = Answer.REFUSED_ACCOUNT if about_account else Answer.REFUSED_PIECE
    elif reply.status == httpx.codes.TOO_MANY_REQUESTS:
        spent = any(word in text for word in _SPENT)
        answer = Answer.REFUSED_ACCOUNT if spent else Answer.NOT_NOW
    else:
        answer = _STATUSES.get(reply.status, Answer.UNKNOWN)
    # A model that does not exist is a mistake of one channel's file.
    of_channel = reply.status == httpx.codes.NOT_FOUND
    return Submitted(answer=answer, reason=reason, of_channel=of_channel)


def result(reply: Reply, request: Request) -> Submitted:
    """What a success means. Blocks: call it in a thread."""
    found = reply.json()
    if not reply.whole or not found:
        return unusable("gemini", f"The image of scene {request.position}", reply)
    part = _image_in(found)
    if part is None:
        return _refused(found, _usd(options_of(GeminiOptions, "gemini", request.options)))
    path = _written(part, request.folder / f"image-{request.position:02}")
    if path is None:
        return unusable("gemini", f"The image of scene {request.position}", reply)
    made = Made(path=path, media_type=part["mimeType"], notes={"usage": found.get("usageMetadata")})
    return Submitted(answer=Answer.ACCEPTED, made=made, job_id=found.get("responseId"))


def _image_in(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for candidate in found.get("candidates") or ():
        for part in (candidate.get("content") or {}).get("parts") or ():
            data = part.get("inlineData") or {}
            # A model that thinks shows its drafts as well.
            if data.get("mimeType") in _SUFFIXES and not part.get("thought"):
                return dict(data)
    return None


def _refused(found: Mapping[str, Any], price: Decimal) -> Submitted:
    """A success without an image is a refusal.

    Google does not document whether it is charged. Its own count of what it wrote decides, and at
    most an image's price is booked.
    """
    candidate: Mapping[str, Any] = next(iter(found.get("candidates") or ()), {})
    blocked = (found.get("promptFeedback") or {}).get("blockReason")
    why = blocked or candidate.get("finishReason") or "no image"
    words = said(candidate.get("finishMessage") or "")
    written = (found.get("usageMetadata") or {}).get("candidatesTokenCount") or 0
    return Submitted(
        answer=Answer.REFUSED_PIECE,
        reason=f"Gemini makes no image of this ({why}). {words or 'Write it in other words.'}",
        charged=price if written else None,
    )


def _written(part: Mapping[str, Any], stem: Path) -> Path | None:
    """The picture as a file; None when it is none."""
    path = stem.with_suffix(_SUFFIXES[part["mimeType"]])
    try:
        data = base64.b64decode(part["data"], validate=True)
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
    except (KeyError, binascii.Error, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    path.write_bytes(data)
    return path
