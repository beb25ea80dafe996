"""Faults of paid production that the services' own ledger shows."""

from __future__ import annotations

from functools import partial

from simulation.mutants.mutation import Mutation

_ORDER, _COLLECT = "tasks/production/order_once.py", "tasks/production/collect.py"
_MAKERS = "packages/showrunner-makers/src/showrunner_makers/services"
_Mutation = partial(Mutation, kind="studio")

MUTATIONS = (
    _Mutation(
        "studio: an estimate is not booked before its order is sent",
        _ORDER,
        'await book(session, piece, "estimated", price, at=now)',
        "pass",
    ),
    _Mutation(
        "studio: a request without an answer counts as never sent",
        f"{_MAKERS}/http.py",
        "return Answer.NOT_SENT if isinstance(error, _NOT_SENT) else Answer.UNKNOWN",
        "return Answer.NOT_SENT",
    ),
    _Mutation(
        "studio: a job is not found by its key",
        f"{_MAKERS}/kling/maker.py",
        "if sent == str(job.key):",
        "if sent == job.key:",
    ),
    _Mutation(
        "studio: a job that failed is booked as if it had been made",
        f"{_MAKERS}/kling/answers.py",
        "charged=charged, failure=Failure.INVALID_INPUT",
        "failure=Failure.INVALID_INPUT",
    ),
    _Mutation(
        "studio: a refusal is booked as an image",
        f"{_MAKERS}/gemini.py",
        "charged=price if written else None",
        "charged=price",
    ),
    _Mutation(
        "studio: a clip that is gone is ordered again unasked",
        _COLLECT,
        'gone = {"failure": Failure.MANUAL_REVIEW.value, "reason": str(error)}',
        'gone = {"reason": str(error)}',
    ),
    _Mutation(
        "studio: an estimate counts on beside what was charged",
        _ORDER,
        "await release_estimate(session, piece) cost =",
        "cost =",
    ),
    _Mutation(
        "studio: a late answer is forgotten beside a newer order that was refused",
        _ORDER,
        "if not is_stored and said.answer is Answer.ACCEPTED:",
        "if False:",
    ),
)
