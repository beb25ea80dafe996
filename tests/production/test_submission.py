"""After a submission to a paid maker: nothing is sent twice unless that costs nothing more."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.production.paid_orders import (
    LOOK_UPS,
    RESUBMIT_BELOW,
    Action,
    Answer,
    Submission,
    action_after,
)

CHEAP, DEAR = Decimal("0.067"), Decimal("0.55")


def submitted(answer: Answer, amount: Decimal = DEAR, **known: object) -> Submission:
    given_ = {"can_be_looked_up": False, **known}
    return Submission(answer=answer, amount=amount, **given_)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        (Answer.ACCEPTED, Action.COLLECT),
        (Answer.NOT_SENT, Action.SEND_AGAIN),
        (Answer.NOT_NOW, Action.WAIT),
        (Answer.REFUSED_PIECE, Action.FAIL_PIECE),
        (Answer.REFUSED_ACCOUNT, Action.PAUSE_MAKER),
    ],
)
@pytest.mark.parametrize("amount", [CHEAP, DEAR])
def test_a_certain_answer_decides_alone(answer: Answer, action: Action, amount: Decimal) -> None:
    assert action_after(submitted(answer, amount)) is action


@pytest.mark.parametrize(
    ("amount", "can_be_looked_up", "looked_up", "sent_once_more", "action"),
    [
        (DEAR, True, 0, False, Action.LOOK_UP),
        (DEAR, True, len(LOOK_UPS) - 1, False, Action.LOOK_UP),
        (DEAR, True, len(LOOK_UPS), False, Action.ASK_A_PERSON),
        (DEAR, False, 0, False, Action.ASK_A_PERSON),
        (CHEAP, True, 0, False, Action.LOOK_UP),
        (CHEAP, True, len(LOOK_UPS), False, Action.SEND_ONCE_MORE),
        (CHEAP, False, 0, False, Action.SEND_ONCE_MORE),
        (CHEAP, False, 0, True, Action.ASK_A_PERSON),
        (RESUBMIT_BELOW, False, 0, False, Action.ASK_A_PERSON),
    ],
)
def test_an_unknown_outcome_is_looked_up_then_sent_once_more_if_cheap_else_a_persons(
    amount: Decimal,
    can_be_looked_up: bool,  # noqa: FBT001
    looked_up: int,
    sent_once_more: bool,  # noqa: FBT001
    action: Action,
) -> None:
    known = submitted(
        Answer.UNKNOWN,
        amount,
        can_be_looked_up=can_be_looked_up,
        looked_up=looked_up,
        sent_once_more=sent_once_more,
    )
    assert action_after(known) is action


def test_a_setting_of_nothing_never_sends_once_more() -> None:
    lost = submitted(Answer.UNKNOWN, Decimal("0.000001"))
    assert action_after(lost, resubmit_below=Decimal(0)) is Action.ASK_A_PERSON


@given(
    st.sampled_from(Answer),
    st.decimals(min_value=0, max_value=20, places=3),
    st.booleans(),
    st.integers(0, 5),
    st.booleans(),
)
def test_a_clip_whose_outcome_is_unknown_is_never_sent_again(
    answer: Answer,
    amount: Decimal,
    can_be_looked_up: bool,  # noqa: FBT001
    looked_up: int,
    sent_once_more: bool,  # noqa: FBT001
) -> None:
    action = action_after(
        submitted(
            answer,
            amount,
            can_be_looked_up=can_be_looked_up,
            looked_up=looked_up,
            sent_once_more=sent_once_more,
        )
    )
    may_be_charged = answer in {Answer.UNKNOWN, Answer.ACCEPTED}
    if may_be_charged and (amount >= RESUBMIT_BELOW or sent_once_more):
        assert action not in {Action.SEND_AGAIN, Action.SEND_ONCE_MORE, Action.WAIT}
