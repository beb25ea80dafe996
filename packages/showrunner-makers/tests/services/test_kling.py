"""Kling over real HTTP on this machine: jobs sent once, found again, and fetched."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from media_kit import WHALE, moving_clip, request_for, source
from pydantic import SecretStr
from services_kit import DROPPED, Asked, Said, Scripted, scripted

from models.production.making import AccountRefused, Failure, Job, MakerError, RemoteMaker, Request
from models.production.paid_orders import Answer
from models.production.steps import PieceKind, Step
from models.production.story import Scene
from showrunner_makers.services.kling.maker import Kling
from showrunner_makers.services.settings import KlingSettings

KEY = UUID(int=7)
SECRET = SecretStr("a-secret-of-some-length")
JOBS = "/v1/videos/image2video"


def kling(server: Scripted, access: str = "ak") -> Kling:
    settings = KlingSettings(
        access_key=SecretStr(access), secret_key=SECRET, url=f"{server.url}/v1"
    )
    return Kling(settings)


def wanted(folder: Path, *, narration: str = WHALE, **more: Any) -> Request:
    still = folder / "composite.png"
    still.write_bytes(b"a picture")
    pieces = (source(PieceKind.COMPOSITE, 1, still),)
    return request_for(Step.VIDEOS, folder, narration, sources=pieces, **more)


def job(maker: Kling, id_: str | None = "7", account: str | None = None) -> Job:
    return Job(key=KEY, id=id_, account=account or maker.account)


def ok(data: Any) -> Said:
    return Said(200, {"code": 0, "message": "SUCCEED", "data": data})


def test_it_is_a_maker_that_finds_jobs_by_key() -> None:
    assert isinstance(Kling(), RemoteMaker)
    assert Kling().can_be_looked_up


async def test_a_job_is_sent_with_the_key_as_its_own_name(tmp_path: Path) -> None:
    scene = Scene(position=1, narration=WHALE, motion="Slow zoom.")
    async with scripted([ok({"task_id": "7", "task_status": "submitted"})]) as server:
        maker = kling(server)
        found = await maker.submit(wanted(tmp_path, scenes=(scene,)), KEY)
    assert (found.answer, found.job_id, found.account) == (Answer.ACCEPTED, "7", maker.account)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", JOBS)
    assert asked.json["external_task_id"] == str(KEY)
    assert asked.json["image"] == base64.b64encode(b"a picture").decode(), "without “data:”"
    assert (asked.json["duration"], asked.json["prompt"]) == ("5", "Slow zoom.")
    head, claims, _ = asked.headers["authorization"].removeprefix("Bearer ").split(".")
    assert json.loads(base64.urlsafe_b64decode(f"{head}==")) == {"alg": "HS256", "typ": "JWT"}
    told = json.loads(base64.urlsafe_b64decode(f"{claims}=="))
    assert told["iss"] == "ak"
    assert told["exp"] - told["nbf"] == 1805
    assert "ak" not in maker.account.split()[-1], "the account's name holds no key"


@pytest.mark.parametrize(
    ("options", "narration", "seconds", "usd"),
    [
        ({}, "Short.", "5", "0.35"),
        ({}, " ".join(["word"] * 13), "10", "0.70"),
        ({"seconds": 10}, "Short.", "10", "0.70"),
        ({"seconds": 5, "mode": "std"}, "word " * 40, "5", "0.25"),
    ],
)
async def test_a_clip_is_as_long_as_the_option_or_the_narrations_text_says(
    tmp_path: Path, options: dict[str, Any], narration: str, seconds: str, usd: str
) -> None:
    request = wanted(tmp_path, narration=narration, options=options)
    async with scripted([ok({"task_id": "7"})]) as server:
        maker = kling(server)
        await maker.submit(request, KEY)
    assert server.asked[0].json["duration"] == seconds
    assert maker.price(request) == Decimal(usd)
    assert maker.inputs(request)["duration"] == seconds


async def test_a_lost_answer_is_unknown_and_sent_once(tmp_path: Path) -> None:
    async with scripted([DROPPED]) as server:
        found = await kling(server).submit(wanted(tmp_path), KEY)
    assert found.answer is Answer.UNKNOWN
    assert len(server.asked) == 1


async def test_a_composite_that_is_gone_or_too_large_is_not_sent(tmp_path: Path) -> None:
    async with scripted([DROPPED]) as server:
        maker = kling(server)
        gone = await maker.submit(request_for(Step.VIDEOS, tmp_path, WHALE), KEY)
        request = wanted(tmp_path)
        (tmp_path / "composite.png").write_bytes(b"x" * 10_000_001)
        large = await maker.submit(request, KEY)
    assert gone.answer is large.answer is Answer.REFUSED_PIECE
    assert "10,000,001 bytes" in large.reason
    assert server.asked == []


def listed(asked: Asked) -> Said:
    page = int(asked.query["pageNum"][0])
    jobs = [{"task_id": f"{page}-{n}", "task_info": {}} for n in range(100)]
    if page == 2:
        jobs = [{"task_id": "mine", "task_info": {"external_task_id": str(KEY)}}]
    return ok(jobs)


async def test_a_job_is_found_by_its_key_on_a_later_page() -> None:
    async with scripted(listed) as server:
        assert await kling(server).look_up(job(kling(server), None)) == "mine"
    assert [one.query["pageNum"] for one in server.asked] == [["1"], ["2"]]
    async with scripted([ok([])]) as server:
        assert await kling(server).look_up(job(kling(server), None)) is None


@pytest.mark.parametrize("said", [DROPPED, Said(503, b"busy"), Said(200, b'{"code": 0, "data"')])
async def test_a_question_without_an_answer_is_asked_again(said: Any) -> None:
    async with scripted([said]) as server:
        with pytest.raises(MakerError) as raised:
            await kling(server).poll(job(kling(server)))
        assert raised.value.failure is Failure.RETRIABLE
        with pytest.raises(MakerError):
            await kling(server).look_up(job(kling(server), None))


async def test_a_job_that_is_unknown_is_lost() -> None:
    async with scripted([Said(404, {"code": 1203, "message": "no such"})]) as server:
        assert (await kling(server).poll(job(kling(server)))).lost


async def test_a_job_of_another_account_is_not_asked_about() -> None:
    async with scripted([ok({})]) as server:
        other = job(kling(server, "other"))
        with pytest.raises(AccountRefused, match="Set KLING_URL and KLING_ACCESS_KEY back"):
            await kling(server).poll(other)
        with pytest.raises(AccountRefused):
            await kling(server).look_up(other)
    assert server.asked == []


async def test_a_bad_key_is_said_and_the_job_kept() -> None:
    async with scripted([Said(401, {"code": 1002, "message": "invalid"})]) as server:
        with pytest.raises(AccountRefused, match="1002"):
            await kling(server).poll(job(kling(server)))


def clips(server_url: list[str], clip: Said) -> Any:
    def answer(asked: Asked) -> Said:
        if asked.path.endswith(".mp4"):
            return clip
        videos = [{"url": f"{server_url[0]}/clip.mp4"}]
        return ok({"task_status": "succeed", "task_result": {"videos": videos}})

    return answer


async def fetched(clip: Said, folder: Path) -> tuple[Any, list[Asked]]:
    url: list[str] = [""]
    async with scripted(clips(url, clip)) as server:
        url[0] = server.url
        return await kling(server).fetch(job(kling(server)), folder), server.asked


async def test_a_clip_is_fetched_without_the_key(tmp_path: Path) -> None:
    (given := tmp_path / "given").mkdir()
    clip = moving_clip(given / "clip.mp4", 1.0).read_bytes()
    made, asked = await fetched(Said(200, clip), tmp_path)
    assert made.path.read_bytes() == clip
    assert made.seconds == pytest.approx(1.0)
    assert "authorization" not in asked[-1].headers, "the clip lies on another host"


@pytest.mark.parametrize("clip", [Said(200, b"x" * 900, cut=300), Said(500), Said(200, b"no clip")])
async def test_a_download_that_was_cut_is_tried_again(tmp_path: Path, clip: Said) -> None:
    with pytest.raises(MakerError) as raised:
        await fetched(clip, tmp_path)
    assert raised.value.failure is Failure.RETRIABLE


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_clip_that_is_gone_says_that_it_was_charged(tmp_path: Path, status: int) -> None:
    with pytest.raises(MakerError, match="made and charged a clip") as raised:
        await fetched(Said(status), tmp_path)
    assert raised.value.failure is Failure.API_FAILURE
