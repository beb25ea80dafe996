"""What YouTube's answers mean."""

from __future__ import annotations

from typing import Final

import httpx

from models.production.making import AccountRefused, Failure, MakerError, Submitted
from models.production.paid_orders import Answer
from showrunner_makers.services.http import Reply, said
from showrunner_makers.services.youtube.login import CONNECT

_REASONS: Final = {
    "quotaExceeded": Answer.REFUSED_ACCOUNT,
    "dailyLimitExceeded": Answer.REFUSED_ACCOUNT,
    "accessNotConfigured": Answer.REFUSED_ACCOUNT,
    "uploadLimitExceeded": Answer.REFUSED_ACCOUNT,
    "youtubeSignupRequired": Answer.REFUSED_ACCOUNT,
    "insufficientPermissions": Answer.REFUSED_ACCOUNT,
    "authorizationRequired": Answer.REFUSED_ACCOUNT,
    "authError": Answer.REFUSED_ACCOUNT,
    "forbidden": Answer.REFUSED_ACCOUNT,
    "channelClosed": Answer.REFUSED_ACCOUNT,
    "channelSuspended": Answer.REFUSED_ACCOUNT,
    "rateLimitExceeded": Answer.NOT_NOW,
    "userRateLimitExceeded": Answer.NOT_NOW,
}
"""By the reason of an error, which says more than its status."""
_STATUSES: Final = {
    400: Answer.REFUSED_PIECE,
    401: Answer.REFUSED_ACCOUNT,
    403: Answer.REFUSED_ACCOUNT,
    408: Answer.NOT_NOW,
    413: Answer.REFUSED_PIECE,
    429: Answer.NOT_NOW,
}
_SERVER: Final = 500
_OF_PROJECT: Final = frozenset({"quotaExceeded", "dailyLimitExceeded", "accessNotConfigured"})
"""Reasons that concern the program's project, and so all channels."""


def answer_to(reply: Reply) -> Answer:
    """What an answer that is no success means.

    A session holds no video before its last byte, so that an error of the server published nothing.
    """
    if reply.status >= _SERVER:
        return Answer.NOT_NOW
    return _REASONS.get(_reason(reply)) or _STATUSES.get(reply.status, Answer.UNKNOWN)


def opened(reply: Reply) -> Submitted:
    """What the answer to a request for a session means."""
    if reply.status == httpx.codes.OK and (address := reply.headers.get("location")):
        return Submitted(answer=Answer.ACCEPTED, job_id=address)
    if reply.status == httpx.codes.OK:
        return Submitted(answer=Answer.UNKNOWN, reason="YouTube named no address for the upload.")
    return Submitted(
        answer=answer_to(reply), reason=_words(reply), of_channel=_is_of_channel(reply)
    )


def problem_of(reply: Reply) -> MakerError:
    """The error for an answer that is no success, to a question."""
    if answer_to(reply) is Answer.REFUSED_ACCOUNT:
        return AccountRefused(_words(reply), of_channel=_is_of_channel(reply))
    return MakerError(Failure.RETRIABLE, _words(reply))


def _is_of_channel(reply: Reply) -> bool:
    return _reason(reply) not in _OF_PROJECT


def _reason(reply: Reply) -> str:
    error = reply.json().get("error")
    errors = error.get("errors") if isinstance(error, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else {}
    return str(first.get("reason", "")) if isinstance(first, dict) else ""


def _words(reply: Reply) -> str:
    error = reply.json().get("error")
    message = error.get("message") if isinstance(error, dict) else error
    reason = _reason(reply)
    more = ""
    if reply.status == httpx.codes.UNAUTHORIZED or reason == "insufficientPermissions":
        more = f" {CONNECT} connects the channel again."
    elif reason in {"quotaExceeded", "dailyLimitExceeded"}:
        more = " The quota begins anew at midnight in California."
    return f"YouTube answers {reply.status} {reason}: {said(message or 'nothing more')}{more}"
