"""elevenlabs: narrations and sounds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

import httpx
from pydantic import Field, SecretStr

from models.production.making import Made, Request, Submitted
from models.production.paid_orders import Answer
from models.production.steps import Step
from showrunner_makers.probe import probe
from showrunner_makers.services.at_once import AnswersAtOnce, unusable
from showrunner_makers.services.http import Reply, ask, client, no_account, said, unanswered
from showrunner_makers.services.options import Options, options_of
from showrunner_makers.services.prices import usd_for
from showrunner_makers.services.settings import ElevenLabsSettings
from showrunner_makers.speech import speech_seconds

VERSION: Final = "elevenlabs 1"
"""Part of every input hash: raise it when a piece would come out otherwise."""
_ANSWER_SECONDS: Final = 180.0
_SHORTEST, _LONGEST = 0.5, 30.0
"""Seconds of a sound that the service makes; the film repeats or pads it."""
_PROMPT_MAX: Final = 450
"""Characters of a sound's description."""
_CODES: Final = {
    "too_many_concurrent_requests": Answer.NOT_NOW,
    "concurrent_limit_exceeded": Answer.NOT_NOW,
    "rate_limit_exceeded": Answer.NOT_NOW,
    "system_busy": Answer.NOT_NOW,
    "quota_exceeded": Answer.REFUSED_ACCOUNT,
    "insufficient_credits": Answer.REFUSED_ACCOUNT,
    "payment_required": Answer.REFUSED_ACCOUNT,
    "invalid_api_key": Answer.REFUSED_ACCOUNT,
    "missing_permissions": Answer.REFUSED_ACCOUNT,
    "detected_unusual_activity": Answer.REFUSED_ACCOUNT,
    "voice_not_found": Answer.REFUSED_ACCOUNT,
    "model_not_found": Answer.REFUSED_ACCOUNT,
}
"""By the code of an error, which says more than its status."""
_STATUSES: Final = {
    400: Answer.REFUSED_PIECE,
    401: Answer.REFUSED_ACCOUNT,
    402: Answer.REFUSED_ACCOUNT,
    403: Answer.REFUSED_ACCOUNT,
    404: Answer.REFUSED_ACCOUNT,
    413: Answer.REFUSED_PIECE,
    422: Answer.REFUSED_PIECE,
    429: Answer.NOT_NOW,
    503: Answer.NOT_NOW,
}
_OF_CHANNEL: Final = frozenset({"voice_not_found", "model_not_found"})
_FORMAT: Final = "mp3_44100_128"


class ElevenLabsOptions(Options):
    """What a channel's file may say.

    Attributes:
        voice: the id of the voice; needed for narrations.
        model, sound_model: for narrations and for sounds.
        influence: how closely a sound follows its description.
        sound_style: words that stand before each sound's description.
    """

    voice: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    model: str = "eleven_multilingual_v2"
    stability: Annotated[float, Field(ge=0, le=1)] | None = None
    similarity: Annotated[float, Field(ge=0, le=1)] | None = None
    speed: Annotated[float, Field(ge=0.7, le=1.2)] | None = None
    sound_model: str = "eleven_text_to_sound_v2"
    influence: Annotated[float, Field(ge=0, le=1)] = 0.3
    sound_style: Annotated[str, Field(max_length=200)] = ""


class ElevenLabs(AnswersAtOnce):
    """Makes narrations and sounds."""

    name = "elevenlabs"
    steps = frozenset({Step.AUDIO, Step.SFX})

    def __init__(self, settings: ElevenLabsSettings | None = None) -> None:
        self.settings = settings or ElevenLabsSettings.read()

    def missing(self, login: SecretStr | None) -> str | None:  # noqa: ARG002 - there is none
        """The key that is not set."""
        return self.settings.unset("api_key")

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the key, when options cannot be used."""
        given = options_of(ElevenLabsOptions, self.name, options)
        usd_for(self.name, given.model, "1000 characters")
        _sound_usd(given)

    def inputs(self, request: Request) -> Mapping[str, Any]:
        """Everything that changes the piece; raises ValueError as `check`."""
        path, body = _asked(request)
        self.price(request)
        return {"maker": VERSION, "format": _FORMAT, "path": path, "body": body}

    def price(self, request: Request) -> Decimal:
        """A narration's characters, or a sound's seconds."""
        given = options_of(ElevenLabsOptions, self.name, request.options)
        if request.step is Step.SFX:
            return _sound_usd(given) * Decimal(str(_sound_seconds(request)))
        return _cost(given.model, len(request.scene.narration))

    async def submit(self, request: Request, key: UUID) -> Submitted:
        """Ask for the piece, which is the answer."""
        if lacking := self.missing(None):
            return no_account(lacking)
        path, body = _asked(request)
        assert self.settings.api_key is not None  # noqa: S101 - it is not missing
        secret = self.settings.api_key.get_secret_value()
        headers = {"xi-api-key": secret, "x-client-request-id": str(key)}
        url, query = f"{self.settings.url}{path}", {"output_format": _FORMAT}
        async with client(answer_seconds=_ANSWER_SECONDS) as using:
            try:
                reply = await ask(using, "POST", url, headers=headers, params=query, json=body)
            except httpx.HTTPError as error:
                return unanswered(error)
        if reply.status != httpx.codes.OK:
            return refusal(reply)
        return await asyncio.to_thread(result, reply, request)


def _asked(request: Request) -> tuple[str, dict[str, Any]]:
    """Where a piece is asked for, and with what.

    Raises:
        ValueError: when an option is missing or cannot be used.
    """
    given = options_of(ElevenLabsOptions, "elevenlabs", request.options)
    if request.step is Step.SFX:
        return "/v1/sound-generation", _sound(request, given)
    if given.voice is None:
        raise ValueError("voice: must be the id of the voice that speaks the narrations.")
    wanted = {
        "stability": given.stability,
        "similarity_boost": given.similarity,
        "speed": given.speed,
    }
    body: dict[str, Any] = {
        "text": request.scene.narration,
        "model_id": given.model,
        "seed": request.take,
    }
    if voice := {name: value for name, value in wanted.items() if value is not None}:
        body["voice_settings"] = voice
    return f"/v1/text-to-speech/{given.voice}", body


def _sound(request: Request, given: ElevenLabsOptions) -> dict[str, Any]:
    scene = request.scene
    asked = scene.sound or f"Ambient sound without voices or music for: {scene.narration}"
    return {
        "text": f"{given.sound_style} {asked}".strip()[:_PROMPT_MAX],
        "duration_seconds": _sound_seconds(request),
        "prompt_influence": given.influence,
        "model_id": given.sound_model,
    }


def _sound_seconds(request: Request) -> float:
    seconds = speech_seconds(request.scene.narration)
    return round(min(max(seconds, _SHORTEST), _LONGEST), 1)


def _sound_usd(given: ElevenLabsOptions) -> Decimal:
    try:
        return usd_for("elevenlabs", given.sound_model, "second")
    except ValueError as error:
        raise ValueError(f"sound_{error}") from None


def _cost(model: str, characters: int) -> Decimal:
    return usd_for("elevenlabs", model, "1000 characters") * characters / 1000


def refusal(reply: Reply) -> Submitted:
    """What an answer means that is no success."""
    detail = reply.json().get("detail")
    told = detail if isinstance(detail, dict) else {}
    code = str(told.get("code") or told.get("status") or "")
    answer = _CODES.get(code) or _STATUSES.get(reply.status, Answer.UNKNOWN)
    words = said(told.get("message") or detail or "nothing more")
    reason = f"ElevenLabs answers {reply.status} {code}: {words}"
    return Submitted(answer=answer, reason=reason, of_channel=code in _OF_CHANNEL)


def result(reply: Reply, request: Request) -> Submitted:
    """What a success means. Blocks: call it in a thread."""
    name = {Step.AUDIO: "narration", Step.SFX: "sound"}[request.step]
    path = request.folder / f"{name}-{request.position:02}.mp3"
    path.write_bytes(reply.body)
    try:
        seconds = probe(path).audio_seconds
    except ValueError:
        seconds = 0.0
    if not reply.whole or seconds <= 0:
        lost = unusable("elevenlabs", f"The {name} of scene {request.position}", reply)
        return replace(lost, charged=charged_usd(reply))
    made = Made(path=path, media_type="audio/mpeg", seconds=seconds)
    return Submitted(
        answer=Answer.ACCEPTED,
        job_id=reply.headers.get("request-id"),
        made=made,
        charged=charged_usd(reply),
    )


def charged_usd(reply: Reply) -> Decimal | None:
    """What an answer says that it cost; None when it does not say."""
    credits_ = reply.headers.get("character-cost", "")
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", credits_):
        return None
    return usd_for("elevenlabs", "any", "credit") * Decimal(credits_)
