"""Faults of production: of leases, gates, submissions, money and the queue."""

from __future__ import annotations

from typing import Final

from simulation.mutants.mutation import Mutation

SUBMIT, COLLECT = "tasks/production/order_once.py", "tasks/production/collect.py"
GATES, STEPS, QUEUE, ATTACHED, APPROVED_AGAIN, EXPIRED = (
    "migrations/versions/0022_workers_report.py",
    "migrations/versions/0026_showrunner_claims_steps.py",
    "migrations/versions/0030_spends_are_added_up.py",
    "migrations/versions/0031_attached_pieces_are_their_workers.py",
    "migrations/versions/0036_the_last_decision_of_a_round_counts.py",
    "migrations/versions/0035_a_step_that_never_began_is_stopped_at_once.py",
)
"""Where each function stands that is in force."""
RETURNED: Final = """
    WHERE l.worker IS NOT NULL AND (l.until <= moment OR showrunner.is_stopped_unbegun(l))
    ORDER BY l.task_id
  LOOP
    SELECT t.* INTO task FROM tasks AS t WHERE t.id = due FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    SELECT l.* INTO lease FROM leases AS l WHERE l.task_id = due FOR UPDATE;
    -- Prolonged, begun or released meanwhile.
    CONTINUE WHEN lease.worker IS NULL
      OR lease.until > moment AND NOT showrunner.is_stopped_unbegun(lease);
"""

MUTATIONS: Final = (
    Mutation(
        "what is sent has another key than what was noted",
        SUBMIT,
        "key = piece.submit_key",
        "key = uuid4()",
    ),
    Mutation(
        "what is sent is not booked before",
        SUBMIT,
        'await book(session, piece, "estimated", price, at=now)',
        "await session.flush()",
    ),
    Mutation(
        "a job is asked about by another id than its own",
        COLLECT,
        "key=piece.submit_key or piece.id, id=piece.job_id,",
        "key=piece.submit_key or piece.id, id=str(piece.id),",
    ),
    Mutation(
        "a submission without an answer counts as not sent",
        SUBMIT,
        "return Submitted(answer=Answer.UNKNOWN,",
        "return Submitted(answer=Answer.NOT_SENT,",
    ),
    Mutation(
        "a lost submission is not looked up",
        "models/production/paid_orders.py",
        "if submission.can_be_looked_up and submission.looked_up < len(LOOK_UPS):",
        "if False:",
    ),
    Mutation(
        "what a job cost is not booked",
        SUBMIT,
        "if cost:",
        "if False:",
    ),
    Mutation(
        "an estimate counts beside what was charged",
        SUBMIT,
        "await release_estimate(session, piece)",
        "await session.flush()",
    ),
    Mutation(
        "a stop is not seen before a piece is sent",
        "models/tables/production/claims.py",
        "return stopped is False",
        "return stopped is not None",
    ),
    Mutation(
        "a piece is used again whatever it was made from",
        "tasks/production/video.py",
        "if one.kind == kind and one.input_hash == hash_]",
        "if one.kind == kind]",
    ),
    Mutation(
        "what a service works on since the round before is ordered again",
        "tasks/production/video.py",
        "if one.state in UNDER_WAY), None)",
        "if one.state in ()), None)",
        often={"an_event_has_had_bad_luck": 6, "notion_fails": 10, "webhooks_arrive": 15},
    ),
    Mutation(
        "what is there is made again",
        "tasks/production/video.py",
        "if one.kind == kind and one.input_hash == hash_]",
        "if one.kind == kind and one.input_hash == hash_ + '!']",
    ),
    Mutation(
        "a budget is not asked",
        "models/production/money.py",
        "if limit is not None and already + asked > limit:",
        "if limit is not None and False:",
    ),
    Mutation(
        "a decision about another round counts",
        "models/production/gates.py",
        "if gate.step is not step or gate.round != round_:",
        "if gate.step is not step:",
    ),
    Mutation(
        "a report is taken from whoever it comes",
        GATES,
        "IF held_lease.worker IS NULL OR held.worker IS DISTINCT FROM held_lease.worker THEN",
        "IF held_lease.worker IS NULL THEN",
    ),
    Mutation(
        "a worker passes a gate that nobody approved",
        GATES,
        "IF FOUND AND 'approve' IS DISTINCT FROM (",
        "IF FALSE AND 'approve' IS DISTINCT FROM (",
    ),
    Mutation(
        "a piece is kept from a worker that lost its lease",
        ATTACHED,
        "SELECT FROM leases AS l WHERE l.task_id = whole.id AND l.worker = attach.worker",
        "SELECT FROM leases AS l WHERE l.task_id = whole.id",
    ),
    Mutation(
        "a lease is returned while its worker lives",
        EXPIRED,
        RETURNED,
        RETURNED.replace("AND (l.until <= moment OR showrunner.is_stopped_unbegun(l))", "").replace(
            "OR lease.until > moment AND NOT showrunner.is_stopped_unbegun(lease)", ""
        ),
    ),
    Mutation(
        "a video that was stopped keeps its place until its lease ends",
        EXPIRED,
        "RETURN lease.stop_requested_at IS NOT NULL",
        "RETURN false",
    ),
    Mutation(
        "what changed is approved with what was seen",
        APPROVED_AGAIN,
        "WHERE made.sha256 = seen.sha256 IS NOT TRUE",
        "WHERE false",
    ),
    Mutation(
        "a piece that a worker attached counts as made here",
        ATTACHED,
        "media_type = NULL, seconds = NULL, input_hash = NULL, notes = excluded.notes,",
        "media_type = NULL, seconds = NULL, notes = excluded.notes,",
    ),
    Mutation(
        "a channel's oldest task comes first whatever its priority",
        QUEUE,
        "ORDER BY (CASE t.priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END),",
        "ORDER BY",
    ),
    Mutation(
        "a video whose jobs have ended is not offered",
        STEPS,
        "SET step = NULL, detail = NULL, approved_at = showrunner_now()",
        "SET step = NULL, detail = NULL",
    ),
)
