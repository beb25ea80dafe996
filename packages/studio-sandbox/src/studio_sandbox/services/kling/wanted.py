"""What a request asks Kling for, checked."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from studio_sandbox.errors import ServiceError
from studio_sandbox.making.picture import preview
from studio_sandbox.services.kling.errors import kling_error, request_id
from studio_sandbox.store.ledger import Price

UNIT_USD: Final = 0.14
"""Price of a unit in the smallest resource pack."""
_UNITS: Final = {
    ("kling-v1-6", "std"): 2.0,
    ("kling-v1-6", "pro"): 3.5,
    ("kling-v2-1", "std"): 2.0,
    ("kling-v2-1", "pro"): 3.5,
    ("kling-v2-5-turbo", "std"): 1.5,
    ("kling-v2-5-turbo", "pro"): 2.5,
    ("kling-v2-6", "std"): 1.5,
    ("kling-v2-6", "pro"): 2.5,
    ("kling-v3", "std"): 3.0,
    ("kling-v3", "pro"): 4.0,
}
"""Units for five seconds, by model and mode."""
MODELS: Final = frozenset(model for model, _ in _UNITS)
_DURATIONS: Final = {"kling-v3": tuple(str(seconds) for seconds in range(3, 16))}
_USUAL_DURATIONS: Final = ("5", "10")
"""Seconds of a clip, which are sent as strings."""
_MAX_IMAGE = 10 * 1024 * 1024
_LEAST_PIXELS = 300
_WIDEST = 2.5
_MAX_PROMPT = 2500
_UNSUPPORTED: Final = (
    *("callback_url", "image_tail", "static_mask", "dynamic_masks", "camera_control"),
    *("voice_list", "watermark_info", "sound", "multi_shot", "element_list"),
)
_IGNORED: Final[tuple[object, ...]] = (None, "", [], "off", {"enabled": False}, False)
_URL_SIZE: Final = (1280, 720)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A clip that is asked for.

    Attributes:
        image: A small JPEG of the picture; None for a picture that was given by its URL.
        size: Of the whole picture in pixels.
        seconds: Of the clip.
    """

    model: str
    mode: str
    prompt: str
    seconds: int
    image: bytes | None
    url: str
    size: tuple[int, int]
    external_task_id: str | None

    @property
    def price(self) -> Price:
        """Of the clip."""
        units = _UNITS[self.model, self.mode] * self.seconds / 5
        return Price(units=units, unit="unit", usd=units * UNIT_USD)


def wanted(body: dict[str, Any] | None) -> Wanted:
    """Read the body of a submission.

    Raises:
        ServiceError: 1200, 1201 or 1203; 501 for fields that are not emulated.
    """
    if body is None:
        raise kling_error(1200, "The body is not a JSON object")
    _refuse_unsupported(body)
    model, mode = body.get("model_name", "kling-v1-6"), body.get("mode", "std")
    if model not in MODELS:
        raise kling_error(1203, f"model_name {model} does not exist")
    if mode not in ("std", "pro"):
        raise kling_error(1201, "mode must be one of std, pro")
    duration, durations = body.get("duration", "5"), _DURATIONS.get(model, _USUAL_DURATIONS)
    if duration not in durations:
        raise kling_error(1201, f"duration must be one of the strings {', '.join(durations)}")
    image, url, size = _picture(body.get("image"))
    return Wanted(
        model=model,
        mode=mode,
        prompt=_prompt(body),
        seconds=int(duration),
        image=image,
        url=url,
        size=size,
        external_task_id=_external(body.get("external_task_id")),
    )


def _refuse_unsupported(body: dict[str, Any]) -> None:
    for name in _UNSUPPORTED:
        if body.get(name) not in _IGNORED:
            words = f"studio-sandbox does not emulate {name}."
            answer = {"code": 501, "message": words, "request_id": request_id()}
            raise ServiceError(501, answer)


def _prompt(body: dict[str, Any]) -> str:
    for name in ("prompt", "negative_prompt"):
        text = body.get(name) or ""
        if not isinstance(text, str) or len(text) > _MAX_PROMPT:
            raise kling_error(1201, f"{name} must have at most {_MAX_PROMPT} characters")
    scale = body.get("cfg_scale", 0.5)
    if not isinstance(scale, int | float) or not 0 <= scale <= 1:
        raise kling_error(1201, "cfg_scale must be a number from 0 to 1")
    return str(body.get("prompt") or "")


def _external(value: Any) -> str | None:
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise kling_error(1201, "external_task_id must be a string")
    return value


def _picture(value: Any) -> tuple[bytes | None, str, tuple[int, int]]:
    """A small copy, the URL and the size of the picture that was sent."""
    if not isinstance(value, str) or not value:
        raise kling_error(1201, "image is required")
    if value.startswith(("http://", "https://")):
        return None, value, _URL_SIZE
    if value.startswith("data:"):
        raise kling_error(1201, "image must be raw base64, without a data: prefix")
    try:
        data = base64.b64decode(value, validate=True)
        if len(data) > _MAX_IMAGE:
            raise kling_error(1201, "image must not be larger than 10 MB")
        small, size = preview(data)
    except (binascii.Error, ValueError):
        raise kling_error(1201, "image is not a valid base64 picture") from None
    if min(size) < _LEAST_PIXELS or max(size) / min(size) > _WIDEST:
        raise kling_error(1201, "Image pixel is invalid")
    return small, "", size
