"""Services that answer with the result, over real HTTP on this machine."""

from __future__ import annotations

import base64
import io
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from media_kit import WHALE, request_for, tone
from PIL import Image
from pydantic import SecretStr
from services_kit import DROPPED, Said, Scripted, scripted

from models.production.making import Failure, Made, RemoteMaker, Request, Submitted
from models.production.paid_orders import Answer
from models.production.steps import Step
from models.production.story import Scene
from showrunner_makers.services.elevenlabs import ElevenLabs
from showrunner_makers.services.gemini import Gemini
from showrunner_makers.services.settings import ElevenLabsSettings, GeminiSettings

KEY = UUID(int=7)
SECRET = SecretStr("sk-very-secret")
VOICE = {"voice": "JBFqnCBsd6RMkjVDRZzb"}


def picture() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (32, 18), "navy").save(held, "PNG")
    return held.getvalue()


def answered(data: bytes, **more: Any) -> dict[str, Any]:
    inline = {"mimeType": "image/png", "data": base64.b64encode(data).decode()}
    parts = [{"text": "Here it is."}, {"inlineData": inline}]
    return {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}], **more}


def refused(**more: Any) -> dict[str, Any]:
    return {"candidates": [{"finishReason": "IMAGE_SAFETY", "index": 0}], **more}


def gemini(server: Scripted) -> Gemini:
    return Gemini(GeminiSettings(api_key=SECRET, url=server.url))


def elevenlabs(server: Scripted) -> ElevenLabs:
    return ElevenLabs(ElevenLabsSettings(api_key=SECRET, url=server.url))


async def image(server: Scripted, folder: Path, **more: Any) -> Submitted:
    return await gemini(server).submit(request_for(Step.ASSETS, folder, WHALE, **more), KEY)


async def narration(server: Scripted, folder: Path) -> Submitted:
    asked = request_for(Step.AUDIO, folder, WHALE, options=VOICE)
    return await elevenlabs(server).submit(asked, KEY)


def made_of(found: Submitted) -> Made:
    assert found.answer is Answer.ACCEPTED
    assert found.failure is None
    assert found.made is not None
    return found.made


@pytest.mark.parametrize("kind", [Gemini, ElevenLabs])
def test_they_are_makers_that_find_nothing_by_key(kind: Any) -> None:
    assert isinstance(kind(), RemoteMaker)
    assert not kind().can_be_looked_up


async def test_gemini_answers_with_the_picture(tmp_path: Path) -> None:
    scene = Scene(position=1, narration=WHALE, image="A whale on sand.")
    options = {"style": "Oil painting.", "size": "2K"}
    async with scripted([Said(200, answered(picture(), usageMetadata={"total": 9}))]) as server:
        found = await image(server, tmp_path, scenes=(scene,), options=options, take=3)
    made = made_of(found)
    assert made.path.read_bytes() == picture()
    assert (made.path.parent, made.media_type) == (tmp_path, "image/png")
    assert made.notes["usage"] == {"total": 9}
    (asked,) = server.asked
    assert asked.path == "/v1beta/models/gemini-3.1-flash-image:generateContent"
    assert asked.query == {}, "a key in an address would stand in logs"
    assert asked.headers["x-goog-api-key"] == SECRET.get_secret_value()
    assert asked.headers["x-client-request-id"] == str(KEY)
    assert asked.json["contents"][0]["parts"] == [{"text": "Oil painting.\n\nA whale on sand."}]
    config = asked.json["generationConfig"]
    assert config["imageConfig"] == {"aspectRatio": "16:9", "imageSize": "2K"}
    assert config["seed"] == 3


@pytest.mark.parametrize(
    ("body", "why", "charged"),
    [
        (refused(), "IMAGE_SAFETY", None),
        (refused(usageMetadata={"promptTokenCount": 9}), "IMAGE_SAFETY", None),
        (refused(usageMetadata={"candidatesTokenCount": 3}), "IMAGE_SAFETY", Decimal("0.067")),
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, "PROHIBITED_CONTENT", None),
        ({"candidates": [{"content": None, "finishReason": "NO_IMAGE"}]}, "NO_IMAGE", None),
        ({"candidates": [{"content": {"parts": [{"text": "No."}]}}]}, "no image", None),
    ],
)
async def test_a_success_without_a_picture_is_a_refusal_of_the_scene(
    tmp_path: Path, body: Any, why: str, charged: Decimal | None
) -> None:
    async with scripted([Said(200, body)]) as server:
        found = await image(server, tmp_path)
    assert found.answer is Answer.REFUSED_PIECE
    assert why in found.reason
    assert found.charged == charged, "what was written is charged, and nothing else"


@pytest.mark.parametrize(
    "said",
    [
        Said(200, answered(picture()), cut=60),
        Said(200, answered(picture()[:40])),
        Said(200, answered(b"no picture")),
        Said(200, b"<html>"),
        Said(200, b""),
    ],
    ids=["cut", "half a picture", "no picture", "no json", "empty"],
)
async def test_a_picture_that_was_charged_and_cannot_be_used_says_so(
    tmp_path: Path, said: Said
) -> None:
    async with scripted([said]) as server:
        found = await image(server, tmp_path)
    assert (found.answer, found.failure) == (Answer.ACCEPTED, Failure.RETRIABLE)
    assert (found.made, found.charged) == (None, None), "the estimate is what was charged"
    assert "was made and charged" in found.reason


@pytest.mark.parametrize("submit", [image, narration])
async def test_an_answer_that_never_comes_is_unknown_and_asked_for_once(
    tmp_path: Path, submit: Any
) -> None:
    async with scripted([DROPPED]) as server:
        found = await submit(server, tmp_path)
    assert found.answer is Answer.UNKNOWN
    assert len(server.asked) == 1


@pytest.mark.parametrize("submit", [image, narration])
async def test_a_service_that_is_away_got_nothing(tmp_path: Path, submit: Any) -> None:
    async with scripted([DROPPED]) as server:
        pass
    found = await submit(server, tmp_path)
    assert (found.answer, found.reason) == (Answer.NOT_SENT, "ConnectError.")


@pytest.mark.parametrize("submit", [image, narration])
async def test_an_error_is_asked_for_once_and_holds_no_key(tmp_path: Path, submit: Any) -> None:
    async with scripted([Said(503, {"error": {"message": "busy"}})]) as server:
        found = await submit(server, tmp_path)
    assert found.answer is Answer.NOT_NOW
    assert len(server.asked) == 1
    assert SECRET.get_secret_value() not in repr(found)


async def test_without_a_key_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    async with scripted([DROPPED]) as server:
        maker = Gemini(GeminiSettings(url=server.url))
        found = await maker.submit(request_for(Step.ASSETS, tmp_path, WHALE), KEY)
    assert found.answer is Answer.REFUSED_ACCOUNT
    assert "GEMINI_API_KEY" in found.reason
    assert server.asked == []


@pytest.fixture(scope="session")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return tone(tmp_path_factory.mktemp("sound") / "tone.mp3", 2.0).read_bytes()


async def test_elevenlabs_answers_with_the_narration(tmp_path: Path, mp3: bytes) -> None:
    options = {**VOICE, "stability": 0.4, "speed": 1}
    request = request_for(Step.AUDIO, tmp_path, WHALE, options=options)
    async with scripted([Said(200, mp3, {"request-id": "r1"})]) as server:
        found = await elevenlabs(server).submit(request, KEY)
    made = made_of(found)
    assert made.seconds == pytest.approx(2.0, abs=0.1)
    assert (made.media_type, found.job_id) == ("audio/mpeg", "r1")
    (asked,) = server.asked
    assert asked.path == f"/v1/text-to-speech/{VOICE['voice']}"
    assert asked.headers["xi-api-key"] == SECRET.get_secret_value()
    assert asked.json["text"] == WHALE
    assert asked.json["voice_settings"] == {"stability": 0.4, "speed": 1}


async def test_elevenlabs_makes_a_sound_as_long_as_the_scene(tmp_path: Path, mp3: bytes) -> None:
    scene = Scene(position=1, narration=" ".join(["word"] * 10), sound="Rain on tin.")
    request = request_for(Step.SFX, tmp_path, "", scenes=(scene,))
    async with scripted([Said(200, mp3)]) as server:
        made_of(await elevenlabs(server).submit(request, KEY))
    (asked,) = server.asked
    assert asked.path == "/v1/sound-generation"
    assert (asked.json["text"], asked.json["duration_seconds"]) == ("Rain on tin.", 4.0)
    long = Scene(position=1, narration="word " * 200)
    inputs = ElevenLabs().inputs(request_for(Step.SFX, tmp_path, "", scenes=(long,)))
    assert inputs["body"]["duration_seconds"] == 30.0


@pytest.mark.parametrize("missing", [None, 50], ids=["no sound", "cut"])
async def test_a_narration_that_was_charged_and_cannot_be_used_says_so(
    tmp_path: Path, mp3: bytes, missing: int | None
) -> None:
    said = Said(200, b"no sound at all")
    if missing is not None:
        said = Said(200, mp3, cut=len(mp3) - missing)  # most of it can be heard
    async with scripted([said]) as server:
        found = await narration(server, tmp_path)
    assert (found.answer, found.failure) == (Answer.ACCEPTED, Failure.RETRIABLE)
    assert ("broke off" in found.reason) is (missing is not None)


def asked_for(step: Step, text: str, folder: Path, **options: Any) -> Request:
    return request_for(step, folder, text, options={**VOICE, **options})


@pytest.mark.parametrize(
    ("step", "options", "usd"),
    [
        (Step.AUDIO, {}, "0.11"),
        (Step.AUDIO, {"model": "eleven_flash_v2_5"}, "0.055"),
        (Step.SFX, {}, "0.24464"),
    ],
)
def test_a_narration_costs_its_characters_and_a_sound_its_seconds(
    tmp_path: Path, step: Step, options: dict[str, Any], usd: str
) -> None:
    request = asked_for(step, "x" * 500, tmp_path, **options)
    assert ElevenLabs().price(request) == Decimal(usd)


def test_a_narration_needs_a_voice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="^voice: must be the id"):
        ElevenLabs().inputs(request_for(Step.AUDIO, tmp_path, WHALE))


def test_what_changes_the_result_changes_the_inputs(tmp_path: Path) -> None:
    one = Gemini().inputs(request_for(Step.ASSETS, tmp_path, WHALE))
    assert one == Gemini().inputs(request_for(Step.ASSETS, tmp_path, WHALE, title="Other"))
    for options in ({"size": "2K"}, {"style": "ink"}, {"aspect_ratio": "1:1"}):
        assert Gemini().inputs(request_for(Step.ASSETS, tmp_path, WHALE, options=options)) != one
    assert Gemini().inputs(request_for(Step.ASSETS, tmp_path, "Other.")) != one
