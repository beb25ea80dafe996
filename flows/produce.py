"""produce: one step of one video of Showrunner's own production.

Started by `dispatch`, and by the end of another step. It makes the pieces that are missing, side by
side, and reports the step's done column. At a gate it ends; else the next step gets a run at once.
A run that dies leaves a lease that expires, and the next one makes only what is missing. It needs
DATABASE_URL and NOTION_API_TOKEN, and the channel's makers. It is safe to run twice: only the
lease's holder records anything.

Tasks of a run: a `make_piece` or `submit_piece` per piece (`tasks.production`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from flows.runs.api import publish_table
from flows.runs.production import dispatch_now, request_collect
from flows.runs.requests import ProgressBar, publish_link
from flows.runs.table import as_markdown, card_address
from models.production.money import usd
from models.production.steps import STEPS, Step
from tasks.alerts import deliver_alerts
from tasks.production.plan import Work
from tasks.production.produce import End, Outcome, produce_step
from tasks.production.summary import StepSummary, read_summary, read_work
from tasks.runtime.context import Context, connections


@flow(name="produce", persist_result=False)  # a name here would replace the one it was given
async def produce(
    task_id: UUID,
    worker: str,
    step: str,
    round: int,  # noqa: A002 - the word of the contract
    attempt: int,
) -> State[Any] | None:
    """Make what is missing of a step that was claimed.

    Args:
        task_id: the video.
        worker: in whose name the step was claimed.
        step: e.g. `composites`.
        round: how often the step was begun anew by a person's decision.
        attempt: how often it was begun in this round.
    """
    ctx = connections()
    work = await read_work(
        ctx, task_id, worker=worker, step=Step(step), round_=round, attempt=attempt
    )
    if work is None:
        return None
    progress = ProgressBar(f"{work.step}-progress")
    outcome = await produce_step(ctx, work, progress)
    if outcome.end is End.WAITING:
        await request_collect(ctx)
    # What a run shows takes three requests, for which the next step need not wait.
    await dispatch_now(ctx)
    await progress.published()
    await _show(ctx, work)
    await deliver_alerts(ctx)
    return _state(outcome)


def _state(outcome: Outcome) -> State[Any] | None:
    """A failure shows in the Prefect UI as one; every other end is a completed run."""
    if outcome.end is not End.FAILED:
        return None
    return Failed(message=outcome.reason)


async def _show(ctx: Context, work: Work) -> None:
    """Publish the table of pieces with their cost, and a link to the card."""
    summary = await read_summary(ctx, work)
    await publish_table(f"{work.step}-pieces", _rows(summary), _headline(work, summary))
    if summary.page_id is not None:
        address = card_address(ctx.settings, summary.page_id)
        await publish_link("card", address, work.title)


def _rows(summary: StepSummary) -> list[dict[str, str]]:
    return [
        as_markdown(
            {
                "piece": f"{piece.kind} {piece.position}" if piece.position else piece.kind,
                "state": "used again" if "used_again" in piece.notes else piece.state,
                "seconds": "" if piece.seconds is None else f"{piece.seconds:.1f}",
                "cost": usd(summary.costs[piece.id]) if piece.id in summary.costs else "",
                "file": piece.path or piece.url or "",
            }
        )
        for piece in summary.pieces
    ]


def _headline(work: Work, summary: StepSummary) -> str:
    total = sum(summary.costs.values(), start=Decimal(0))
    column = STEPS[work.step].done
    return f"{work.name} · {column} · the video has cost {usd(total)}"
