"""A video that Showrunner produces: from Queued to the gate, and on to the review."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from kit.own_production import OwnProduction

from models.production.leases import LEASE, SHORTEST
from models.production.steps import Step
from models.tables.production import claims
from tasks.production.dispatch import expire_leases, run_values
from tasks.production.produce import End


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_queued_video_walks_to_the_gate_and_waits(own: OwnProduction) -> None:
    task = await own.add()
    outcomes = await own.run()
    assert [outcome.end for outcome in outcomes] == [End.DONE, End.DONE]
    assert await own.columns(task) == [
        "Processing",
        "Assets Generating",
        "Assets Ready",
        "Composites Creating",
        "Composites Ready",
    ]
    assert (await own.lease(task))["worker"] is None
    assert await own.dispatch() == [], "a gate is passed by a person only"


async def test_a_step_whose_process_died_is_begun_again_in_seconds(own: OwnProduction) -> None:
    task = await own.add()
    (work,) = await own.dispatch()
    assert await expire_leases(own.sessions, [{}, run_values(work)])
    assert await own.dispatch() == []
    own.clock.pass_(SHORTEST.total_seconds() + 1)
    (again,) = await own.dispatch()
    assert (again.step, again.attempt) == (work.step, 2)
    assert (await own.lease(task))["deaths"] == 1, "a video that kills each process is for a person"
    assert not await expire_leases(own.sessions, [run_values(work)]), "another one holds it by now"


async def _with_a_film(own: OwnProduction) -> UUID:
    """A task whose composites were approved and whose film is made."""
    task = await own.add()
    await own.run()
    await own.move(task, "Videos Generating")
    await own.run()
    return task


async def test_after_the_approval_it_goes_on_to_the_review_with_a_film(
    own: OwnProduction,
) -> None:
    task = await _with_a_film(own)
    assert await own.column(task) == "Ready for Review"
    (film,) = await own.pieces(task, Step.ASSEMBLY)
    assert film["state"] == "done"
    assert (own.folder / "films" / film["path"]).is_file()
    assert own.plain.made.count((Step.ASSEMBLY, 0)) == 1
    assert [step for step, position in own.plain.made if position == 1] == [
        Step.ASSETS,
        Step.COMPOSITES,
        Step.VIDEOS,
        Step.AUDIO,
        Step.SFX,
    ]


async def test_a_run_is_named_after_its_step_round_and_try(own: OwnProduction) -> None:
    task = await own.add()
    (work,) = await own.dispatch()
    assert work.name == "squid · assets · round 1 · try 1"
    assert work.key == f"{task}:assets:1:1"


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (None, "Story Direction is empty; write one paragraph per scene."),
        ("\n\n".join(map(str, range(40))), "Story Direction has 40 paragraphs"),
    ],
)
async def test_a_story_that_cannot_be_produced_says_what_to_write(
    own: OwnProduction, story: str | None, words: str
) -> None:
    task = await own.add(story=story)
    assert await own.dispatch() == []
    assert await own.column(task) == "Error: Invalid Input"
    assert words in (await own.lease(task))["failure"]


async def test_an_edit_while_it_is_in_work_counts_from_the_next_round_on(
    own: OwnProduction,
) -> None:
    task = await own.add()
    (work,) = await own.dispatch()
    await own.sql("UPDATE tasks SET story_direction = 'Another.'")
    await own.produce(work)
    await own.run()
    assert len(await own.pieces(task, Step.COMPOSITES)) == 3
    await own.reject(task, "composites")
    await own.run()
    assert len(await own.pieces(task, Step.COMPOSITES, 2)) == 1


async def test_a_rejection_after_one_edited_paragraph_makes_one_scene_only(
    own: OwnProduction,
) -> None:
    task = await own.add()
    await own.run()
    own.plain.made.clear()
    await own.sql("UPDATE tasks SET story_direction = E'One.\\n\\nNew.\\n\\nThree.'")
    await own.reject(task, "composites")
    await own.run()
    assert await own.column(task) == "Composites Ready"
    assert own.plain.made == [(Step.ASSETS, 2), (Step.COMPOSITES, 2)]
    again = await own.pieces(task, Step.ASSETS, 2)
    assert ["used_again" in piece["notes"] for piece in again] == [True, False, True]


async def test_a_rejection_that_names_scenes_makes_these_anew_since_the_gate_before(
    own: OwnProduction,
) -> None:
    task = await own.add()
    await own.run()
    own.plain.made.clear()
    await own.reject(task, "composites", 2)
    await own.run()
    assert own.plain.made == [(Step.ASSETS, 2), (Step.COMPOSITES, 2)]
    (_, second, _) = await own.pieces(task, Step.ASSETS, 2)
    assert second["notes"]["take"] == 2


async def test_a_rejection_that_names_nothing_makes_the_step_anew(own: OwnProduction) -> None:
    task = await own.add()
    await own.run()
    own.plain.made.clear()
    await own.reject(task, "composites")
    await own.run()
    assert sorted(own.plain.made) == [(Step.COMPOSITES, number) for number in (1, 2, 3)]


async def test_a_film_that_was_rejected_as_a_whole_is_made_anew_and_nothing_else(
    own: OwnProduction,
) -> None:
    task = await _with_a_film(own)
    own.plain.made.clear()
    await own.reject(task, "assembly")
    await own.run()
    assert own.plain.made == [(Step.ASSEMBLY, 0)]
    assert await own.column(task) == "Ready for Review"
    (film,) = await own.pieces(task, Step.ASSEMBLY, 2)
    assert film["notes"]["take"] == 2


async def test_nobody_is_asked_again_about_what_was_approved_and_did_not_change(
    own: OwnProduction,
) -> None:
    task = await _with_a_film(own)
    await own.reject(task, "assembly", 2)
    await own.run()
    assert await own.column(task) == "Ready for Review"
    rows = await own.sql("SELECT gate, round, decision, actor, through, note FROM reviews")
    assert [tuple(row.values()) for row in rows][2:] == [
        (
            "composites",
            2,
            "approve",
            "showrunner",
            "sql",
            "Nothing differs from round 1, which was approved.",
        )
    ]


async def test_somebody_is_asked_again_about_what_changed_since_the_approval(
    own: OwnProduction,
) -> None:
    task = await _with_a_film(own)
    await own.sql("UPDATE tasks SET story_direction = E'One.\\n\\nNew.\\n\\nThree.'")
    await own.reject(task, "assembly")
    await own.run()
    assert await own.column(task) == "Composites Ready"
    await own.move(task, "Videos Generating")
    await own.run()
    assert await own.column(task) == "Ready for Review"


async def test_a_round_that_was_rejected_after_its_approval_is_shown_again(
    own: OwnProduction,
) -> None:
    task = await _with_a_film(own)
    await own.sql(
        "INSERT INTO reviews (at, task_id, task_title, gate, round, decision, actor, through, "
        "pieces) VALUES (showrunner_now(), :task, 'squid', 'composites', 1, 'reject', 'ada', "
        "'http', '{9}')",
        task=task,
    )
    await own.reject(task, "assembly", 2)
    await own.run()
    assert await own.column(task) == "Composites Ready"


async def test_somebody_is_asked_again_when_a_scene_is_gone(own: OwnProduction) -> None:
    task = await _with_a_film(own)
    await own.sql("UPDATE tasks SET story_direction = E'One.\\n\\nTwo.'")
    await own.reject(task, "assembly")
    await own.run()
    assert await own.column(task) == "Composites Ready"


async def test_a_video_whose_run_has_not_begun_is_stopped_at_once(own: OwnProduction) -> None:
    task = await own.add()
    (work,) = await own.dispatch()
    own.clock.pass_(1)
    await own.move(task, "Archived")
    assert (await own.lease(task))["stop_requested_at"] is not None
    assert await own.dispatch() == []
    lease = await own.lease(task)
    assert (lease["worker"], lease["stop_requested_at"], lease["deaths"]) == (None, None, 0)
    assert await own.column(task) == "Archived"
    assert (await own.produce(work)).end is End.LOST
    assert own.plain.made == []


async def test_a_video_whose_run_has_begun_is_left_to_it(own: OwnProduction) -> None:
    task = await own.add()
    (work,) = await own.dispatch()
    own.clock.pass_(1)
    assert await claims.heartbeat(own.sessions, task, work.worker, LEASE) == "continue"
    await own.move(task, "Archived")
    await own.dispatch()
    assert (await own.lease(task))["worker"] == work.worker
    assert (await own.produce(work)).end is End.STOPPED


async def test_a_file_that_was_lost_is_made_again(own: OwnProduction) -> None:
    task = await own.add()
    await own.run()
    first = (await own.pieces(task, Step.ASSETS))[0]
    (own.folder / "films" / first["path"]).unlink()
    own.plain.made.clear()
    await own.move(task, "Archived")
    await own.move(task, "Queued")
    await own.run()
    assert await own.column(task) == "Composites Ready"
    assert own.plain.made == [(Step.ASSETS, 1)]


async def test_a_restart_from_queued_passes_no_gate_that_nobody_approved(
    own: OwnProduction,
) -> None:
    task = await own.add()
    await own.run()
    await own.move(task, "Archived")
    await own.move(task, "Queued")
    await own.run()
    assert await own.column(task) == "Composites Ready"


async def test_nothing_is_left_in_the_folder_but_the_pieces(own: OwnProduction) -> None:
    task = await own.add()
    await own.run()
    folder: Path = own.folder / "films" / str(task) / "assets" / "round-1"
    pieces = await own.pieces(task, Step.ASSETS)
    names = {Path(piece["path"]).name for piece in pieces}
    assert names_in(folder) == names


async def test_new_videos_begin_when_a_place_of_the_channel_is_free(own: OwnProduction) -> None:
    await own.channel(at_once=1)
    first, second = await own.add("first"), await own.add("second")
    (work,) = await own.dispatch()
    assert work.task_id == first
    await own.produce(work)
    (work,) = await own.dispatch()
    assert work.task_id == first, "between two steps it is in work"
    await own.produce(work)
    (work,) = await own.dispatch()
    assert work.task_id == second, "at a gate it is not"
