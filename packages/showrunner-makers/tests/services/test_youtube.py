"""YouTube over real HTTP on this machine: one video per film, whatever breaks off."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from media_kit import WHALE, request_for, source
from services_kit import DROPPED, Said, Scripted, scripted
from youtube_kit import FILM, KEY, LOGIN, Channel, job, maker, wanted

from models.production.making import (
    Failure,
    MakerError,
    NeedsSettings,
    RemoteMaker,
    Request,
    SignsIn,
)
from models.production.paid_orders import Answer
from models.production.steps import PieceKind, Step
from showrunner_makers.services.youtube import upload
from showrunner_makers.services.youtube.maker import WATCH, YouTube


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PART", 1024)


def test_it_is_a_maker_that_signs_in() -> None:
    assert isinstance(YouTube(), RemoteMaker)
    assert isinstance(YouTube(), NeedsSettings)
    assert isinstance(YouTube(), SignsIn)


async def test_a_session_is_the_job_and_no_byte_is_sent_with_it(tmp_path: Path) -> None:
    channel = Channel()
    options = {
        "description": "{title} on {channel}: {story}",
        "tags": ["sea"],
        "notify_subscribers": False,
    }
    async with scripted(channel.answer) as server:
        channel.url = server.url
        found = await maker(server).submit(wanted(tmp_path, options=options), KEY)
    assert (found.answer, found.job_id) == (Answer.ACCEPTED, f"{server.url}/session/0")
    assert channel.sessions == {"0": b""}
    told = channel.told["0"]
    assert told.query["uploadType"] == ["resumable"]
    assert told.query["notifySubscribers"] == ["false"]
    assert told.headers["x-upload-content-length"] == str(len(FILM))
    assert told.headers["authorization"] == "Bearer at"
    snippet, status = told.json["snippet"], told.json["status"]
    assert snippet["title"] == "Whale fall"
    assert snippet["description"] == f"Whale fall on Deep: {WHALE}"
    assert snippet["tags"][0] == "sea"
    assert f"showrunner-{KEY}" in snippet["tags"]
    assert len(",".join(snippet["tags"])) < 500
    assert status["privacyStatus"] == "private"
    assert status["containsSyntheticMedia"] is True
    assert status["selfDeclaredMadeForKids"] is False


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"title": "x" * 101}, "The title has 101 characters"),
        ({"title": "a < b"}, "The title holds < or >"),
        ({"options": {"description": "{story}"}, "title": "x"}, "The description has"),
    ],
)
async def test_what_youtube_would_refuse_is_not_sent(
    tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    async with scripted([DROPPED]) as server:
        request = wanted(tmp_path, **more)
        if "description" in str(more):
            scenes = request_for(Step.UPLOAD, tmp_path, "é" * 3000, position=0).scenes
            request = wanted(tmp_path, scenes=scenes, **more)
        found = await maker(server).submit(request, KEY)
    assert found.answer is Answer.REFUSED_PIECE
    assert words in found.reason
    assert "drag the card to Queued" in found.reason
    assert server.asked == []


async def test_a_title_of_100_characters_is_taken(tmp_path: Path) -> None:
    channel = Channel()
    async with scripted(channel.answer) as server:
        found = await maker(server).submit(wanted(tmp_path, title="x" * 100), KEY)
    assert found.answer is Answer.ACCEPTED


async def upload_all(server: Scripted, request: Request, address: str, polls: int = 20) -> str:
    """Poll as collects do, each in a process of its own; the video's address."""
    for _ in range(polls):
        try:
            state = await maker(server).poll(job(request, address))
        except MakerError:
            continue
        assert not state.lost
        if state.ended:
            assert state.failure is None
            return str(state.url)
    raise AssertionError("it does not end")


async def test_each_poll_sends_a_few_parts_and_another_process_goes_on(tmp_path: Path) -> None:
    channel = Channel()
    async with scripted(channel.answer) as server:
        channel.url, request = server.url, wanted(tmp_path)
        found = await maker(server).submit(request, KEY)
        state = await maker(server).poll(job(request, found.job_id))
        assert (state.ended, state.lost) == (False, False)
        assert len(channel.sessions["0"]) == upload.PARTS * 1024, "others are asked in between"
        address = await upload_all(server, request, str(found.job_id))
    assert address == f"{WATCH}v0"
    assert channel.sessions["0"] == FILM


async def test_a_part_that_arrived_half_is_sent_on_from_where_it_is(tmp_path: Path) -> None:
    channel = Channel(keeps=700)
    async with scripted(channel.answer) as server:
        channel.url, request = server.url, wanted(tmp_path)
        found = await maker(server).submit(request, KEY)
        channel.before["PUT /session/0"] = DROPPED
        await upload_all(server, request, str(found.job_id))
    assert channel.sessions["0"] == FILM
    assert len(channel.videos) == 1


async def test_a_last_answer_that_was_lost_is_asked_for_again(tmp_path: Path) -> None:
    channel = Channel()
    async with scripted(channel.answer) as server:
        channel.url, request = server.url, wanted(tmp_path)
        found = await maker(server).submit(request, KEY)
        channel.sessions["0"] = FILM[:-10]
        channel.after = {"PUT /session/0": DROPPED}
        with pytest.raises(MakerError):
            await maker(server).poll(job(request, found.job_id))
        assert await upload_all(server, request, str(found.job_id)) == f"{WATCH}v0"
    assert len(channel.videos) == 1


async def test_a_session_that_is_gone_is_lost_and_the_video_found_by_its_mark(
    tmp_path: Path,
) -> None:
    channel = Channel()
    async with scripted(channel.answer) as server:
        channel.url, request = server.url, wanted(tmp_path)
        found = await maker(server).submit(request, KEY)
        channel.sessions["0"] = FILM
        await maker(server).poll(job(request, found.job_id))
        channel.sessions.clear()
        assert (await maker(server).poll(job(request, found.job_id))).lost
        channel.hidden = True
        assert await maker(server).look_up(job(request, None)) is None
        channel.hidden = False
        there = await maker(server).look_up(job(request, None))
        assert there == f"{WATCH}v0"
        state = await maker(server).poll(job(request, there))
    assert (state.ended, state.url) == (True, f"{WATCH}v0")


async def test_a_part_that_youtube_refuses_is_for_a_person(tmp_path: Path) -> None:
    channel = Channel(before={"PUT /session/0": Said(400, {"error": {"message": "bad part"}})})
    async with scripted(channel.answer) as server:
        state = await maker(server).poll(job(wanted(tmp_path), f"{server.url}/session/0"))
    assert (state.ended, state.failure) == (True, Failure.MANUAL_REVIEW)
    assert "bad part" in state.reason


async def test_a_film_that_is_published_is_not_published_again(tmp_path: Path) -> None:
    channel = Channel()
    async with scripted(channel.answer) as server:
        channel.url, request = server.url, wanted(tmp_path)
        found = await maker(server).submit(request, KEY)
        await upload_all(server, request, str(found.job_id))
        again = await maker(server).submit(request, UUID(int=8))
        assert (again.answer, again.job_id) == (Answer.ACCEPTED, f"{WATCH}v0")
        (tmp_path / "film.mp4").write_bytes(b"another film")
        film = source(PieceKind.FILM, 0, tmp_path / "film.mp4")
        other = await maker(server).submit(
            request_for(Step.UPLOAD, tmp_path, WHALE, position=0, sources=(film,), login=LOGIN),
            UUID(int=9),
        )
    assert other.job_id == f"{server.url}/session/1"


@pytest.mark.parametrize("place", ["POST /token", "GET /youtube/v3/channels"])
async def test_nothing_is_published_while_nobody_knows_what_there_is(
    tmp_path: Path, place: str
) -> None:
    channel = Channel(before={place: DROPPED})
    async with scripted(channel.answer) as server:
        found = await maker(server).submit(wanted(tmp_path), KEY)
    assert found.answer is Answer.NOT_NOW
    assert channel.sessions == {}
