"""What a job of a service is asked with, and jobs that a service lost, publishes or refuses."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from kit.makers import PRICE
from kit.own_production import LOCAL, OwnProduction
from pydantic import SecretStr

from models.production.making import AccountRefused, Failure, MakerError
from models.production.paid_orders import LOOK_UPS
from models.production.steps import PieceKind, Step
from models.tables.production.logins import put_login
from tasks.production.produce import End

PAID = {"makers": {**LOCAL, "upload": "service"}, "gates": ["assembly"]}
OVER = LOOK_UPS[-1].total_seconds() + 1
URL = "https://video.example/watch?v=1"


@pytest.fixture
async def paid(own: OwnProduction) -> OwnProduction:
    """A channel whose films a service publishes."""
    await own.channel(**PAID)
    own.service.url = URL
    return own


async def approved(own: OwnProduction) -> UUID:
    task = await own.add(story="One.")
    await own.run()
    await own.move(task, "Review Approved")
    await own.run()
    return task


async def test_what_is_published_has_an_address_and_no_file(paid: OwnProduction) -> None:
    task = await approved(paid)
    await paid.collect()
    (piece,) = await paid.pieces(task, Step.UPLOAD)
    assert (piece["state"], piece["url"], piece["path"]) == ("done", URL, None)
    await paid.run()
    assert await paid.column(task) == "Upload Complete"
    assert await paid.spent() == PRICE


async def test_a_job_knows_the_film_that_it_was_ordered_with_and_the_channels_login(
    paid: OwnProduction,
) -> None:
    async with paid.sessions.begin() as session:
        await put_login(session, "service", "deep_sea", secret=SecretStr("1//x"), account="Deep")
        await put_login(session, "service", "b", secret=SecretStr("1//y"), account="B")
    task = await approved(paid)
    await paid.collect()
    (film,) = await paid.pieces(task, Step.ASSEMBLY)
    (job,) = paid.service.jobs
    (source,) = job.sources
    assert (source.kind, source.sha256) == (PieceKind.FILM, film["sha256"])
    assert source.path == paid.folder / "films" / film["path"]
    assert job.login is not None
    assert job.login.get_secret_value() == "1//x"
    assert "1//x" not in repr(job)


async def test_a_job_that_the_service_lost_is_looked_up_and_not_ordered_anew(
    paid: OwnProduction,
) -> None:
    task = await approved(paid)
    paid.service.losing = 1
    paid.clock.pass_(3600)
    await paid.collect()
    (piece,) = await paid.pieces(task, Step.UPLOAD)
    assert (piece["state"], piece["job_id"]) == ("unknown", None)
    await paid.collect()
    (piece,) = await paid.pieces(task, Step.UPLOAD)
    assert piece["state"] == "unknown", "the look-ups begin when it was lost"
    paid.clock.pass_(OVER)
    await paid.collect()
    await paid.collect()
    await paid.run()
    assert await paid.column(task) == "Upload Complete"
    assert (paid.service.submits, await paid.spent()) == (1, PRICE)


async def test_an_account_that_refuses_a_job_is_said_once_and_the_job_goes_on_later(
    paid: OwnProduction,
) -> None:
    task = await approved(paid)
    paid.service.refused = AccountRefused("Connect it again.", of_channel=True)
    assert (await paid.collect()).left == 1
    incidents = "SELECT name FROM incidents WHERE ended_at IS NULL"
    assert await paid.sql(incidents) == [{"name": "maker_paused:service:deep_sea"}]
    assert (await paid.collect()).left == 0
    await paid.run()
    assert await paid.column(task) == "Upload Complete"
    assert await paid.sql(incidents) == []


async def test_a_refused_film_names_no_scene(paid: OwnProduction) -> None:
    paid.service.failing = Failure.INVALID_INPUT
    task = await approved(paid)
    await paid.collect()
    (outcome,) = await paid.run()
    assert outcome.end is End.FAILED
    assert await paid.column(task) == "Error: Invalid Input"


async def test_a_result_that_is_gone_is_booked_and_a_person_decides(own: OwnProduction) -> None:
    await own.channel(makers={**LOCAL, "assets": "service"})
    own.service.fetching = MakerError(Failure.API_FAILURE, "The clip is not there any more.")
    task = await own.add(story="One.")
    await own.run()
    await own.collect()
    await own.run()
    assert await own.column(task) == "Error: Manual Review"
    assert (await own.lease(task))["failure"] == "The clip is not there any more."
    assert (own.service.submits, await own.spent()) == (1, PRICE)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadError("cut"),
        MakerError(Failure.RETRIABLE, "cut"),
        MakerError(Failure.MANUAL_REVIEW, "The disk is full."),
    ],
    ids=lambda error: type(error).__name__ + str(error),
)
async def test_a_download_that_was_cut_is_tried_again_and_stops_no_other(
    own: OwnProduction, error: Exception
) -> None:
    await own.channel(makers={**LOCAL, "assets": "service"})
    own.service.fetching = error
    task = await own.add(story="One.\n\nTwo.")
    await own.run()
    assert (await own.collect()).left == 2
    own.service.fetching = None
    await own.collect()
    await own.run()
    assert await own.column(task) == "Composites Ready"
    assert (own.service.submits, await own.spent()) == (2, 2 * PRICE)
