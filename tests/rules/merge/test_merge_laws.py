"""Laws of `plan` that hold whatever people, the pipeline and pushes do, in any order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kit.cards import EARLIER, NO_TOPIC, NOW, make_card, make_task

from models.rules.codec.read import BoardCard
from models.rules.merge import Plan, notion_values, plan
from models.rules.merge_base import (
    PUSHED,
    MergeBase,
    NotionValues,
    TaskState,
    diff,
    values_by_property,
    with_write,
)
from models.rules.statuses import STATE_OF, BoardStatus, Priority, Status, people_may_move
from models.rules.statuses import board_status as known_status

statuses = st.sampled_from([*BoardStatus])
shown_statuses = st.one_of(
    st.none(), st.sampled_from([*(s.value for s in BoardStatus), "Done", "queued"])
)
likely_statuses = st.sampled_from(
    ["Draft", "Queued", "Ready for Planning", "Under Review", "Review Approved"]
)
shown_priorities = st.sampled_from([None, "Low", "Normal", "High", "high", "Urgent"])
PEOPLES = {"Title", "Topic", "Story Direction", "Channel"}
"""Properties that are never written (design: section 6), by hand."""

GRACE = timedelta(minutes=2)

dates = st.sampled_from([None, EARLIER, NOW, NOW + timedelta(minutes=7)])
notes = st.sampled_from(["", "Topic is empty.", "mine"])

steps = st.one_of(
    st.tuples(st.just("status"), st.one_of(likely_statuses, shown_statuses)),
    st.tuples(st.just("priority"), shown_priorities),
    st.tuples(st.just("topic"), st.sampled_from(["", "Squid", "Anglerfish"])),
    st.tuples(st.just("attention"), notes),
    st.tuples(st.just("created"), dates),
    st.tuples(st.just("updated"), dates),
    st.tuples(st.just("pipeline_status"), statuses),
    st.tuples(st.just("pipeline_priority"), st.sampled_from([*Priority])),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("push"), st.none()),
)
first_cards = st.builds(
    make_card,
    status=shown_statuses,
    priority=shown_priorities,
    topic=st.sampled_from(["", "Anglerfish"]),
    attention=notes,
    created=dates,
    updated=dates,
)
first_tasks = st.one_of(
    st.none(),
    st.builds(
        make_task,
        board_status=statuses,
        priority=st.sampled_from([*Priority]),
        status_changed_at=dates.filter(bool),
    ),
)


@dataclass
class World:
    """One card and its task with everything that can happen; each reading is checked."""

    card: BoardCard
    task: TaskState | None
    importing: bool
    base: MergeBase | None = None
    clock: datetime = field(default=NOW + timedelta(hours=1))

    def happen(self, step: str, value: Any) -> None:
        self.clock += timedelta(minutes=1)
        match step:
            case "look":
                self.observation()
            case "push":
                self.push()
            case "pipeline_status" if self.task is not None and self.task.board_status != value:
                self.task = replace(self.task, board_status=value, status_changed_at=self.clock)
            case "pipeline_priority" if self.task is not None:
                self.task = replace(self.task, priority=value)
            case "status" | "priority" | "topic" | "attention" | "created" | "updated":
                self.card = replace(self.card, **{step: value})

    def observation(self) -> Plan:
        violations = () if self.card.topic else (NO_TOPIC,)
        made = plan(
            self.base,
            self.card,
            self.task,
            violations,
            importing=self.importing,
            keep_until=self.keep_until(),
        )
        self.an_invalid_card_that_stands_in_queued_is_not_pending(made)
        self.nothing_begins_late(made)
        self.planning_again_changes_nothing(made)
        self.only_allowed_moves_are_taken(made)
        self.whatever_is_overwritten_is_recorded(made)
        assert set(diff(made.base, made.task, made.attention)) <= PUSHED - PEOPLES
        self.base, self.task = made.base, made.task
        if made.moved and self.task is not None:  # as models.sync.reconcile stamps it
            self.task = replace(self.task, status_changed_at=self.clock)
            self.base = (
                replace(made.base, rejected_at_status_change=self.clock)
                if made.base.rejection
                else made.base
            )
        return made

    def push(self) -> None:
        # A task that the pipeline made pending is shown as such, and goes back if its card is not
        # valid.
        for _ in range(2):
            self.clock += 2 * GRACE
            made = self.observation()
            assert self.base is not None
            values = diff(self.base, self.task, made.attention)
            self.base = with_write(self.base, values)
            self.card = replace(
                self.card, **{name.lower(): value for name, value in values.items()}
            )
            seen = self.observation()
        assert seen.lost == ()
        assert diff(self.base, self.task, seen.attention) == {}
        if self.task is not None and not self.base.initially_empty:
            assert self.card.status == self.task.board_status.value
            assert (self.card.priority or "").lower() == self.task.priority.value
            assert self.card.attention == seen.attention

    def keep_until(self) -> datetime | None:
        """As models.sync.reconcile says it, of a person who edits nothing more."""
        known = self.base.status_kept_until if self.base is not None else None
        if known is None:
            return self.clock + GRACE
        return known if known > self.clock else None

    def an_invalid_card_that_stands_in_queued_is_not_pending(self, made: Plan) -> None:
        if made.violations and made.task is not None and self.card.status == "Queued":
            assert made.task.board_status is not BoardStatus.QUEUED

    def nothing_begins_late(self, made: Plan) -> None:
        first_import = self.base is None and self.importing
        if self.task is None and made.task is not None and not first_import:
            assert STATE_OF[made.task.board_status] in {
                Status.DRAFT,
                Status.PENDING,
                Status.COMPLETED,
            }

    def planning_again_changes_nothing(self, made: Plan) -> None:
        kept = made.base.status_kept_until
        second = plan(
            made.base,
            self.card,
            made.task,
            made.violations,
            importing=self.importing,
            keep_until=kept,
        )
        assert second == replace(made, lost=(), moved=False)

    def only_allowed_moves_are_taken(self, made: Plan) -> None:
        if (
            self.task is None
            or made.task is None
            or made.task.board_status == self.task.board_status
        ):
            return
        if (
            self.task.board_status is BoardStatus.QUEUED
            and made.base.waits_for is BoardStatus.QUEUED
        ):
            assert made.violations
            return
        assert self.base is not None
        # What was refused and still stands there is what people see: the pipeline may have moved it
        # there since.
        seen = {self.base.status, self.base.shown.status}
        assert self.task.board_status in seen, "the pipeline moved it too"
        assert people_may_move(self.task.board_status, made.task.board_status)
        assert known_status(self.card.status) == made.task.board_status
        assert made.moved

    def whatever_is_overwritten_is_recorded(self, made: Plan) -> None:
        before = values_by_property(self.base.shown if self.base is not None else NotionValues())
        now = values_by_property(notion_values(self.card))
        overwritten = {
            name
            for name in diff(made.base, made.task, made.attention)
            if now[name] != before[name] and now[name] not in {None, ""}
        }
        assert overwritten <= {entry.property for entry in made.lost}
        for entry in made.lost:
            assert entry.value != entry.kept


@settings(max_examples=300, deadline=None)
@given(first_cards, first_tasks, st.booleans(), st.lists(steps, max_size=12))
def test_every_reading_keeps_the_laws_and_every_push_converges(
    card: BoardCard,
    task: TaskState | None,
    importing: bool,  # noqa: FBT001 - drawn by Hypothesis
    happenings: list[tuple[str, Any]],
) -> None:
    world = World(card=card, task=task, importing=importing)
    world.observation()
    for step, value in happenings:
        world.happen(step, value)
    world.push()


@given(statuses, statuses, st.sampled_from([*Priority]), st.sampled_from([*Priority]))
def test_equal_edits_on_both_sides_are_agreement(
    before: BoardStatus,
    after: BoardStatus,
    urgency: Priority,
    new_urgency: Priority,
) -> None:
    card = make_card(status=before.value, priority=urgency.option)
    first = plan(None, card, make_task(board_status=before, priority=urgency), ())
    both = replace(card, status=after.value, priority=new_urgency.option)
    made = plan(first.base, both, make_task(board_status=after, priority=new_urgency), ())
    assert (made.lost, made.moved, made.attention) == ((), False, "")
    assert diff(made.base, made.task, made.attention) == {}


@settings(max_examples=200, deadline=None)
@given(
    first_cards, first_tasks, st.lists(steps, max_size=8), statuses, st.sampled_from([*Priority])
)
def test_equal_edits_are_agreement_after_any_history(
    card: BoardCard,
    task: TaskState | None,
    happenings: list[tuple[str, Any]],
    to: BoardStatus,
    urgency: Priority,
) -> None:
    world = World(card=replace(card, topic="Anglerfish"), task=task, importing=False)
    for step, value in happenings:
        world.happen(step, value)
    world.push()
    world.happen("pipeline_status", to)
    world.happen("pipeline_priority", urgency)
    assume(world.task is not None)
    assume(to is not BoardStatus.QUEUED or world.card.topic)  # an invalid card is not pending
    world.happen("status", to.value)
    world.happen("priority", urgency.option)
    made = world.observation()
    assert (made.lost, made.moved) == ((), False)
    assert not {"Status", "Priority"} & set(diff(made.base, made.task, made.attention))
    assert made.task is not None
    assert (made.task.board_status, made.task.priority) == (to, urgency)


@given(first_cards, st.sampled_from([(), (NO_TOPIC,)]))
def test_people_own_their_texts_whatever_the_database_says(
    card: BoardCard, violations: Any
) -> None:
    task = make_task(title="worker's", topic="worker's", story_direction="worker's")
    made = plan(None, card, task, violations)
    assert not PEOPLES & set(diff(made.base, made.task, made.attention))
    assert made.task is not None
    assert made.task.title == card.title
