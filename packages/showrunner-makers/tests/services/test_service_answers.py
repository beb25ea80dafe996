"""What each service's answer means: tables of answers, and of requests without one."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from models.production.making import Failure, JobState
from models.production.paid_orders import Answer
from showrunner_makers.services import elevenlabs, gemini
from showrunner_makers.services.http import Reply, answer_of
from showrunner_makers.services.kling import answers as kling
from showrunner_makers.services.youtube import answers as youtube

ACCEPTED, NOT_SENT, NOT_NOW, UNKNOWN = (
    Answer.ACCEPTED,
    Answer.NOT_SENT,
    Answer.NOT_NOW,
    Answer.UNKNOWN,
)
PIECE, ACCOUNT = Answer.REFUSED_PIECE, Answer.REFUSED_ACCOUNT


def reply(status: int, body: Any = b"", **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers=headers, body=content)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (httpx.ConnectError("refused"), NOT_SENT),
        (httpx.ConnectTimeout("slow"), NOT_SENT),
        (httpx.PoolTimeout("full"), NOT_SENT),
        (httpx.ProxyError("down"), NOT_SENT),
        (httpx.UnsupportedProtocol("ftp"), NOT_SENT),
        (httpx.ReadTimeout("slow"), UNKNOWN),
        (httpx.WriteTimeout("slow"), UNKNOWN),
        (httpx.ReadError("reset"), UNKNOWN),
        (httpx.WriteError("reset"), UNKNOWN),
        (httpx.CloseError("reset"), UNKNOWN),
        (httpx.RemoteProtocolError("closed"), UNKNOWN),
        (httpx.DecodingError("gzip"), UNKNOWN),
    ],
    ids=lambda one: type(one).__name__,
)
def test_only_what_cannot_have_arrived_counts_as_not_sent(
    error: httpx.HTTPError, answer: Answer
) -> None:
    assert answer_of(error) is answer


def google(code: int, message: str = "", **more: Any) -> Reply:
    return reply(code, {"error": {"code": code, "message": message, **more}})


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (google(400, "Invalid aspect ratio"), PIECE),
        (google(400, "API key not valid.", details=[{"reason": "API_KEY_INVALID"}]), ACCOUNT),
        (google(400, "User location", status="FAILED_PRECONDITION"), ACCOUNT),
        (google(401), ACCOUNT),
        (google(402), ACCOUNT),
        (google(403, "denied"), ACCOUNT),
        (google(404, "models/x is not found"), ACCOUNT),
        (google(429, "Resource has been exhausted"), NOT_NOW),
        (google(429, "quota", details=[{"quotaId": "GenerateRequestsPerDayPerProject"}]), ACCOUNT),
        (google(429, "Your prepayment credits are depleted."), ACCOUNT),
        (google(500), UNKNOWN),
        (reply(502, b"<html>"), UNKNOWN),
        (google(503, "overloaded"), NOT_NOW),
        (google(504), UNKNOWN),
        (reply(302), UNKNOWN),
    ],
    ids=lambda one: f"{one.status}-{one.body[:60]!r}" if isinstance(one, Reply) else one.value,
)
def test_gemini(said: Reply, answer: Answer) -> None:
    found = gemini.refusal(said)
    assert found.answer is answer
    assert found.charged is None
    assert found.of_channel == (said.status == 404)


def eleven(status: int, code: str) -> Reply:
    return reply(status, {"detail": {"status": code, "message": "about it"}})


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (eleven(429, "too_many_concurrent_requests"), NOT_NOW),
        (eleven(429, "system_busy"), NOT_NOW),
        (eleven(429, "something_new"), NOT_NOW),
        (eleven(401, "quota_exceeded"), ACCOUNT),
        (eleven(401, "invalid_api_key"), ACCOUNT),
        (eleven(402, "payment_required"), ACCOUNT),
        (eleven(400, "voice_not_found"), ACCOUNT),
        (eleven(400, "max_character_limit_exceeded"), PIECE),
        (reply(422, {"detail": [{"loc": ["body", "text"], "msg": "too long"}]}), PIECE),
        (eleven(500, "internal_server_error"), UNKNOWN),
        (eleven(503, "service_unavailable"), NOT_NOW),
        (reply(504, b"<html>"), UNKNOWN),
    ],
    ids=lambda one: f"{one.status}-{one.body[:60]!r}" if isinstance(one, Reply) else one.value,
)
def test_elevenlabs(said: Reply, answer: Answer) -> None:
    found = elevenlabs.refusal(said)
    assert found.answer is answer
    assert found.of_channel == (b"voice_not_found" in said.body)


@pytest.mark.parametrize(
    ("status", "code", "answer"),
    [
        (429, 1303, NOT_NOW),
        (429, 1302, NOT_NOW),
        (429, 1101, ACCOUNT),
        (429, 1102, ACCOUNT),
        (429, 1100, ACCOUNT),
        (401, 1002, ACCOUNT),
        (401, 1004, ACCOUNT),
        (403, 1103, ACCOUNT),
        (404, 1203, ACCOUNT),
        (400, 1201, PIECE),
        (400, 1300, PIECE),
        (400, 1301, PIECE),
        (500, 5000, UNKNOWN),
        (503, 5001, NOT_NOW),
        (504, 5002, UNKNOWN),
        (200, 9999, UNKNOWN),
    ],
)
def test_klings_code_decides_and_not_its_status(status: int, code: int, answer: Answer) -> None:
    found = kling.submitted(reply(status, {"code": code, "message": "about it"}), "a")
    assert found.answer is answer
    assert found.of_channel == (code == 1203)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (reply(200, {"code": 0, "data": {"task_id": "7"}}), ACCEPTED),
        (reply(200, {"code": 0, "data": {}}), UNKNOWN),
        (reply(200, b'{"code": 0, "da'), UNKNOWN),
        (reply(429, b"busy"), NOT_NOW),
        (reply(502, b"<html>"), UNKNOWN),
        (reply(503, b"<html>"), NOT_NOW),
    ],
    ids=lambda one: f"{one.status}-{one.body!r}" if isinstance(one, Reply) else one.value,
)
def test_an_answer_of_klings_without_a_jobs_name_is_looked_up(said: Reply, answer: Answer) -> None:
    assert kling.submitted(said, "a").answer is answer


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ({"task_status": "submitted"}, JobState()),
        ({"task_status": "processing", "final_unit_deduction": "0"}, JobState()),
        ({}, JobState()),
        ({"task_status": "succeed"}, JobState(ended=True)),
    ],
)
def test_a_job_of_klings_ends_when_it_says_so(data: dict[str, Any], state: JobState) -> None:
    assert kling.state_of(data, 1) == state


@pytest.mark.parametrize(
    ("units", "usd"),
    [("2.5", "0.350"), (5, "0.70"), ("0", "0.00"), ("", None), (None, None), ("-1", None)],
)
def test_a_job_of_klings_costs_the_units_that_were_taken(units: object, usd: str | None) -> None:
    state = kling.state_of({"task_status": "succeed", "final_unit_deduction": units}, 1)
    assert (None if state.charged is None else str(state.charged)) == usd


@pytest.mark.parametrize(
    ("words", "failure"),
    [
        ("Failure to pass the risk control system", Failure.INVALID_INPUT),
        ("internal error", Failure.API_FAILURE),
    ],
)
def test_a_job_of_klings_that_failed_names_the_scene(words: str, failure: Failure) -> None:
    state = kling.state_of({"task_status": "failed", "task_status_msg": words}, 3)
    assert (state.ended, state.failure) == (True, failure)
    assert state.reason == f"Scene 3: Kling made no clip: {words}"


def tube(status: int, reason: str) -> Reply:
    return reply(status, {"error": {"message": "m", "errors": [{"reason": reason}]}})


@pytest.mark.parametrize(
    ("said", "answer", "of_channel"),
    [
        (reply(200, b"", location="https://x/upload?id=1"), ACCEPTED, False),
        (reply(200), UNKNOWN, False),
        (tube(403, "quotaExceeded"), ACCOUNT, False),
        (tube(403, "accessNotConfigured"), ACCOUNT, False),
        (tube(400, "uploadLimitExceeded"), ACCOUNT, True),
        (tube(401, "youtubeSignupRequired"), ACCOUNT, True),
        (tube(401, "authError"), ACCOUNT, True),
        (tube(403, "insufficientPermissions"), ACCOUNT, True),
        (tube(403, "rateLimitExceeded"), NOT_NOW, None),
        (tube(400, "invalidTitle"), PIECE, None),
        (tube(429, ""), NOT_NOW, None),
        (tube(500, "backendError"), NOT_NOW, None),
        (reply(503, b"<html>"), NOT_NOW, None),
        (reply(302), UNKNOWN, None),
    ],
    ids=lambda one: f"{one.status}-{one.body[:80]!r}" if isinstance(one, Reply) else str(one),
)
def test_youtube(said: Reply, answer: Answer, *, of_channel: bool | None) -> None:
    found = youtube.opened(said)
    assert found.answer is answer
    if of_channel is not None:
        assert found.of_channel is of_channel
