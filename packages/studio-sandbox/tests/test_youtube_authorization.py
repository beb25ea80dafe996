"""YouTube: a person allows a program to use a channel."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from studio_kit import Client, HandClock

from studio_sandbox import Config
from studio_sandbox.testing import StudioSandbox

SCOPE = "https://www.googleapis.com/auth/youtube"
BACK = "http://127.0.0.1:9999/back"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
PAGE = "/o/oauth2/v2/auth"


def _asked(studio: StudioSandbox, **changed: str) -> dict[str, str]:
    return {
        "client_id": studio.account("youtube").key,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": f"{SCOPE}.upload {SCOPE}.readonly",
        "state": "s1",
        "code_challenge": CHALLENGE.decode(),
        "code_challenge_method": "S256",
        "access_type": "offline",
        **changed,
    }


def _allowed(studio: StudioSandbox, channel: str, **changed: str) -> dict[str, str]:
    """What the browser brings back."""
    form = {**_asked(studio, **changed), "channel": channel}
    answer = studio.http.post(PAGE, data=form)
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"].startswith(f"{BACK}?")
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def _token(studio: StudioSandbox, **form: str) -> httpx.Response:
    account = studio.account("youtube")
    known = {"client_id": account.key, "client_secret": account.secret}
    return studio.http.post("/token", data={**known, **form})


def _exchanged(studio: StudioSandbox, code: str, **changed: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    return _token(studio, **{**form, "code_verifier": VERIFIER, **changed})


def test_a_person_chooses_a_channel_and_the_program_uploads_to_it() -> None:
    with StudioSandbox(Config(channels=("Deep Sea", "High Peaks"))) as studio:
        page = studio.http.get(PAGE, params=_asked(studio))
        assert "Allow for High Peaks" in page.text
        back = _allowed(studio, "High Peaks")
        assert back["state"] == "s1"
        tokens = _exchanged(studio, back["code"]).json()
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3599)
        refreshed = _token(
            studio, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
        ).json()
        assert "refresh_token" not in refreshed
        for token in (tokens["access_token"], refreshed["access_token"]):
            headers = {"Authorization": f"Bearer {token}"}
            path = "/youtube/v3/channels?mine=true&part=snippet"
            [channel] = studio.http.get(path, headers=headers).json()["items"]
            assert channel["snippet"]["title"] == "High Peaks"


def test_a_person_may_refuse(studio: StudioSandbox) -> None:
    assert _allowed(studio, "") == {"error": "access_denied", "state": "s1"}


def test_a_code_is_good_once_soon_and_for_who_asked(
    studio: StudioSandbox, clock: HandClock
) -> None:
    code = _allowed(studio, "Sandbox channel")["code"]
    wrong: list[dict[str, Any]] = [
        {"code_verifier": "other"},
        {"redirect_uri": "http://127.0.0.1:1/"},
        {"code": "unknown"},
    ]
    assert [_exchanged(studio, **{"code": code, **each}).status_code for each in wrong] == [400] * 3
    assert [_exchanged(studio, code).status_code for _ in range(2)] == [200, 400]
    late = _allowed(studio, "Sandbox channel")["code"]
    clock.pass_(minutes=11)
    assert _exchanged(studio, late).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://example.org/back"},
        {"redirect_uri": "http://example.org/"},
        {"scope": ""},
        {"response_type": "token"},
    ],
)
def test_a_wrong_request_is_told_to_the_person(
    studio: StudioSandbox, changed: dict[str, str]
) -> None:
    answer = studio.http.get(PAGE, params=_asked(studio, **changed))
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_the_page_quotes_what_it_was_sent(studio: StudioSandbox) -> None:
    page = studio.http.get(PAGE, params=_asked(studio, state='"><script>'))
    assert "<script>" not in page.text


def test_a_client_needs_its_secret(studio: StudioSandbox) -> None:
    token = studio.config.refresh_token or ""
    answer = _token(studio, grant_type="refresh_token", refresh_token=token, client_secret="x")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_what_a_person_took_back_is_invalid(studio: StudioSandbox) -> None:
    token = studio.config.refresh_token or ""
    assert studio.http.post("/revoke", data={"token": token}).status_code == 200
    answer = _token(studio, grant_type="refresh_token", refresh_token=token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert studio.http.post("/revoke", data={"token": "unknown"}).status_code == 400


def test_a_refresh_token_fails_on_demand(studio: StudioSandbox) -> None:
    studio.fault("error", service="youtube", route="token", code="invalid_grant")
    token = studio.config.refresh_token or ""
    answers = [_token(studio, grant_type="refresh_token", refresh_token=token) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 200]


def test_each_call_needs_its_scope(studio: StudioSandbox) -> None:
    back = _allowed(studio, "Sandbox channel", scope=f"{SCOPE}.upload")
    token = _exchanged(studio, back["code"]).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = studio.http.get("/youtube/v3/channels?mine=true&part=id", headers=headers)
    assert answer.json()["error"]["errors"][0]["reason"] == "insufficientPermissions"
    assert Client(studio).youtube("GET", "/youtube/v3/channels?mine=true&part=id").is_success
