"""What makers have in common whose service answers with the result itself."""

from __future__ import annotations

from pathlib import Path

from models.production.making import Failure, Job, JobState, Made, MakerError, Submitted
from models.production.paid_orders import Answer
from showrunner_makers.services.http import Reply


class AnswersAtOnce:
    """A service without jobs: an order without an answer can be found nowhere."""

    can_be_looked_up = False

    async def look_up(self, job: Job) -> str | None:  # noqa: ARG002 - there are no jobs
        """No job."""
        return None

    async def poll(self, job: Job) -> JobState:
        """Raise MakerError: there are no jobs."""
        raise MakerError(Failure.MANUAL_REVIEW, f"There is no job {job.id}.")

    async def fetch(self, job: Job, folder: Path) -> Made:
        """Raise MakerError: there are no jobs."""
        raise MakerError(Failure.MANUAL_REVIEW, f"There is no job {job.id} to put into {folder}.")


def unusable(maker: str, what: str, reply: Reply) -> Submitted:
    """A successful answer whose content cannot be used, although it was charged."""
    why = "broke off on the way" if not reply.whole else "cannot be read"
    return Submitted(
        answer=Answer.ACCEPTED,
        failure=Failure.RETRIABLE,
        reason=f"{what} was made and charged by “{maker}”, but its answer {why}. Drag the card to "
        "Queued to order it once more.",
    )
