"""What a request asks ElevenLabs for, checked; and what it costs."""

import re
from typing import Any, Final

from studio_sandbox.errors import ServiceError
from studio_sandbox.making.sound import Quality
from studio_sandbox.services.elevenlabs.errors import invalid
from studio_sandbox.wire.route import Call

CREDIT_USD: Final = 22 / 100_000
"""Price of a credit in the plan Creator."""
PER_CHARACTER: Final = {
    "eleven_multilingual_v2": 1.0,
    "eleven_v3": 1.0,
    "eleven_flash_v2_5": 0.5,
    "eleven_turbo_v2_5": 0.5,
}
LONGEST: Final = {
    "eleven_multilingual_v2": 10_000,
    "eleven_v3": 5_000,
    "eleven_flash_v2_5": 40_000,
    "eleven_turbo_v2_5": 40_000,
}
SOUND_MODEL: Final = "eleven_text_to_sound_v2"
CREDITS_PER_SECOND, CREDITS_OF_AUTO = 40, 200
AUTO_SECONDS = 4.0
_SHORTEST, _LONGEST_SOUND = 0.5, 30.0
VOICE: Final = re.compile(r"[A-Za-z0-9]{20}")
_MP3: Final = frozenset(
    f"mp3_{quality}"
    for quality in ("22050_32", "24000_48", *(f"44100_{rate}" for rate in (32, 64, 96, 128, 192)))
)
_OTHER_FORMATS: Final = ("pcm_", "ulaw_", "alaw_", "opus_", "wav_")


def body_and_text(call: Call) -> tuple[dict[str, Any], str]:
    """The body and its text.

    Raises:
        ServiceError: 422.
    """
    body = call.json()
    if body is None:
        raise invalid("body", "JSON decode error", "json_invalid")
    if "text" not in body:
        raise invalid("text", "Field required", "missing")
    text = body["text"]
    if not isinstance(text, str) or not text.strip():
        raise invalid("text", "Input should be a text", "string_type")
    return body, text


def sound_seconds(value: Any) -> float | None:
    """The length of a sound; None when the service may choose it."""
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not _SHORTEST <= value <= _LONGEST_SOUND:
        words = f"duration_seconds must be between {_SHORTEST} and {_LONGEST_SOUND:g}"
        raise invalid("duration_seconds", words)
    return float(value)


def sound_quality(call: Call) -> Quality:
    """The sound quality that is asked for.

    Raises:
        ServiceError: 422; 501 for formats other than MP3.
    """
    name = call.request.query_params.get("output_format", "mp3_44100_128")
    if name.startswith(_OTHER_FORMATS):
        words = f"studio-sandbox makes MP3 only, such as mp3_44100_128, not {name}."
        raise ServiceError(501, {"detail": words})
    if name not in _MP3:
        raise invalid("output_format", f"output_format must be one of {', '.join(sorted(_MP3))}")
    _, rate, kilobits = name.split("_")
    return Quality(rate=int(rate), kilobits=int(kilobits))
