"""What Kling's answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import httpx

from models.production.making import Failure, JobState, Submitted
from models.production.paid_orders import Answer
from showrunner_makers.services.http import Reply, said
from showrunner_makers.services.prices import usd_for

_CODES: Final = {
    0: Answer.ACCEPTED,
    1303: Answer.NOT_NOW,
    1302: Answer.NOT_NOW,
    5001: Answer.NOT_NOW,
    1200: Answer.REFUSED_PIECE,
    1201: Answer.REFUSED_PIECE,
    1300: Answer.REFUSED_PIECE,
    1301: Answer.REFUSED_PIECE,
    1000: Answer.REFUSED_ACCOUNT,
    1001: Answer.REFUSED_ACCOUNT,
    1002: Answer.REFUSED_ACCOUNT,
    1003: Answer.REFUSED_ACCOUNT,
    1004: Answer.REFUSED_ACCOUNT,
    1100: Answer.REFUSED_ACCOUNT,
    1101: Answer.REFUSED_ACCOUNT,
    1102: Answer.REFUSED_ACCOUNT,
    1103: Answer.REFUSED_ACCOUNT,
    1202: Answer.REFUSED_ACCOUNT,
    1203: Answer.REFUSED_ACCOUNT,
    1304: Answer.REFUSED_ACCOUNT,
    5000: Answer.UNKNOWN,
    5002: Answer.UNKNOWN,
}
"""By the code in the body: the same HTTP status may mean any of them."""
_UNKNOWN_TO_IT: Final = 1203
"""What is named does not exist: a model, or a job."""
_STATUSES: Final = {
    400: Answer.REFUSED_PIECE,
    401: Answer.REFUSED_ACCOUNT,
    403: Answer.REFUSED_ACCOUNT,
    404: Answer.REFUSED_ACCOUNT,
    413: Answer.REFUSED_PIECE,
    429: Answer.NOT_NOW,
    503: Answer.NOT_NOW,
}
"""For answers without a code, which a proxy before the service gives."""


def code_of(reply: Reply) -> int | None:
    """The code in an answer's body; None when there is none."""
    code = reply.json().get("code")
    return code if isinstance(code, int) else None


def answer_to(reply: Reply) -> Answer:
    """What an answer means."""
    code = code_of(reply)
    if code is None:
        return _STATUSES.get(reply.status, Answer.UNKNOWN)
    return _CODES.get(code, Answer.UNKNOWN)


def is_no_job(reply: Reply) -> bool:
    """Whether an answer says that there is no such job."""
    return reply.status == httpx.codes.NOT_FOUND or code_of(reply) == _UNKNOWN_TO_IT


def reason_of(reply: Reply) -> str:
    """An answer in words, for people."""
    words = said(reply.json().get("message") or "nothing more")
    return f"Kling answers {reply.status} ({code_of(reply)}): {words}"


def submitted(reply: Reply, account: str) -> Submitted:
    """What the answer to a submission means."""
    answer = answer_to(reply)
    data = reply.json().get("data")
    job = data.get("task_id") if isinstance(data, dict) else None
    if answer is Answer.ACCEPTED and not job:
        answer = Answer.UNKNOWN  # it took the job, and the look-up finds its name
    if answer is Answer.ACCEPTED:
        return Submitted(answer=answer, job_id=str(job), account=account)
    return Submitted(
        answer=answer,
        account=account,
        reason=reason_of(reply),
        of_channel=code_of(reply) == _UNKNOWN_TO_IT,
    )


def state_of(data: Mapping[str, Any], scene: int) -> JobState:
    """How far a job is, by what the service says of it."""
    status = data.get("task_status")
    if status not in {"succeed", "failed"}:
        return JobState()
    charged = _charged(data.get("final_unit_deduction"))
    if status == "succeed":
        return JobState(ended=True, charged=charged)
    words = said(data.get("task_status_msg") or "it says nothing more")
    risky = "risk" in words.lower()
    return JobState(
        ended=True,
        charged=charged,
        failure=Failure.INVALID_INPUT if risky else Failure.API_FAILURE,
        reason=f"Scene {scene}: Kling made no clip: {words}",
    )


def _charged(units: object) -> Decimal | None:
    """USD for the units of a pack that were taken; None when the service does not say."""
    try:
        counted = Decimal(str(units))
    except InvalidOperation:
        return None
    if not counted.is_finite() or counted < 0:
        return None
    return counted * usd_for("kling", "any", "unit")
