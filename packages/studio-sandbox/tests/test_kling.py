"""Kling: jobs, their charges, and clips that are made from the picture that was sent."""

from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from studio_kit import Client, HandClock, png, usd

from studio_sandbox import Config
from studio_sandbox.config import ACCOUNTS, Account
from studio_sandbox.testing import StudioSandbox


def test_a_job_goes_through_its_states_by_the_clock(client: Client, clock: HandClock) -> None:
    submitted = client.submit("piece-1").json()
    assert (submitted["code"], submitted["data"]["task_status"]) == (0, "submitted")
    states = []
    for seconds in (0, 2, 17, 1):
        clock.pass_(seconds=seconds)
        states.append(client.job("piece-1")["task_status"])
    assert states == ["submitted", "processing", "processing", "succeed"]
    assert client.job("piece-1")["final_unit_deduction"] == "1.5"


def test_a_job_is_found_by_either_id_and_in_the_list(client: Client) -> None:
    ids = [client.submit(name).json()["data"]["task_id"] for name in ("a", "b", "c")]
    assert client.job(ids[0]) == client.job("a")
    listed = client.kling("GET", "?pageNum=1&pageSize=2").json()["data"]
    assert [job["task_info"]["external_task_id"] for job in listed] == ["c", "b"]
    rest = client.kling("GET", "?pageNum=2&pageSize=2").json()["data"]
    assert [job["task_id"] for job in rest] == ids[:1]
    assert client.kling("GET", "/nobody").json()["code"] == 1203


@pytest.mark.parametrize("duration", ["5", "10"])
@pytest.mark.parametrize(
    ("size", "shape"),
    [((1376, 768), (640, 360)), ((1920, 1080), (640, 360)), ((512, 512), (640, 640))],
)
def test_a_clip_is_as_long_as_asked_and_has_the_shape_of_its_picture(
    client: Client,
    clock: HandClock,
    tmp_path: Path,
    duration: str,
    size: tuple[int, int],
    shape: tuple[int, int],
) -> None:
    client.submit("clip", image=png(*size), duration=duration)
    clock.pass_(seconds=20)
    [video] = client.job("clip")["task_result"]["videos"]
    path = tmp_path / "clip.mp4"
    path.write_bytes(client.http.get(video["url"]).content)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == shape
        assert stream.duration is not None
        assert stream.time_base is not None
        assert float(stream.duration * stream.time_base) == float(video["duration"])
    assert video["duration"] == duration


def test_a_clip_shows_the_picture_that_was_sent(
    client: Client, clock: HandClock, tmp_path: Path
) -> None:
    client.submit("red", image=png(colour="red"))
    client.submit("blue", image=png(colour="blue"))
    clock.pass_(seconds=20)
    strongest = []
    for name in ("red", "blue"):
        path = tmp_path / f"{name}.mp4"
        path.write_bytes(client.http.get(client.url(name)).content)
        with av.open(str(path)) as container:
            pixel = next(container.decode(video=0)).to_image().getpixel((100, 100))
        assert isinstance(pixel, tuple)
        strongest.append(pixel.index(max(pixel)))
    assert strongest == [0, 2]


def test_an_external_id_belongs_to_one_job_for_ever(client: Client, studio: StudioSandbox) -> None:
    assert client.submit("once").json()["code"] == 0
    again = client.submit("once")
    assert (again.status_code, again.json()["code"]) == (400, 1201)
    assert len(studio.ledger(key="once")) == 1


def test_a_job_is_charged_when_it_is_accepted(client: Client, studio: StudioSandbox) -> None:
    client.submit("a", duration="10", mode="pro")
    [row] = studio.ledger()
    assert (row["key"], row["units"], row["usd"]) == ("a", 5, 0.7)
    assert row["subject"] == client.job("a")["task_id"]


def test_equal_requests_with_other_keys_have_one_fingerprint(
    client: Client, studio: StudioSandbox
) -> None:
    client.submit("a")
    client.submit("b")
    client.submit("c", prompt="fast")
    marks = [row["fingerprint"] for row in studio.ledger()]
    assert marks[0] == marks[1] != marks[2]


def test_a_failed_job_gives_its_units_back(
    client: Client, studio: StudioSandbox, clock: HandClock
) -> None:
    studio.set_balance("kling", 10)
    studio.fault("failed", message="Image pixel is invalid")
    client.submit("a")
    assert usd(studio) == 0.21
    clock.pass_(seconds=20)
    job = client.job("a")
    assert (job["task_status"], job["task_status_msg"]) == ("failed", "Image pixel is invalid")
    assert [row["refund_of"] for row in studio.ledger()] == [None, 1]
    assert usd(studio) == 0
    balances = studio.http.get("/control/accounts").json()["accounts"]
    assert [one["balance"] for one in balances if one["service"] == "kling"] == [10]


def test_a_stuck_job_never_ends(client: Client, studio: StudioSandbox, clock: HandClock) -> None:
    studio.fault("stuck")
    client.submit("a")
    clock.pass_(days=3)
    assert client.job("a")["task_status"] == "processing"


def test_jobs_count_from_submission_to_end(
    client: Client, studio: StudioSandbox, clock: HandClock
) -> None:
    codes = [client.submit(str(number)).json()["code"] for number in range(6)]
    assert codes == [0, 0, 0, 0, 0, 1303]
    clock.pass_(seconds=20)
    assert client.submit("later").json()["code"] == 0
    assert len(studio.ledger()) == 6


def test_without_units_nothing_begins(client: Client, studio: StudioSandbox) -> None:
    studio.set_balance("kling", 2)
    answers = [client.submit(str(number)) for number in range(2)]
    assert [answer.json()["code"] for answer in answers] == [0, 1102]
    assert answers[1].status_code == 429


def test_an_account_that_pays_later_is_in_arrears() -> None:
    late = Account(service="kling", name="late", key="a", secret="b", balance=0, postpaid=True)
    with StudioSandbox(Config(accounts=(late, *ACCOUNTS))) as studio:
        assert Client(studio).submit("a").json()["code"] == 1101


def test_a_url_expires_and_another_is_given(
    client: Client, clock: HandClock, studio: StudioSandbox
) -> None:
    client.submit("a")
    clock.pass_(seconds=20)
    url = client.url("a")
    assert client.http.get(url).status_code == 200
    clock.pass_(hours=24)
    assert client.http.get(url).status_code == 403
    assert client.http.get(client.url("a")).status_code == 200
    studio.fault("url_expired")
    assert [client.http.get(client.url("a")).status_code for _ in range(2)] == [403, 200]
    assert client.http.get(url.replace("expires=", "expires=9")).status_code == 403


def test_after_thirty_days_the_clip_is_gone(client: Client, clock: HandClock) -> None:
    client.submit("a")
    clock.pass_(days=29, hours=23)
    url = client.url("a")
    clock.pass_(hours=2)
    assert client.http.get(url).status_code == 404
    assert client.job("a")["task_result"]["videos"] == []


@pytest.mark.parametrize(
    ("model", "mode", "duration", "units"),
    [
        ("kling-v2-5-turbo", "pro", "10", 5),
        ("kling-v2-6", "std", "5", 1.5),
        ("kling-v3", "pro", "7", 5.6),
    ],
)
def test_units_go_by_model_mode_and_seconds(
    client: Client, studio: StudioSandbox, model: str, mode: str, duration: str, units: float
) -> None:
    client.submit("a", model_name=model, mode=mode, duration=duration)
    [row] = studio.ledger()
    assert (row["units"], row["usd"]) == (units, round(units * 0.14, 4))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"duration": 5}, 1201),
        ({"duration": "7"}, 1201),
        ({"image": ""}, 1201),
        ({"image": "data:image/png;base64," + png()}, 1201),
        ({"image": "AAAA"}, 1201),
        ({"image": png(200, 200)}, 1201),
        ({"image": png(1000, 300)}, 1201),
        ({"mode": "best"}, 1201),
        ({"prompt": "x" * 2501}, 1201),
        ({"cfg_scale": 2}, 1201),
        ({"model_name": "kling-v0"}, 1203),
        ({"callback_url": "http://127.0.0.1/"}, 501),
    ],
)
def test_a_wrong_request_is_refused_and_not_charged(
    client: Client, studio: StudioSandbox, fields: dict[str, Any], code: int
) -> None:
    assert client.submit("a", **fields).json()["code"] == code
    assert studio.ledger() == []


def test_a_picture_may_be_given_by_its_url(client: Client, clock: HandClock) -> None:
    client.submit("a", image="https://example.org/squid.png")
    clock.pass_(seconds=20)
    assert client.http.get(client.url("a")).status_code == 200


def test_a_job_whose_answer_was_lost_is_found_by_its_key(
    client: Client, studio: StudioSandbox
) -> None:
    studio.fault("lost_after", service="kling", route="submit")
    with pytest.raises(httpx.RemoteProtocolError):
        client.submit("piece-1")
    [row] = studio.ledger(key="piece-1")
    assert client.job("piece-1")["task_id"] == row["subject"]


def test_a_job_may_be_found_late_but_its_key_is_taken_at_once(clock: HandClock) -> None:
    with StudioSandbox(Config(kling_found_after_seconds=60), clock=clock) as studio:
        client = Client(studio)
        client.submit("a")
        assert client.kling("GET", "/a").json()["code"] == 1203
        assert client.kling("GET").json()["data"] == []
        assert client.submit("a").json()["code"] == 1201
        clock.pass_(seconds=60)
        assert client.job("a")["task_status"] == "succeed"
