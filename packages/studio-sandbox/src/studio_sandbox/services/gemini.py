"""Gemini's image generation.

Source: ai.google.dev, "Gemini API: image generation", "Pricing", "Troubleshooting".
"""

import base64
import binascii
import secrets
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from studio_sandbox.config import Account, Config
from studio_sandbox.errors import ServiceError
from studio_sandbox.making.picture import picture
from studio_sandbox.store.files import Files
from studio_sandbox.store.ledger import Ledger, Price, Reason
from studio_sandbox.wire.faults import FaultSettings
from studio_sandbox.wire.route import Call, Route, fingerprint

FLASH, PRO = "gemini-3.1-flash-image", "gemini-3-pro-image"
RETIRED = "gemini-2.5-flash-image"
_ACTION = ":generateContent"
_CHARACTERS_PER_TOKEN = 4
_IMAGE_TOKENS = 258
"""Of an image that is sent."""

SIZES: Final[dict[str, dict[str, tuple[int, float]]]] = {
    FLASH: {
        "512": (747, 0.045),
        "1K": (1120, 0.067),
        "2K": (1680, 0.101),
        "4K": (2520, 0.151),
    },
    PRO: {"1K": (1120, 0.134), "2K": (1120, 0.134), "4K": (2000, 0.24)},
}
"""Tokens and US dollars of an image, by model and size."""
_SCALES: Final = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}
RATIOS: Final = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
}
"""Width and height of a 1K image, by aspect ratio."""
_ERRORS: Final = {
    "400": ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    "403": ("PERMISSION_DENIED", "The caller does not have permission."),
    "404": ("NOT_FOUND", "Requested entity was not found."),
    "429": ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    "500": ("INTERNAL", "An internal error has occurred. Please retry."),
    "503": ("UNAVAILABLE", "The model is overloaded. Please try again later."),
}


def gemini_error(code: str, message: str | None = None, **details: Any) -> ServiceError:
    """An error in Google's form."""
    status, usual = _ERRORS[code]
    error: dict[str, Any] = {"code": int(code), "message": message or usual, "status": status}
    if details:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        error["details"] = [{"@type": kind, "domain": "googleapis.com", **details}]
    return ServiceError(int(code), {"error": error})


@dataclass(frozen=True)
class _Wanted:
    """An image that is asked for."""

    model: str
    prompt: str
    references: tuple[str, ...]
    ratio: str
    size: str

    @property
    def pixels(self) -> tuple[int, int]:
        width, height = RATIOS[self.ratio]
        scale = _SCALES[self.size]
        return int(width * scale), int(height * scale)

    @property
    def prompt_tokens(self) -> int:
        text = max(1, len(self.prompt) // _CHARACTERS_PER_TOKEN)
        return text + _IMAGE_TOKENS * len(self.references)

    @property
    def price(self) -> Price:
        return Price(units=1, unit="image", usd=SIZES[self.model][self.size][1])


class Gemini:
    """The service.

    Args:
        config: Its accounts.
        ledger: Where images are charged.
        files: Where images are made.
    """

    def __init__(self, config: Config, ledger: Ledger, files: Files) -> None:
        self._config = config
        self._ledger = ledger
        self._files = files

    def routes(self) -> list[Route]:
        """Its routes."""
        route = Route(
            service="gemini",
            name="generate",
            methods=("POST",),
            path="/v1beta/models/{action:path}",
            handler=self.generate,
            error=gemini_error,
        )
        return [route, replace(route, name="model", methods=("GET",), handler=self.model)]

    async def model(self, call: Call) -> Response:
        """GET /v1beta/models/{model}: costs nothing, and checks the key."""
        self._account(call)
        name = call.request.path_params["action"]
        if name not in SIZES:
            raise _unknown(name)
        methods = ["generateContent"]
        return JSONResponse({"name": f"models/{name}", "supportedGenerationMethods": methods})

    async def generate(self, call: Call) -> Response:
        """POST /v1beta/models/{model}:generateContent."""
        account = self._account(call)
        wanted = _wanted(call)
        if refusal := call.struck_by("refusal"):
            return JSONResponse(_refusal(wanted, refusal))
        mark = fingerprint("gemini", wanted)
        path = await self._made(wanted, mark)
        if not self._ledger.can_pay(account, wanted.price.usd):
            raise gemini_error("429", "Your prepayment credits are depleted.")
        answer_id = secrets.token_urlsafe(16)
        reason = Reason(
            key=call.key,
            fingerprint=mark,
            what=f"{wanted.size} image, {wanted.ratio}: {wanted.prompt[:60]}",
            subject=answer_id,
            file=path.name,
        )
        self._ledger.charge(account, wanted.price, reason, call.now)
        return JSONResponse(_answer(wanted, path.read_bytes(), answer_id))

    async def _made(self, wanted: _Wanted, mark: str) -> Any:
        return await picture(self._files, wanted.prompt, wanted.pixels, mark)

    def _account(self, call: Call) -> Account:
        query = call.request.query_params.get("key", "")
        key = call.request.headers.get("x-goog-api-key", query)
        if not key:
            words = "Method doesn't allow unregistered callers. Please use an API key."
            raise gemini_error("403", words)
        account = self._config.account("gemini", key)
        if account is None:
            words = "API key not valid. Please pass a valid API key."
            raise gemini_error("400", words, reason="API_KEY_INVALID")
        return account


def _unknown(model: str) -> ServiceError:
    return gemini_error(
        "404",
        f"models/{model} is not found for API version v1beta, or is not supported for "
        "generateContent. Call ListModels to see the list of available models.",
    )


def _wanted(call: Call) -> _Wanted:
    """What a request asks for.

    Raises:
        ServiceError: 400, 404 or, for other methods of a model, 501.
    """
    action = call.request.path_params["action"]
    model, colon, _ = action.partition(":")
    if colon and not action.endswith(_ACTION):
        words = f"studio-sandbox does not emulate {action}, only models/…{_ACTION}."
        raise ServiceError(501, {"error": {"code": 501, "message": words}})
    if model not in SIZES:
        raise _unknown(model)
    body = call.json()
    if body is None:
        raise gemini_error("400", "Invalid JSON payload received.")
    texts, images = _parts(body)
    config = _object(_object(body.get("generationConfig")).get("imageConfig"))
    ratio, size = config.get("aspectRatio", "1:1"), config.get("imageSize", "1K")
    if ratio not in RATIOS:
        raise gemini_error("400", f"aspect_ratio must be one of {', '.join(RATIOS)}.")
    if size not in SIZES[model]:
        raise gemini_error("400", f"image_size must be one of {', '.join(SIZES[model])}.")
    return _Wanted(model, " ".join(texts), tuple(images), ratio, size)


def _object(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise gemini_error("400", "Invalid JSON payload received: an object was expected.")
    return value


def _parts(body: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The texts, and fingerprints of the images, in the contents of a request."""
    texts: list[str] = []
    images: list[str] = []
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise gemini_error("400", "* GenerateContentRequest.contents: contents is not specified")
    parts = [part for each in contents for part in _list(_object(each).get("parts"))]
    for part in map(_object, parts):
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
        if inline := part.get("inlineData", part.get("inline_data")):
            images.append(_image(_object(inline)))
    if not "".join(texts).strip():
        raise gemini_error("400", "The prompt has no text.")
    return texts, images


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise gemini_error("400", "Invalid JSON payload received: a list was expected.")
    return value


def _image(inline: dict[str, Any]) -> str:
    try:
        data = base64.b64decode(str(inline.get("data", "")), validate=True)
    except binascii.Error:
        raise gemini_error("400", "Base64 decoding failed for inline_data.") from None
    return fingerprint(data.hex())


def _usage(wanted: _Wanted, image_tokens: int) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "promptTokenCount": wanted.prompt_tokens,
        "totalTokenCount": wanted.prompt_tokens + image_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": wanted.prompt_tokens}],
    }
    if image_tokens:
        usage["candidatesTokenCount"] = image_tokens
        usage["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": image_tokens}]
    return usage


def _answer(wanted: _Wanted, image: bytes, answer_id: str) -> dict[str, Any]:
    data = {"mimeType": "image/png", "data": base64.b64encode(image).decode()}
    content = {"parts": [{"inlineData": data}], "role": "model"}
    return {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": _usage(wanted, SIZES[wanted.model][wanted.size][0]),
        "modelVersion": wanted.model,
        "responseId": answer_id,
    }


def _refusal(wanted: _Wanted, fault: FaultSettings) -> dict[str, Any]:
    """The answer 200 without an image."""
    words = fault.message or "Unable to show the generated image."
    reason = fault.code or "IMAGE_SAFETY"
    return {
        "candidates": [{"finishReason": reason, "finishMessage": words, "index": 0}],
        "usageMetadata": _usage(wanted, 0),
        "modelVersion": wanted.model,
        "responseId": secrets.token_urlsafe(16),
    }
