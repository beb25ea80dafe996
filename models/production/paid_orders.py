"""What to do after a request to a paid maker, so that no piece is ever paid for twice.

The intent is committed before the request is sent, and the job's id before it is first polled. What
is left to decide is what an answer, or its absence, means.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

LOOK_UPS: Final = (timedelta(seconds=10), timedelta(seconds=40), timedelta(seconds=120))
"""When after a submission with an unknown outcome the service is asked for it, counted from then.

A service may list a job a little after it took it.
"""
RESUBMIT_BELOW: Final = Decimal("0.10")
"""USD below which a lost submission that cannot be looked up is sent once more by default."""


class Answer(StrEnum):
    """What is known of a submission."""

    ACCEPTED = "accepted"
    """The service took it and named a job, or gave the result."""
    NOT_SENT = "not_sent"
    """It never left: connection refused, no connection in time."""
    NOT_NOW = "not_now"
    """Refused for now and not charged: rate limit, no free slot, overloaded."""
    UNKNOWN = "unknown"
    """Nobody knows: no answer in time, connection lost, the process died."""
    REFUSED_PIECE = "refused_piece"
    """Refused for good because of what was asked: policy, a malformed request."""
    REFUSED_ACCOUNT = "refused_account"
    """Refused for good because of who asks: no money, no quota, a bad key."""


class Action(StrEnum):
    """What is done next."""

    COLLECT = "collect"
    """Poll the job and fetch its result."""
    SEND_AGAIN = "send_again"
    """Send it again as a new attempt, after the backoff of a failed one."""
    WAIT = "wait"
    """Send it again later. Waiting is no attempt."""
    LOOK_UP = "look_up"
    """Ask the service whether it has the job."""
    SEND_ONCE_MORE = "send_once_more"
    """Send it again and book both amounts, since the first may have been charged."""
    ASK_A_PERSON = "ask_a_person"
    """Stop the task at Error: Manual Review and name the amount at risk."""
    FAIL_PIECE = "fail_piece"
    """Stop the task at Error: Invalid Input and name the scene."""
    PAUSE_MAKER = "pause_maker"
    """Stop this maker's steps of all channels until it has money, quota or a valid key."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A submission without a result.

    Attributes:
        answer: what is known of it.
        amount: USD that it may cost.
        can_be_looked_up: whether the service finds a job by the key that was sent with it.
        looked_up: how often it was looked up in vain since its outcome became unknown.
        sent_once_more: whether an earlier submission of this piece was lost, and sent again.
    """

    answer: Answer
    amount: Decimal
    can_be_looked_up: bool
    looked_up: int = 0
    sent_once_more: bool = False


_CERTAIN: Final = {
    Answer.ACCEPTED: Action.COLLECT,
    Answer.NOT_SENT: Action.SEND_AGAIN,
    Answer.NOT_NOW: Action.WAIT,
    Answer.REFUSED_PIECE: Action.FAIL_PIECE,
    Answer.REFUSED_ACCOUNT: Action.PAUSE_MAKER,
}


def action_after(submission: Submission, *, resubmit_below: Decimal = RESUBMIT_BELOW) -> Action:
    """What is done after a submission.

    Args:
        resubmit_below: USD below which a lost submission is sent once more; 0 for never.
    """
    if submission.answer is not Answer.UNKNOWN:
        return _CERTAIN[submission.answer]
    if submission.can_be_looked_up and submission.looked_up < len(LOOK_UPS):
        return Action.LOOK_UP
    # A job that no look-up shows may still exist, like one that cannot be looked up.
    if submission.amount < resubmit_below and not submission.sent_once_more:
        return Action.SEND_ONCE_MORE
    return Action.ASK_A_PERSON
