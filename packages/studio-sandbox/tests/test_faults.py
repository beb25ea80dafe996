"""Faults on demand: what happens to the request, and what was charged all the same."""

from typing import Any

import httpx
import pytest
from studio_kit import Client

from studio_sandbox.testing import StudioSandbox

CALLS = {
    "gemini": lambda client: client.gemini(),
    "kling": lambda client: client.submit(),
    "elevenlabs": lambda client: client.speech(),
    "youtube": lambda client: client.insert(),
}
ROUTES = {"gemini": "generate", "kling": "submit", "elevenlabs": "speech", "youtube": "insert"}
each_service = pytest.mark.parametrize("service", CALLS)


@each_service
@pytest.mark.parametrize(("kind", "charged"), [("lost_after", 1), ("lost_before", 0)])
def test_a_lost_answer_was_charged_or_not(
    client: Client, studio: StudioSandbox, service: str, kind: str, charged: int
) -> None:
    studio.fault(kind, service=service, route=ROUTES[service])
    with pytest.raises(httpx.RemoteProtocolError):
        CALLS[service](client)
    assert len(studio.ledger()) == charged
    assert CALLS[service](client).status_code == 200
    assert len(studio.ledger()) == charged + 1
    statuses = [entry["status"] for entry in studio.requests() if entry["route"] != "token"]
    assert statuses == [0, 200]


@each_service
def test_a_late_answer_was_charged_before_the_client_gave_up(
    client: Client, studio: StudioSandbox, service: str
) -> None:
    CALLS[service](client)
    studio.fault("delay", service=service, route=ROUTES[service], delay_ms=3_600_000)
    with httpx.Client(base_url=studio.base_url, trust_env=False, timeout=1) as impatient:
        client.http = impatient
        with pytest.raises(httpx.ReadTimeout):
            CALLS[service](client)
    assert len(studio.ledger()) == 2


def test_a_download_is_truncated(client: Client, studio: StudioSandbox) -> None:
    client.submit("a")
    studio.advance(seconds=20)
    url = client.url("a")
    studio.fault("truncated", service="kling", route="download", at=1000)
    with pytest.raises(httpx.RemoteProtocolError, match="received 1000 bytes"):
        client.http.get(url)
    assert client.http.get(url).status_code == 200


def test_a_truncated_sound_was_charged(client: Client, studio: StudioSandbox) -> None:
    studio.fault("truncated", service="elevenlabs")
    with pytest.raises(httpx.RemoteProtocolError, match="received"):
        client.speech()
    assert len(studio.ledger()) == 1


def test_a_fault_strikes_the_requests_that_it_names(client: Client, studio: StudioSandbox) -> None:
    fault = {"service": "kling", "code": "1302", "route": "submit"}
    studio.fault("error", skip=1, times=2, **fault)
    codes = [client.submit(str(number)).json()["code"] for number in range(4)]
    assert codes == [0, 1302, 1302, 0]
    assert client.kling("GET").json()["code"] == 0
    shown = studio.http.get("/control/faults").json()["faults"]
    assert [(one["kind"], one["struck"]) for one in shown] == [("error", 2)]


def test_a_fault_lasts_until_it_is_cleared(client: Client, studio: StudioSandbox) -> None:
    studio.fault("error", service="gemini", code="503", times=None)
    assert [client.gemini().status_code for _ in range(3)] == [503] * 3
    studio.clear_faults()
    assert client.gemini().status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "A fault needs a kind."),
        ({"kind": "flood"}, "kind must be one of"),
        ({"kind": "lost_after", "service": "vimeo"}, "service must be one of"),
        ({"kind": "lost_after", "service": "kling", "route": "insert"}, "route must be one of"),
        ({"kind": "lost_after", "route": "insert"}, "route must be one of"),
        ({"kind": "error", "code": "500"}, "An error needs a service"),
        ({"kind": "error", "service": "kling"}, "An error needs a code: one of 1000"),
        ({"kind": "error", "service": "kling", "code": "429"}, "code must be one of 1000"),
        ({"kind": "refusal", "code": "RUDE"}, "code must be one of IMAGE_SAFETY"),
        (
            {"kind": "stuck", "service": "gemini", "route": "model"},
            "stuck strikes only kling submit.",
        ),
        ({"kind": "delay"}, "A delay needs delay_ms."),
        ({"kind": "cut"}, "A cut needs at"),
        ({"kind": "lost_after", "times": 0}, "times must be at least 1"),
        ({"kind": "lost_after", "times": True}, "times must be a whole number."),
        ({"kind": "lost_after", "skip": -1}, "must not be negative"),
        ({"kind": "delay", "delay_ms": "1"}, "delay_ms must be a number."),
        ({"kind": "lost_after", "service": 1}, "service must be a text."),
        ({"kind": "lost_after", "path": "/"}, "A fault has no 'path'"),
    ],
)
def test_a_fault_that_cannot_work_is_refused_with_a_sentence(
    studio: StudioSandbox, body: dict[str, Any], message: str
) -> None:
    answer = studio.http.post("/control/faults", json=body)
    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert studio.http.get("/control/faults").json() == {"faults": []}
