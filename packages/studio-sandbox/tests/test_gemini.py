"""Gemini: an image is charged when it is made, and a refusal is an answer without one."""

import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image
from studio_kit import Client, usd

from studio_sandbox.testing import StudioSandbox


def _image(answer: httpx.Response) -> Image.Image:
    [part] = answer.json()["candidates"][0]["content"]["parts"]
    data = base64.b64decode(part["inlineData"]["data"])
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("size", "pixels", "price"),
    [("512", (688, 384), 0.045), ("1K", (1376, 768), 0.067), ("2K", (2752, 1536), 0.101)],
)
def test_an_image_has_the_size_that_is_asked_for_and_its_price(
    client: Client, studio: StudioSandbox, size: str, pixels: tuple[int, int], price: float
) -> None:
    answer = client.gemini(aspectRatio="16:9", imageSize=size)
    image = _image(answer)
    assert (image.format, image.size) == ("PNG", pixels)
    assert answer.json()["candidates"][0]["finishReason"] == "STOP"
    [row] = studio.ledger()
    assert (row["service"], row["units"], row["usd"]) == ("gemini", 1, price)


def test_the_same_prompt_gives_the_same_picture_and_is_charged_each_time(
    client: Client, studio: StudioSandbox
) -> None:
    one, two, other = client.gemini("A"), client.gemini("A"), client.gemini("B")
    pictures = [_image(answer).tobytes() for answer in (one, two, other)]
    assert pictures[0] == pictures[1] != pictures[2]
    marks = [row["fingerprint"] for row in studio.ledger()]
    assert marks[0] == marks[1] != marks[2]


def test_usage_counts_the_tokens_of_prompt_and_image(client: Client) -> None:
    usage = client.gemini("four words of text").json()["usageMetadata"]
    assert usage["candidatesTokenCount"] == 1120
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + 1120


@pytest.mark.parametrize(
    "reason", ["IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "NO_IMAGE", "IMAGE_RECITATION"]
)
def test_a_refusal_is_200_without_content_and_costs_nothing(
    client: Client, studio: StudioSandbox, reason: str
) -> None:
    studio.fault("refusal", code=reason)
    answer = client.gemini()
    [candidate] = answer.json()["candidates"]
    assert (answer.status_code, candidate["finishReason"]) == (200, reason)
    assert "content" not in candidate
    assert studio.ledger() == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("400", "INVALID_ARGUMENT"),
        ("403", "PERMISSION_DENIED"),
        ("429", "RESOURCE_EXHAUSTED"),
        ("500", "INTERNAL"),
        ("503", "UNAVAILABLE"),
    ],
)
def test_an_error_has_googles_form_and_is_over(
    client: Client, studio: StudioSandbox, code: str, status: str
) -> None:
    studio.fault("error", service="gemini", code=code)
    answer = client.gemini()
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (int(code), int(code), status)
    assert studio.ledger() == []
    assert client.gemini().status_code == 200


@pytest.mark.parametrize(
    ("headers", "code", "status"),
    [
        ({}, 403, "PERMISSION_DENIED"),
        ({"x-goog-api-key": "wrong"}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_without_a_valid_key_nothing_is_made(
    studio: StudioSandbox, headers: dict[str, str], code: int, status: str
) -> None:
    path = "/v1beta/models/gemini-3.1-flash-image:generateContent"
    answer = studio.http.post(path, headers=headers, json={"contents": []})
    assert (answer.status_code, answer.json()["error"]["status"]) == (code, status)


@pytest.mark.parametrize("model", ["gemini-2.5-flash-image", "gemini-9"])
def test_a_model_that_was_shut_down_is_not_found(client: Client, model: str) -> None:
    answer = client.gemini(model=model)
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "image", [{"aspectRatio": "7:3"}, {"imageSize": "8K"}, {"imageSize": "1k"}]
)
def test_a_size_that_does_not_exist_is_refused(client: Client, image: dict[str, Any]) -> None:
    assert client.gemini(**image).status_code == 400


@pytest.mark.parametrize("text", ["", "   "])
def test_a_request_without_text_is_refused(client: Client, text: str) -> None:
    assert client.gemini(text).status_code == 400


def test_without_money_nothing_is_made(client: Client, studio: StudioSandbox) -> None:
    studio.set_balance("gemini", 0.1)
    statuses = [client.gemini().status_code for _ in range(2)]
    assert statuses == [200, 429]
    assert usd(studio) == 0.067


def test_a_key_is_checked_for_nothing(client: Client, studio: StudioSandbox) -> None:
    headers = {"x-goog-api-key": studio.account("gemini").key}
    answer = client.http.get("/v1beta/models/gemini-3.1-flash-image", headers=headers)
    assert answer.json()["name"] == "models/gemini-3.1-flash-image"
    assert studio.ledger() == []


def test_what_is_not_emulated_is_501(client: Client) -> None:
    path = "/v1beta/models/gemini-3.1-flash-image:streamGenerateContent"
    headers = {"x-goog-api-key": client.studio.account("gemini").key}
    assert client.http.post(path, headers=headers, json={}).status_code == 501
    assert client.http.post("/v1beta/files", json={}).status_code == 501
