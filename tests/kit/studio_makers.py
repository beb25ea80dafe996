"""The services' real makers, with the keys of an emulator's accounts."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr
from showrunner_makers.services.elevenlabs import ElevenLabs
from showrunner_makers.services.gemini import Gemini
from showrunner_makers.services.kling.maker import Kling
from showrunner_makers.services.settings import (
    ElevenLabsSettings,
    GeminiSettings,
    KlingSettings,
    YouTubeSettings,
)
from showrunner_makers.services.youtube.maker import YouTube
from studio_sandbox.testing import StudioSandbox


def studio_makers(services: StudioSandbox) -> dict[str, Any]:
    """The makers of that emulator, by name."""
    url, named = services.base_url, services.account
    kling, youtube = named("kling"), named("youtube")
    return {
        "gemini": Gemini(GeminiSettings(api_key=SecretStr(named("gemini").key), url=url)),
        "elevenlabs": ElevenLabs(
            ElevenLabsSettings(api_key=SecretStr(named("elevenlabs").key), url=url)
        ),
        "kling": Kling(
            KlingSettings(
                access_key=SecretStr(kling.key), secret_key=SecretStr(kling.secret), url=url
            )
        ),
        "youtube": YouTube(
            YouTubeSettings(
                client_id=youtube.key,
                client_secret=SecretStr(youtube.secret),
                url=url,
                oauth_url=url,
                consent_url=f"{url}/o/oauth2/v2/auth",
            )
        ),
    }
