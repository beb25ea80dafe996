"""Each piece of a service is charged exactly once in the service's own ledger, whatever breaks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from conftest import VOICE, Studio

from models.production.steps import Step
from tasks.production import order_once
from tasks.production.pauses import PAUSE

IMAGE, CLIP = Decimal("0.067"), Decimal("0.35")
GEMINI = {"makers": {"assets": "gemini"}}
KLING = {"makers": {"assets": "frame", "composites": "frame", "videos": "kling"}}
SPOKEN = {
    "makers": {"audio": "elevenlabs", "sfx": "elevenlabs"},
    "options": {"elevenlabs": {"voice": VOICE}},
}


async def begun(studio: Studio, block: dict[str, Any], story: str = "One.", **more: Any) -> UUID:
    await studio.channel(**{**block, **more})
    return await studio.own.add(story=story)


async def is_booked_as_charged(studio: Studio) -> bool:
    return bool(await studio.own.spent() == sum(studio.charges()))


async def test_a_video_of_four_services_is_charged_piece_by_piece(studio: Studio) -> None:
    makers = {**KLING["makers"], "assets": "gemini", **SPOKEN["makers"]}
    task = await begun(studio, SPOKEN, story="One.\n\nTwo.", makers=makers)
    await studio.run()
    assert await studio.own.column(task) == "Ready for Review"
    assert studio.charges(service="gemini") == [IMAGE] * 2
    assert studio.charges(service="kling") == [CLIP] * 2
    assert len(studio.charges(service="elevenlabs")) == 4
    assert await is_booked_as_charged(studio)
    pieces = [
        piece
        for step in (Step.ASSETS, Step.VIDEOS, Step.AUDIO, Step.SFX)
        for piece in await studio.own.pieces(task, step)
    ]
    assert len(pieces) == 8
    assert {piece["state"] for piece in pieces} == {"done"}
    assert {str(piece["submit_key"]) for piece in pieces} == {
        row["key"] for row in studio.services.ledger()
    }
    marks = [row["fingerprint"] for row in studio.services.ledger()]
    assert len(marks) == len(set(marks))


async def test_an_image_whose_answer_was_lost_is_for_a_person_above_the_setting(
    studio: Studio,
) -> None:
    task = await begun(studio, GEMINI, resubmit_below=0.05)
    studio.services.fault("lost_after", service="gemini", route="generate")
    await studio.run()
    assert await studio.own.column(task) == "Error: Manual Review"
    assert "0.07 USD may have been charged" in await studio.failure(task)
    assert studio.charges() == [IMAGE]
    assert await is_booked_as_charged(studio)


@pytest.mark.parametrize("kind", ["lost_after", "truncated"])
async def test_below_the_setting_an_image_is_ordered_once_more_and_both_are_booked(
    studio: Studio, kind: str
) -> None:
    task = await begun(studio, GEMINI)
    studio.services.fault(kind, service="gemini", route="generate")
    await studio.run()
    assert await studio.own.column(task) == "Ready for Review"
    assert studio.charges() == [IMAGE] * 2
    assert await is_booked_as_charged(studio)


async def test_an_image_that_was_cut_says_that_it_was_charged(studio: Studio) -> None:
    task = await begun(studio, GEMINI, resubmit_below=0.05)
    studio.services.fault("truncated", service="gemini", route="generate")
    await studio.run()
    assert await studio.own.column(task) == "Error: Manual Review"
    assert "was made and charged by “gemini”, but its answer broke off" in (
        await studio.failure(task)
    )
    assert studio.charges() == [IMAGE]
    assert await is_booked_as_charged(studio)


async def test_a_process_that_dies_before_an_image_is_stored_pays_once(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await begun(studio, GEMINI, resubmit_below=0.05)
    await studio.die_after(monkeypatch, order_once, "book_charged")
    await studio.run()
    assert await studio.own.column(task) == "Error: Manual Review"
    assert studio.charges() == [IMAGE]
    assert await is_booked_as_charged(studio)


@pytest.mark.parametrize("reason", ["IMAGE_SAFETY", "NO_IMAGE"])
async def test_a_refusal_with_200_names_the_scene_and_books_nothing(
    studio: Studio, reason: str
) -> None:
    task = await begun(studio, GEMINI, story="One.\n\nTwo.")
    studio.services.fault("refusal", service="gemini", route="generate", skip=1, code=reason)
    await studio.run()
    assert await studio.own.column(task) == "Error: Invalid Input"
    assert (await studio.failure(task)).startswith("Scene 2: Gemini makes no image of this")
    assert studio.charges() == [IMAGE]
    assert await is_booked_as_charged(studio)


@pytest.mark.parametrize("kind", ["lost_after", "lost_before"])
async def test_a_clip_whose_answer_was_lost_is_looked_up(studio: Studio, kind: str) -> None:
    task = await begun(studio, KLING)
    studio.services.fault(kind, service="kling", route="submit")
    await studio.run()
    if kind == "lost_after":
        assert await studio.own.column(task) == "Ready for Review"
        assert studio.charges() == [CLIP]
        assert await is_booked_as_charged(studio)
    else:
        assert await studio.own.column(task) == "Error: Manual Review"
        assert studio.charges() == [], "nobody can know that, so nothing more is paid for"


async def test_a_process_that_dies_before_a_clips_job_is_stored_pays_once(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await begun(studio, KLING)
    (work,) = await studio.own.dispatch()
    while work.step is not Step.COMPOSITES:
        await studio.own.produce(work)
        (work,) = await studio.own.dispatch()
    await studio.own.produce(work)
    await studio.die_after(monkeypatch, order_once, "_store_accepted")
    assert await studio.states(task, Step.VIDEOS) == ["submitting"]
    await studio.run()
    assert await studio.own.column(task) == "Ready for Review"
    assert studio.charges() == [CLIP]
    assert await is_booked_as_charged(studio)


@pytest.mark.parametrize("code", ["1303", "1302"])
async def test_a_full_account_is_waited_for_and_that_is_no_attempt(
    studio: Studio, code: str
) -> None:
    task = await begun(studio, KLING)
    studio.services.fault("error", service="kling", route="submit", code=code, times=6)
    await studio.run(rounds=10)
    assert await studio.own.column(task) == "Ready for Review"
    assert (await studio.own.lease(task))["attempts"] == 0
    assert studio.charges() == [CLIP]
    assert await is_booked_as_charged(studio)


async def test_an_empty_pack_pauses_kling_and_it_goes_on_by_itself(studio: Studio) -> None:
    task = await begun(studio, KLING)
    studio.services.set_balance("kling", 0)
    await studio.run(rounds=2)
    assert await studio.own.column(task) == "Videos Generating"
    incidents = "SELECT name FROM incidents WHERE ended_at IS NULL"
    assert await studio.own.sql(incidents) == [{"name": "maker_paused:kling"}]
    assert await studio.own.spent() == 0
    studio.services.set_balance("kling", 100)
    studio.own.clock.pass_(PAUSE.total_seconds())
    await studio.run()
    assert await studio.own.column(task) == "Ready for Review"
    assert await studio.own.sql(incidents) == []
    assert studio.charges() == [CLIP]


async def test_a_clip_that_was_cut_on_the_way_is_downloaded_again(studio: Studio) -> None:
    task = await begun(studio, KLING)
    studio.services.fault("truncated", service="kling", route="download", times=3)
    await studio.run()
    assert await studio.own.column(task) == "Ready for Review"
    assert studio.charges() == [CLIP]
    assert await is_booked_as_charged(studio)


async def test_an_address_that_expired_is_asked_for_anew(studio: Studio) -> None:
    task = await begun(studio, KLING)
    studio.services.fault("url_expired", service="kling", route="query", times=2)
    await studio.run()
    assert await studio.own.column(task) == "Ready for Review"
    assert studio.charges() == [CLIP]


async def test_a_clip_that_cannot_be_downloaded_any_more_is_booked_and_for_a_person(
    studio: Studio,
) -> None:
    task = await begun(studio, KLING)
    studio.services.fault("url_expired", service="kling", route="query", times=None)
    await studio.run()
    assert await studio.own.column(task) == "Error: Manual Review"
    assert "made and charged a clip" in await studio.failure(task)
    assert studio.charges() == [CLIP]
    assert await is_booked_as_charged(studio)


async def test_a_job_that_failed_costs_what_kling_says(studio: Studio) -> None:
    task = await begun(studio, KLING)
    studio.services.fault("failed", service="kling", route="submit")
    await studio.run()
    assert await studio.own.column(task) == "Error: Invalid Input"
    assert "Scene 1: Kling made no clip" in await studio.failure(task)
    assert studio.charges() == []
    assert await studio.own.spent() == 0


@pytest.mark.parametrize("code", ["system_busy", "too_many_concurrent_requests"])
async def test_a_busy_voice_is_waited_for(studio: Studio, code: str) -> None:
    task = await begun(studio, SPOKEN)
    studio.services.fault("error", service="elevenlabs", route="speech", code=code, times=3)
    await studio.run()
    assert await studio.own.column(task) == "Ready for Review"
    assert (await studio.own.lease(task))["attempts"] == 0
    assert len(studio.charges(service="elevenlabs")) == 2


async def test_a_sound_whose_answer_was_lost_is_not_ordered_again(studio: Studio) -> None:
    task = await begun(studio, SPOKEN, resubmit_below=0.01)
    studio.services.fault("lost_after", service="elevenlabs", route="sound")
    await studio.run()
    assert await studio.own.column(task) == "Error: Manual Review"
    assert "0.03 USD may have been charged" in await studio.failure(task)
    assert len(studio.charges()) == 2, "the narration, and the sound once"
