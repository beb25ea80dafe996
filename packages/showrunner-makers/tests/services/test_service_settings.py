"""Keys, prices and options of the services."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode
from decimal import Decimal
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest

from showrunner_makers.services.elevenlabs import ElevenLabs, charged_usd
from showrunner_makers.services.gemini import Gemini
from showrunner_makers.services.http import Reply
from showrunner_makers.services.kling.maker import Kling
from showrunner_makers.services.kling.web_token import signed
from showrunner_makers.services.prices import price_list, usd_for
from showrunner_makers.services.settings import ALL, GeminiSettings, KlingSettings
from showrunner_makers.services.youtube.maker import YouTube

SECRET = "sk-very-secret"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ALL:
        for name in kind.model_fields:
            monkeypatch.delenv(f"{kind.model_config['env_prefix']}{name.upper()}", raising=False)


def gemini_key() -> str:
    key = GeminiSettings.read().api_key
    assert key is not None
    return key.get_secret_value()


def test_keys_are_read_like_showrunners_own_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("GEMINI_API_KEY=one\nGEMINI_URL=http://localhost:1/\n")
    assert gemini_key() == "one"
    assert GeminiSettings.read().url == "http://localhost:1"
    (tmp_path / ".env.local").write_text("GEMINI_API_KEY='two'\n")
    assert gemini_key() == "two"
    monkeypatch.setenv("GEMINI_API_KEY", '"three"')
    assert gemini_key() == "three"
    monkeypatch.setenv("GEMINI_API_KEY", "")
    assert gemini_key() == "two", "an empty variable counts as not set"


def test_a_key_stands_in_no_text_about_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", SECRET)
    assert SECRET not in repr(GeminiSettings.read())
    monkeypatch.setenv("GEMINI_API_KEY", f"{SECRET} and more")
    with pytest.raises(ValueError, match="GEMINI_API_KEY: must be one word") as raised:
        GeminiSettings.read()
    assert SECRET not in "".join(format_exception(raised.value))


def test_a_wrong_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLING_URL", "api.example")
    with pytest.raises(ValueError, match="KLING_URL: must be an address"):
        KlingSettings.read()


@pytest.mark.parametrize(
    ("maker", "names"),
    [
        (Gemini, "GEMINI_API_KEY is not set"),
        (ElevenLabs, "ELEVENLABS_API_KEY is not set"),
        (Kling, "KLING_ACCESS_KEY and KLING_SECRET_KEY are not set"),
        (YouTube, "YOUTUBE_CLIENT_ID and YOUTUBE_CLIENT_SECRET are not set"),
    ],
)
def test_what_is_not_set_is_named(maker: Any, names: str) -> None:
    assert names in maker().missing(None)


def test_a_channel_that_is_not_connected_learns_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YOUTUBE_CLIENT_ID", "id")
    monkeypatch.setenv("YOUTUBE_CLIENT_SECRET", SECRET)
    assert "showrunner youtube connect" in str(YouTube().missing(None))


def test_every_price_has_a_day_a_source_and_is_there_once() -> None:
    named = [(one.service, one.model, one.unit) for one in price_list()]
    assert len(named) == len(set(named))
    assert {one.service for one in price_list()} == {"gemini", "kling", "elevenlabs"}
    assert all(one.as_of and one.source and one.usd > 0 for one in price_list())


@pytest.mark.parametrize(
    ("told", "usd"), [("250", "0.055"), ("12.5", "0.00275"), ("", None), ("many", None)]
)
def test_elevenlabs_costs_the_credits_that_its_answer_counts(told: str, usd: str | None) -> None:
    reply = Reply(status=200, body=b"", headers={"character-cost": told})
    charged = charged_usd(reply)
    assert (None if charged is None else charged.normalize()) == (usd and Decimal(usd).normalize())


def test_the_default_models_have_the_prices_that_are_documented() -> None:
    assert usd_for("gemini", "gemini-3.1-flash-image", "image 1K") == Decimal("0.067")
    assert usd_for("kling", "kling-v2-5-turbo", "second pro") == Decimal("0.07")
    assert usd_for("elevenlabs", "eleven_multilingual_v2", "1000 characters") == Decimal("0.22")


@pytest.mark.parametrize(
    ("maker", "options", "sentence"),
    [
        (
            Gemini,
            {"model": "gemini-2.5-flash-image"},
            "model: “gemini-2.5-flash-image” of “gemini”",
        ),
        (
            Gemini,
            {"model": "gemini-3-pro-image", "size": "4K"},
            "model: .* no price for “image 4K”",
        ),
        (Gemini, {"colour": 1}, "colour: is no option of “gemini”; it has model, size"),
        (Gemini, {"size": "8K"}, "size: "),
        (
            Kling,
            {"model": "kling-v1"},
            "model: “kling-v1” of “kling” has no known price; there are",
        ),
        (Kling, {"seconds": 7}, "seconds: "),
        (Kling, {"mode": "best"}, "mode: "),
        (ElevenLabs, {"model": "x"}, "model: “x” of “elevenlabs”"),
        (ElevenLabs, {"sound_model": "x"}, "sound_model: “x”"),
        (ElevenLabs, {"voice": "a/b"}, "voice: "),
        (ElevenLabs, {"stability": 2}, "stability: "),
        (YouTube, {"privacy": "secret"}, "privacy: "),
        (YouTube, {"category": "films"}, "category: "),
        (YouTube, {"tags": ["<b>"]}, "tags.0: must not hold < or >"),
        (YouTube, {"tags": ["x" * 400]}, "tags: must have at most 380 characters together"),
        (YouTube, {"description": "a > b"}, "description: must not hold < or >"),
        (YouTube, {"description": "é" * 2501}, "description: must have at most 5000 bytes"),
        (YouTube, {"made_for_kids": "no"}, "made_for_kids: "),
        (YouTube, {"language": "English"}, "language: "),
    ],
)
def test_an_option_that_cannot_be_used_is_named(
    maker: Any, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        maker().check(options)


@pytest.mark.parametrize("maker", [Gemini, Kling, ElevenLabs, YouTube])
def test_a_maker_needs_no_option(maker: Any) -> None:
    maker().check({})


def test_yamls_number_of_a_category_is_one() -> None:
    YouTube().check({"category": 27})


def test_a_token_is_signed_as_the_standard_says() -> None:
    head, claims, mark = signed({"iss": "ak", "exp": 1}, "secret").split(".")
    assert urlsafe_b64decode(f"{head}==") == b'{"alg":"HS256","typ":"JWT"}'
    assert urlsafe_b64decode(f"{claims}==") == b'{"iss":"ak","exp":1}'
    digest = hmac.new(b"secret", f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert urlsafe_b64decode(f"{mark}==") == digest
    assert "=" not in head + claims + mark
