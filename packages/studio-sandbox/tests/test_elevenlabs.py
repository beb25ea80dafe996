"""ElevenLabs: real MP3s, charged by character or second."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from studio_kit import Client

from studio_sandbox import Config
from studio_sandbox.config import Account
from studio_sandbox.testing import StudioSandbox


def _seconds(answer: httpx.Response, folder: Path) -> float:
    assert answer.headers["content-type"] == "audio/mpeg", answer.text
    path = folder / "sound.mp3"
    path.write_bytes(answer.content)
    with av.open(str(path)) as container:
        assert container.duration is not None
        return container.duration / av.time_base


def _status(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["detail"]["status"]


def test_speech_lasts_as_its_text_and_costs_a_credit_a_character(
    client: Client, studio: StudioSandbox, tmp_path: Path
) -> None:
    answer = client.speech("x" * 60)
    assert _seconds(answer, tmp_path) == pytest.approx(4, abs=0.1)
    [row] = studio.ledger()
    assert (row["units"], row["usd"]) == (60, 0.0132)
    assert answer.headers["character-cost"] == "60"
    assert answer.headers["request-id"] == row["subject"]


def test_a_fast_model_costs_half(client: Client, studio: StudioSandbox) -> None:
    client.speech("x" * 60, model_id="eleven_flash_v2_5")
    assert [row["units"] for row in studio.ledger()] == [30]


@pytest.mark.parametrize("seconds", [0.5, 7, 30])
def test_a_sound_lasts_as_asked(
    client: Client, studio: StudioSandbox, tmp_path: Path, seconds: float
) -> None:
    answer = client.sound(duration_seconds=seconds)
    assert _seconds(answer, tmp_path) == pytest.approx(seconds, abs=0.1)
    assert [row["units"] for row in studio.ledger()] == [40 * seconds]


def test_the_output_format_decides_rate_and_size(client: Client, tmp_path: Path) -> None:
    path = "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb?output_format="
    small = client.elevenlabs("POST", f"{path}mp3_22050_32", {"text": "x" * 60})
    large = client.elevenlabs("POST", f"{path}mp3_44100_192", {"text": "x" * 60})
    assert len(small.content) * 4 < len(large.content)
    assert _seconds(small, tmp_path) == pytest.approx(4, abs=0.15)
    wrong = [
        client.elevenlabs("POST", f"{path}{name}", {"text": "x"}).status_code
        for name in ("pcm_44100", "mp3_44100_7", "mp3")
    ]
    assert wrong == [501, 422, 422]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/sound-generation", {"text": "x", "duration_seconds": 31}, "duration_seconds"),
        ("/v1/sound-generation", {"text": "x", "duration_seconds": 0.4}, "duration_seconds"),
        ("/v1/sound-generation", {}, "text"),
        ("/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb", {"text": ""}, "text"),
        ("/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb", {"text": "x", "model_id": "m"}, "model_id"),
    ],
)
def test_a_wrong_field_is_422_and_named(
    client: Client, studio: StudioSandbox, path: str, body: Any, field: str
) -> None:
    answer = client.elevenlabs("POST", path, body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]
    assert studio.ledger() == []


def test_a_wrong_key_and_a_wrong_voice_are_refused(client: Client) -> None:
    bad = client.http.post("/v1/sound-generation", headers={"xi-api-key": "x"}, json={"text": "x"})
    assert _status(bad) == (401, "invalid_api_key")
    voice = client.elevenlabs("POST", "/v1/text-to-speech/nobody", {"text": "x"})
    assert _status(voice) == (400, "voice_not_found")


def test_without_credits_nothing_is_sold(client: Client, studio: StudioSandbox) -> None:
    studio.set_balance("elevenlabs", 15)
    assert client.speech("x" * 10).status_code == 200
    assert _status(client.speech("x" * 10)) == (401, "quota_exceeded")
    assert len(studio.ledger()) == 1
    left = client.elevenlabs("GET", "/v1/user/subscription").json()
    assert (left["character_count"], left["character_limit"]) == (10, 15)


@pytest.mark.parametrize(
    ("code", "status"),
    [("too_many_concurrent_requests", 429), ("system_busy", 429), ("internal_server_error", 500)],
)
def test_errors_come_on_demand(
    client: Client, studio: StudioSandbox, code: str, status: int
) -> None:
    studio.fault("error", service="elevenlabs", code=code, route="speech")
    assert _status(client.speech()) == (status, code)
    assert client.speech().status_code == 200
    assert len(studio.ledger()) == 1


def test_no_more_requests_are_answered_at_a_time_than_the_account_may() -> None:
    account = Account(service="elevenlabs", name="small", key="k", at_once=1)
    with StudioSandbox(Config(accounts=(account,))) as studio, ThreadPoolExecutor(4) as pool:
        client = Client(studio)
        texts = [f"{number} " + "x" * 400 for number in range(4)]
        answers = list(pool.map(client.speech, texts))
        refused = [answer for answer in answers if answer.status_code != 200]
        assert {_status(answer) for answer in refused} == {(429, "too_many_concurrent_requests")}
        assert len(studio.ledger()) == 4 - len(refused)
        assert client.speech().status_code == 200


def test_the_history_has_speech_newest_first_and_its_sound_for_nothing(
    client: Client, studio: StudioSandbox
) -> None:
    spoken = [client.speech(text) for text in ("one", "two", "three")]
    client.sound()
    page = client.elevenlabs("GET", "/v1/history?page_size=2").json()
    assert [item["text"] for item in page["history"]] == ["three", "two"]
    assert page["has_more"]
    after = f"/v1/history?start_after_history_item_id={page['last_history_item_id']}"
    [first] = client.elevenlabs("GET", after).json()["history"]
    assert first["request_id"] == spoken[0].headers["request-id"]
    audio = client.elevenlabs("GET", f"/v1/history/{first['history_item_id']}/audio")
    assert audio.content == spoken[0].content
    assert len(studio.ledger()) == 4
    assert client.elevenlabs("GET", "/v1/history/nobody/audio").status_code == 404
