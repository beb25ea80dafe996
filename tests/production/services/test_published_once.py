"""A film is published once per approval, whatever breaks off on the way."""

from __future__ import annotations

from uuid import UUID

import pytest
from conftest import OVER, Studio
from kit.makers import Plain
from showrunner_makers.services.youtube import upload

from models.production.making import Made, Request
from models.production.steps import Step
from tasks.production import order_once

PART = 256 * 1024
"""The smallest that YouTube takes."""
TO_YOUTUBE = {"makers": {"upload": "youtube"}}


class BigFilms(Plain):
    """Makes films of several parts."""

    async def make(self, request: Request) -> Made:
        made = await super().make(request)
        if request.step is Step.ASSEMBLY:
            made.path.write_bytes(made.path.read_bytes() * 8000)
        return made


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PART", PART)


@pytest.fixture
async def approved(studio: Studio) -> UUID:
    """A film that was approved, of a channel that is connected."""
    studio.own.makers["plain"] = BigFilms()
    await studio.channel(**TO_YOUTUBE)
    await studio.connect()
    return await film(studio)


async def film(studio: Studio, channel: str = "deep_sea") -> UUID:
    task = await studio.own.add(channel, story="One.", channel=channel)
    await studio.run(rounds=1)
    await studio.own.move(task, "Review Approved")
    return task


async def url(studio: Studio, task: UUID) -> str:
    (piece,) = await studio.own.pieces(task, Step.UPLOAD)
    return str(piece["url"])


async def is_published_once(studio: Studio, task: UUID) -> bool:
    (video,) = studio.services.videos()
    assert await studio.own.column(task) == "Upload Complete"
    return await url(studio, task) == f"https://www.youtube.com/watch?v={video['id']}"


async def test_an_approved_film_is_published_privately_as_synthetic(
    studio: Studio, approved: UUID
) -> None:
    await studio.run(rounds=1, seconds=10)
    assert await studio.own.column(approved) == "Uploading", "others are asked in between"
    await studio.run(rounds=20)
    assert await is_published_once(studio, approved)
    (video,) = studio.services.videos()
    status = video.get("status", video)
    assert status["privacyStatus"] == "private"
    assert status["containsSyntheticMedia"] is True
    assert await studio.own.spent() == 0


async def test_an_upload_that_was_cut_in_the_middle_goes_on(studio: Studio, approved: UUID) -> None:
    for at in (100_000, 600_000, 1_500_000):
        studio.services.fault("cut", service="youtube", route="upload", at=at)
    await studio.run(rounds=25)
    assert await is_published_once(studio, approved)
    assert len(studio.services.uploads()) == 1


@pytest.mark.parametrize("code", ["404", "410"])
async def test_a_session_that_expired_before_the_end_is_opened_anew(
    studio: Studio, approved: UUID, code: str
) -> None:
    studio.services.fault("session_expired", service="youtube", route="upload", skip=2, code=code)
    await studio.run(rounds=35)
    assert await is_published_once(studio, approved)


async def test_a_session_that_expired_after_the_end_is_no_reason_for_a_second_video(
    studio: Studio, approved: UUID
) -> None:
    await studio.own.run()
    (piece,) = await studio.own.pieces(approved, Step.UPLOAD)
    size = len((studio.own.folder / "films" / piece["notes"]["sources"][0]["path"]).read_bytes())
    parts = -(-size // upload.PART)
    polls = -(-parts // upload.PARTS)
    # The answer to the last part is lost, and then the session is gone.
    before = {"service": "youtube", "route": "upload", "skip": parts + polls - 1}
    studio.services.fault("lost_after", **before)
    studio.services.fault("session_expired", **before, code="410")
    await studio.run(rounds=40)
    assert {0, 410} <= {asked["status"] for asked in studio.services.requests()}
    assert await is_published_once(studio, approved)
    assert len(studio.services.uploads()) == 1


@pytest.mark.parametrize("kind", ["lost_after", "lost_before"])
async def test_a_session_whose_address_was_lost_makes_no_second_video(
    studio: Studio, approved: UUID, kind: str
) -> None:
    studio.services.fault(kind, service="youtube", route="insert")
    await studio.run(rounds=35)
    assert await is_published_once(studio, approved)


async def test_a_process_that_dies_before_the_session_is_stored_makes_no_second_video(
    studio: Studio, approved: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await studio.die_after(monkeypatch, order_once, "_store_accepted")
    await studio.run(rounds=35)
    assert await is_published_once(studio, approved)


async def test_a_film_is_found_again_after_an_older_backup_was_restored(
    studio: Studio, approved: UUID
) -> None:
    await studio.run(rounds=20)
    assert await is_published_once(studio, approved)
    await studio.own.sql("DELETE FROM pieces WHERE kind = 'published'")
    await studio.own.sql(
        "UPDATE tasks SET board_status = 'Review Approved' WHERE id = :task", task=approved
    )
    await studio.run(rounds=3)
    assert await is_published_once(studio, approved)


async def test_a_login_that_was_revoked_stops_its_channel_alone(studio: Studio) -> None:
    for name in ("deep_sea", "b"):
        await studio.channel(name, **TO_YOUTUBE)
    await studio.connect("deep_sea", "1//revoked")
    await studio.connect("b")
    revoked, other = await film(studio), await film(studio, "b")
    await studio.run(rounds=4)
    assert await studio.own.column(other) == "Upload Complete"
    assert await studio.own.column(revoked) == "Uploading"
    rows = await studio.own.sql("SELECT name, facts, title FROM incidents WHERE ended_at IS NULL")
    (incident,) = rows
    assert incident["name"] == "maker_paused:youtube:deep_sea"
    assert "showrunner youtube connect" in incident["title"]
    await studio.connect("deep_sea")
    await studio.run(rounds=20, seconds=OVER)
    assert await studio.own.column(revoked) == "Upload Complete"
    assert await studio.own.sql("SELECT name FROM incidents WHERE ended_at IS NULL") == []


async def test_a_project_without_quota_stops_all_channels_until_midnight(
    studio: Studio, approved: UUID
) -> None:
    studio.services.fault("error", service="youtube", route="insert", code="quotaExceeded")
    await studio.run(rounds=2)
    rows = await studio.own.sql("SELECT name FROM incidents WHERE ended_at IS NULL")
    assert rows == [{"name": "maker_paused:youtube"}]
    await studio.run(rounds=30)
    assert await is_published_once(studio, approved)
