"""Whose value counts, property by property, apart from Status (test_merge_status)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from kit.cards import (
    EARLIER,
    NO_TITLE,
    NO_TOPIC,
    NOW,
    agreed_on,
    make_base,
    make_card,
    make_task,
    replan,
    shows,
)

from models.rules.merge import Plan, plan
from models.rules.merge_base import diff, with_write
from models.rules.statuses import BoardStatus, LostValue, Priority
from models.rules.validation import Violation

B = BoardStatus
LOW, NORMAL, HIGH = Priority.LOW, Priority.NORMAL, Priority.HIGH


def pushes(made: Plan) -> dict[str, Any]:
    return diff(made.base, made.task, made.attention)


def test_a_property_that_comes_back_is_not_chosen_by_a_person() -> None:
    agreed = make_base(priority=LOW, shown=shows(make_card(priority="Low")))
    hidden = make_card(priority=None, computed=frozenset({"Priority"}))
    task = make_task(priority=NORMAL)
    away = plan(agreed, hidden, task, [])
    back = plan(away.base, make_card(priority="Low"), task, [])
    assert back.lost == ()
    assert pushes(back)["Priority"] == "Normal"


# Priority: both sides may change it, the database wins


class Urgency(NamedTuple):
    """What a reading did to Priority: the database's and the agreed one, the reason, the push."""

    database: Priority | None
    agreed: Priority
    lost: str | None = None
    pushed: str | None = None


WITH_TASK = {
    # what happened: agreed, on the board, in the database -> Urgency
    "same": (NORMAL, "Normal", NORMAL, Urgency(NORMAL, NORMAL)),
    "board-edited": (NORMAL, "High", NORMAL, Urgency(HIGH, HIGH)),
    "database-edited": (NORMAL, "Normal", HIGH, Urgency(HIGH, NORMAL, pushed="High")),
    "both-same": (NORMAL, "High", HIGH, Urgency(HIGH, HIGH)),
    "both-differ": (NORMAL, "Low", HIGH, Urgency(HIGH, HIGH, "both_changed", "High")),
    "unknown-option": (LOW, "Urgent", LOW, Urgency(NORMAL, NORMAL, "unknown_option", "Normal")),
    "unknown-option-while-the-database-changed": (
        LOW,
        "Urgent",
        HIGH,
        Urgency(HIGH, HIGH, "both_changed", "High"),
    ),
    "emptied": (HIGH, None, HIGH, Urgency(NORMAL, NORMAL, pushed="Normal")),
    "emptied-while-the-database-changed": (NORMAL, None, HIGH, Urgency(HIGH, HIGH, pushed="High")),
    "other-case": (NORMAL, "high", NORMAL, Urgency(HIGH, HIGH)),
    "only-the-case-changed": (HIGH, "HIGH", HIGH, Urgency(HIGH, HIGH)),
}


@pytest.mark.parametrize("violations", [[], [NO_TOPIC]], ids=["valid", "invalid"])
@pytest.mark.parametrize(
    ("agreed", "shown", "database", "expected"), WITH_TASK.values(), ids=WITH_TASK.keys()
)
def test_priority_of_a_card_with_a_task(
    agreed: Priority,
    shown: str | None,
    database: Priority,
    expected: Urgency,
    violations: list[Violation],
) -> None:
    base = make_base(make_card(priority=agreed.option))
    made = plan(base, make_card(priority=shown), make_task(priority=database), violations)
    assert made.task is not None
    lost = [entry.reason for entry in made.lost if entry.value is not None]
    assert Urgency(
        made.task.priority,
        made.base.priority,
        lost[0] if lost else None,
        pushes(made).get("Priority"),
    ) == (expected)


WITHOUT_TASK = {
    # what happened: agreed (None: first contact), on the board -> agreed, lost, pushed
    "first-contact": (None, "High", HIGH, None, None),
    "first-contact-empty": (None, None, NORMAL, None, "Normal"),
    "first-contact-unknown": (None, "Urgent", NORMAL, "unknown_option", "Normal"),
    "first-contact-other-case": (None, "low", LOW, None, None),
    "same": (HIGH, "High", HIGH, None, None),
    "board-edited": (NORMAL, "Low", LOW, None, None),
    "unknown-option": (HIGH, "Urgent", NORMAL, "unknown_option", "Normal"),
    "emptied": (HIGH, None, NORMAL, None, "Normal"),
}


@pytest.mark.parametrize("violations", [[], [NO_TITLE]], ids=["valid", "invalid"])
@pytest.mark.parametrize(
    ("agreed", "shown", "expected", "lost", "pushed"),
    WITHOUT_TASK.values(),
    ids=WITHOUT_TASK.keys(),
)
def test_priority_of_a_card_without_a_task(
    agreed: Priority | None,
    shown: str | None,
    expected: Priority,
    lost: str | None,
    pushed: str | None,
    violations: list[Violation],
) -> None:
    base = make_base(make_card(priority=agreed.option)) if agreed is not None else None
    made = plan(base, make_card(priority=shown), None, violations)
    assert made.base.priority is expected
    assert (made.task.priority if made.task is not None else None) is (
        None if violations else expected
    )
    assert [entry.reason for entry in made.lost] == ([lost] if lost else [])
    assert pushes(made).get("Priority") == pushed


@pytest.mark.parametrize(
    ("shown", "lost"),
    [("High", []), ("Low", ["Low"]), ("Urgent", ["Urgent"]), (None, [])],
)
def test_first_contact_with_a_card_whose_task_exists_keeps_the_databases_priority(
    shown: str | None,
    lost: list[str],
) -> None:
    made = plan(None, make_card(priority=shown), make_task(priority=HIGH), [])
    assert made.task is not None
    assert made.task.priority is HIGH
    assert [entry.value for entry in made.lost] == lost


def test_an_overruled_priority_is_reported_on_the_card() -> None:
    made = plan(make_base(), make_card(priority="Low"), make_task(priority=HIGH), [])
    assert (
        made.attention == "The pipeline set Priority to “High” meanwhile, so “Low” was not taken."
    )


def test_two_rejections_at_once_are_both_reported() -> None:
    base, task = agreed_on(B.PROCESSING, priority=HIGH)
    made = plan(base, make_card(status="Draft", priority="Low"), task, [])
    assert {entry.property for entry in made.lost} == {"Status", "Priority"}
    assert "cannot be moved" in made.attention
    assert "set Priority" in made.attention


# Texts: people's alone


def test_an_edited_text_is_taken_into_the_task() -> None:
    card = make_card(title="T", topic="O", channel="history", story_direction="S")
    made = plan(make_base(), card, make_task(), [])
    assert made.task == make_task(title="T", topic="O", channel_id="history", story_direction="S")
    assert pushes(made) == {}


def test_an_emptied_story_direction_is_none() -> None:
    made = plan(make_base(), make_card(), make_task(story_direction="S"), [])
    assert made.task is not None
    assert made.task.story_direction is None


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("Title", {"title": ""}),
        ("Channel", {"channel": None}),
        ("Channel", {"channel": "x"}),
        ("Topic", {"topic": ""}),
    ],
)
def test_an_invalid_text_keeps_the_tasks_last_valid_one_and_takes_the_others(
    field: str,
    values: dict[str, Any],
) -> None:
    good = {"title": "T", "topic": "O", "channel": "history", "story_direction": "S"}
    violation = Violation(field=field, reason="wrong", message=f"{field} is wrong.")
    made = plan(make_base(), make_card(**{**good, **values}), make_task(), [violation])
    kept = {
        "Title": {"title": "The deep"},
        "Channel": {"channel_id": "deep_sea"},
        "Topic": {"topic": "Anglerfish"},
    }
    taken = {"title": "T", "topic": "O", "channel_id": "history", "story_direction": "S"}
    assert made.task == make_task(**{**taken, **kept[field]})
    assert made.attention == f"{field} is wrong."
    assert pushes(made) == {"Attention": f"{field} is wrong."}


def test_a_card_that_is_not_valid_has_no_task_and_says_why() -> None:
    made = plan(None, make_card(title="", topic=""), None, [NO_TITLE, NO_TOPIC])
    assert made.task is None
    assert made.attention == "Title is empty. Topic is empty."


def test_a_card_becomes_a_task_when_it_is_first_valid() -> None:
    before = plan(None, make_card(topic=""), None, [NO_TOPIC])
    explained = plan(
        with_write(before.base, pushes(before)),
        make_card(topic="", attention="Topic is empty."),
        None,
        [NO_TOPIC],
    )
    after = plan(explained.base, make_card(attention="Topic is empty."), None, [])
    assert after.task == make_task(created_at=EARLIER, status_changed_at=EARLIER)
    assert pushes(after) == {"Attention": ""}


# Dates: the database's, taken from the page; from the board in the first import


def test_dates_that_the_board_has_are_taken_in_the_first_import() -> None:
    card = make_card(created=EARLIER, updated=NOW, edited_at=NOW)
    made = plan(None, card, None, [], importing=True)
    assert made.task is not None
    assert (made.task.created_at, made.task.status_changed_at) == (EARLIER, NOW)
    assert pushes(made) == {}
    assert made.lost == ()


@pytest.mark.parametrize("typed", [datetime(1700, 1, 1, tzinfo=UTC), NOW + timedelta(days=400)])
def test_impossible_dates_of_the_first_import_are_replaced_by_the_pages_own(
    typed: datetime,
) -> None:
    card = make_card(created=typed, updated=typed, edited_at=NOW)
    made = plan(None, card, None, [], importing=True)
    assert made.task is not None
    assert (made.task.created_at, made.task.status_changed_at) == (EARLIER, NOW)
    assert pushes(made) == {"Created": EARLIER, "Updated": NOW}


def test_dates_that_the_board_lacks_in_the_first_import_are_the_pages_own_and_count_as_agreed() -> (
    None
):
    made = plan(
        None, make_card(created=None, updated=None, edited_at=NOW), None, [], importing=True
    )
    assert made.task is not None
    assert (made.task.created_at, made.task.status_changed_at) == (EARLIER, NOW)
    assert {"Created", "Updated"} <= made.base.initially_empty
    assert pushes(made) == {}


@pytest.mark.parametrize("violations", [[], [NO_TOPIC]], ids=["valid", "invalid"])
@pytest.mark.parametrize("typed", [None, EARLIER - timedelta(days=400), NOW + timedelta(days=400)])
def test_a_card_made_after_the_first_import_gets_its_dates_whatever_was_typed_there(
    typed: datetime | None, violations: list[Violation]
) -> None:
    card = make_card(created=typed, updated=typed, edited_at=NOW)
    made = plan(None, card, None, violations)
    # A card nobody follows yet has stood in its column since it was made, as far as anybody knows.
    changed_at = EARLIER if violations else NOW
    assert {name: pushes(made)[name] for name in ("Created", "Updated")} == {
        "Created": EARLIER,
        "Updated": changed_at,
    }
    assert [(entry.property, entry.value) for entry in made.lost] == (
        [("Created", str(typed)), ("Updated", str(typed))] if typed is not None else []
    )
    if made.task is not None:
        assert (made.task.created_at, made.task.status_changed_at) == (EARLIER, NOW)


def test_a_task_takes_over_the_dates_of_its_card() -> None:
    new = plan(None, make_card(created=None, updated=None, topic=""), None, [NO_TOPIC])
    since = EARLIER + timedelta(hours=3, seconds=20)
    moved = replace(new.base, updated=since)  # as models.sync.reconcile stamps an accepted move
    written = with_write(moved, diff(moved, None, new.attention))
    assert (written.shown.created, written.shown.updated) == (EARLIER, since.replace(second=0))
    shown = {"created": EARLIER, "updated": since.replace(second=0), "attention": new.attention}
    mended = plan(written, make_card(**shown, edited_at=NOW), None, [])
    assert mended.task == make_task(created_at=EARLIER, status_changed_at=since)
    assert pushes(mended) == {"Attention": ""}


def test_a_card_whose_task_was_deleted_keeps_its_dates() -> None:
    made = plan(None, make_card(created=None, updated=None, edited_at=NOW), None, [])
    shown = with_write(made.base, pushes(made))
    assert diff(shown, None, "") == {}
    card = make_card(created=EARLIER, updated=NOW, edited_at=NOW + timedelta(days=9))
    assert plan(shown, card, None, []).task == made.task


def test_lacking_dates_are_written_when_the_card_is_written_for_another_reason() -> None:
    made = plan(None, make_card(created=None, updated=None), None, [], importing=True)
    assert made.task is not None
    moved = replace(made.task, board_status=B.QUEUED, status_changed_at=NOW)
    written = diff(made.base, moved, "")
    assert written == {"Status": "Queued", "Created": EARLIER, "Updated": NOW}
    after = with_write(made.base, written)
    assert not {"Created", "Updated"} & after.initially_empty
    assert diff(after, moved, "") == {}


def test_a_persons_move_writes_the_dates_the_board_lacked() -> None:
    first = plan(None, make_card(created=None, updated=None), None, [], importing=True)
    moved = plan(first.base, make_card(created=None, updated=None, status="Queued"), first.task, [])
    assert set(pushes(moved)) == {"Created", "Updated"}


@pytest.mark.parametrize(
    "card", [make_card(), make_card(status=None, priority=None, created=None, updated=None)]
)
def test_importing_a_valid_card_writes_nothing(*, card: Any) -> None:
    made = plan(None, card, None, [], importing=True)
    assert made.task is not None
    assert pushes(made) == {}
    assert pushes(replan(made, card)) == {}


def test_a_card_seen_live_gets_the_defaults_it_lacks() -> None:
    made = plan(None, make_card(status=None, priority=None), None, [])
    assert pushes(made) == {"Status": "Draft", "Priority": "Normal"}


def test_an_imported_card_that_lacks_everything_can_be_moved() -> None:
    bare = make_card(status=None, priority=None, created=None, updated=None)
    first = plan(None, bare, None, [], importing=True)
    moved = plan(first.base, replace(bare, status="Queued"), first.task, [])
    assert moved.task is not None
    assert (moved.moved, moved.task.board_status) == (True, B.QUEUED)
    assert set(pushes(moved)) == {"Priority", "Created", "Updated"}


# What is the database's alone


TAMPERED = {
    "created": ({"created": NOW}, "Created", str(NOW), str(EARLIER)),
    "created-emptied": ({"created": None}, "Created", None, str(EARLIER)),
    "updated": ({"updated": NOW}, "Updated", str(NOW), str(EARLIER)),
    "attention": ({"attention": "mine"}, "Attention", "mine", ""),
}


@pytest.mark.parametrize(
    ("values", "name", "value", "kept"), TAMPERED.values(), ids=TAMPERED.keys()
)
def test_what_people_write_into_the_databases_properties_is_recorded_and_put_right(
    values: dict[str, Any],
    name: str,
    value: str | None,
    kept: str,
) -> None:
    made = plan(make_base(), make_card(**values), make_task(), [])
    assert made.lost == (
        LostValue(property=name, action="refused", reason="not_yours", value=value, kept=kept),
    )
    assert set(pushes(made)) == {name}
    assert made.attention == ""


@pytest.mark.parametrize("base", [None, make_base()], ids=["first-contact", "known"])
@pytest.mark.parametrize("task", [None, make_task()], ids=["no-task", "task"])
def test_a_note_in_attention_is_recorded_before_it_is_overwritten(base: Any, task: Any) -> None:
    made = plan(base, make_card(topic="", attention="ask Ada"), task, [NO_TOPIC])
    assert [(entry.property, entry.value) for entry in made.lost] == [("Attention", "ask Ada")]
    assert pushes(made) == {"Attention": "Topic is empty."}


@pytest.mark.parametrize("importing", [True, False])
def test_what_stands_in_attention_before_we_wrote_there_is_kept_while_there_is_nothing_to_say(
    *, importing: bool
) -> None:
    theirs = make_card(attention="ask Ada")
    made = plan(None, theirs, None, [], importing=importing)
    assert (pushes(made), made.lost) == ({}, ())
    changed = replan(made, make_card(attention="ask Ben"))
    assert (pushes(changed), changed.lost) == ({}, ())
    moved = replan(changed, make_card(attention="ask Ben", status="Queued"))
    assert "Attention" not in pushes(moved)


def test_a_note_in_attention_is_recorded_once_when_a_message_replaces_it() -> None:
    made = plan(None, make_card(attention="ask Ada"), None, [], importing=True)
    invalid = replan(made, make_card(attention="ask Ada", topic=""), [NO_TOPIC])
    assert [(entry.property, entry.value) for entry in invalid.lost] == [("Attention", "ask Ada")]
    assert pushes(invalid) == {"Attention": "Topic is empty."}
    assert replan(invalid, make_card(attention="ask Ada", topic=""), [NO_TOPIC]).lost == ()
    explained = with_write(invalid.base, pushes(invalid))
    typed = plan(explained, make_card(attention="again", topic=""), invalid.task, [NO_TOPIC])
    assert [(entry.property, entry.value) for entry in typed.lost] == [("Attention", "again")]
    mended = plan(explained, make_card(attention="Topic is empty."), invalid.task, [])
    assert pushes(mended) == {"Attention": ""}


@pytest.mark.parametrize("importing", [True, False])
def test_our_own_words_from_before_do_not_stay_for_ever(*, importing: bool) -> None:
    made = plan(None, make_card(attention="Topic is empty."), None, [], importing=importing)
    assert pushes(made) == {"Attention": ""}


def test_dates_that_differ_on_first_contact_with_an_existing_task_are_recorded_and_put_right() -> (
    None
):
    made = plan(None, make_card(created=NOW), make_task(), [])
    assert [(entry.property, entry.value) for entry in made.lost] == [("Created", str(NOW))]
    assert pushes(made) == {"Created": EARLIER}


def test_what_notion_computes_is_nobodys_tampering() -> None:
    card = make_card(updated=NOW, computed=frozenset({"Updated"}))
    assert plan(make_base(), card, make_task(), []).lost == ()


def test_writing_what_is_right_anyway_is_no_tampering() -> None:
    base = make_base(shown=replace(shows(make_card()), attention="old"))
    assert plan(base, make_card(attention=""), make_task(), []).lost == ()


def test_a_property_the_board_cannot_take_is_no_difference() -> None:
    base = make_base(shown=replace(shows(make_card()), status="Queued", created=None))
    assert set(diff(base, make_task(), "x")) == {"Status", "Created", "Attention"}
    assert set(diff(base, make_task(), "x", {"Status"})) == {"Status"}
