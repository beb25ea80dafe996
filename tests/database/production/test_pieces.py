"""`showrunner.attach`: what was made is recorded once, and so is what it cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from kit.production import Production

CLIP: dict[str, Any] = {
    "kind": "clip",
    "position": 3,
    "title": "Scene 3",
    "url": "https://files.example/3.mp4",
    "sha256": "AB" * 32,
    "cost_usd": Decimal("0.55"),
    "maker": "kling",
    "job_id": "job-1",
}


@pytest.fixture
def task(worker: Production) -> UUID:
    """A task that the worker “ada” has taken."""
    made = worker.add()
    assert worker.claimed() == made
    return made


def attach(worker: Production, task: UUID, name: str = "ada", **given: Any) -> str:
    return str(worker.ask("attach", task=task, worker=name, **{**CLIP, **given}))


def booked(worker: Production) -> list[Any]:
    return [row["usd"] for row in worker.rows("SELECT usd FROM spends ORDER BY id")]


def test_a_piece_is_recorded_with_its_cost(worker: Production, task: UUID) -> None:
    assert attach(worker, task) == "inserted"
    piece = worker.row("SELECT * FROM pieces")
    shown = ("kind", "position", "round", "state", "title", "url", "sha256", "maker", "job_id")
    assert [piece[name] for name in shown] == [
        "clip",
        3,
        1,
        "done",
        "Scene 3",
        "https://files.example/3.mp4",
        "ab" * 32,
        "kling",
        "job-1",
    ]
    spend = worker.row("SELECT * FROM spends")
    assert (spend["task_id"], spend["piece_id"], spend["channel_id"]) == (
        task,
        piece["id"],
        "deep_sea",
    )
    assert (spend["usd"], spend["kind"], spend["what"]) == (
        Decimal("0.55"),
        "charged",
        "clip 3, round 1",
    )


def test_the_same_again_changes_nothing_and_costs_nothing(worker: Production, task: UUID) -> None:
    attach(worker, task)
    before = worker.row("SELECT * FROM pieces")
    worker.pass_(minutes=1)
    assert attach(worker, task) == "unchanged"
    assert worker.row("SELECT * FROM pieces") == before
    assert booked(worker) == [Decimal("0.55")]


def test_what_replaces_a_piece_is_not_made_from_the_same(worker: Production, task: UUID) -> None:
    attach(worker, task)
    worker.rows(
        "UPDATE pieces SET input_hash = repeat('a', 64), seconds = 3, media_type = 'video/mp4', "
        "notes = '{\"loudness\": -14}'"
    )
    assert attach(worker, task, path="another.mp4") == "replaced"
    assert worker.row("SELECT input_hash, seconds, media_type, notes FROM pieces") == {
        "input_hash": None,
        "seconds": None,
        "media_type": None,
        "notes": {},
    }


@pytest.mark.parametrize(
    "change", [{"url": "http://x.example/b"}, {"path": "b"}, {"title": "b"}, {"sha256": "0" * 64}]
)
def test_another_content_replaces_it_and_says_so(
    worker: Production, task: UUID, change: dict[str, Any]
) -> None:
    attach(worker, task)
    [name] = change
    assert attach(worker, task, **change) == "replaced"
    assert worker.row(f"SELECT {name} FROM pieces") == change
    assert booked(worker) == [Decimal("0.55")]


def test_another_job_or_amount_is_another_cost(worker: Production, task: UUID) -> None:
    attach(worker, task)
    attach(worker, task, job_id="job-2")
    attach(worker, task, job_id="job-2", cost_usd=1)
    attach(worker, task, job_id="job-2", cost_usd=Decimal("1.0000001"))
    attach(worker, task, position=4)
    assert booked(worker) == [Decimal(amount) for amount in ("0.55", "0.55", "1", "0.55")]


def test_what_costs_nothing_is_not_booked(worker: Production, task: UUID) -> None:
    for cost in (0, None):
        attach(worker, task, cost_usd=cost)
    assert booked(worker) == []


def test_whoever_lost_the_lease_keeps_its_costs_in_the_books_and_leaves_the_piece_alone(
    worker: Production, task: UUID
) -> None:
    attach(worker, task, job_id="job-2", cost_usd=1)
    for _ in range(2):
        assert attach(worker, task, "bob") == "lost"
    assert worker.row("SELECT job_id FROM pieces") == {"job_id": "job-2"}
    assert booked(worker) == [1, Decimal("0.55")]


def test_pieces_of_an_older_round_are_kept(worker: Production, task: UUID) -> None:
    attach(worker, task)
    worker.ask("finish", task=task, worker="ada")
    worker.acts_as("person:ada")
    worker.move(task, "Review Rejected")
    worker.move(task, "Queued")
    worker.claimed()
    assert attach(worker, task) == "inserted"
    assert worker.rows("SELECT round FROM pieces ORDER BY 1") == [{"round": 1}, {"round": 2}]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "poem"}, 'kind is image, composite, clip, .*; not "poem"'),
        ({"kind": None}, "kind is image, composite"),
        ({"position": -1}, "position is the number of the scene from 1, or 0"),
        ({"position": None}, "position is the number of the scene from 1, or 0"),
        ({"url": None}, "A piece has a url or a path"),
        ({"url": "files/3.mp4"}, '"files/3.mp4" is no URL'),
        ({"url": "javascript:alert(1)"}, "is no URL"),
        ({"url": "https://"}, "is no URL"),
        ({"url": "https://a b"}, "is no URL"),
        ({"path": "../../etc/passwd"}, "path is where a file is"),
        ({"path": "films/.."}, "path is where a file is"),
        ({"path": ""}, "path is where a file is"),
        ({"path": "film\n.mp4"}, "path is where a file is"),
        ({"path": "a" * 1001}, "path is where a file is"),
        ({"kind": "film"}, "There is one film for the whole video: its position is 0"),
        ({"kind": "published"}, "There is one published for the whole video"),
        ({"sha256": "abc"}, '"abc" is no SHA-256'),
        ({"cost_usd": Decimal(-1)}, "-1 USD is no cost; it lies between 0 and 10,000 USD"),
        ({"cost_usd": Decimal(10_001)}, "10001 USD is no cost"),
        ({"cost_usd": Decimal("NaN")}, "NaN USD is no cost"),
        ({"cost_usd": Decimal("Infinity")}, "Infinity USD is no cost"),
    ],
)
def test_what_is_no_piece_is_refused_in_a_sentence(
    worker: Production, task: UUID, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=words):
        attach(worker, task, **given)
    assert worker.rows("SELECT FROM pieces") == []
    assert booked(worker) == []


def test_a_cost_that_is_no_number_is_refused_by_its_type(worker: Production, task: UUID) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        attach(worker, task, cost_usd="much")


def test_a_piece_of_no_task_is_refused(worker: Production, task: UUID) -> None:
    worker.rows("DELETE FROM tasks")
    with pytest.raises(psycopg.Error, match=f"There is no task {task}"):
        attach(worker, task)
