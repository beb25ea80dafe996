"""Start runs of `produce` and `collect`: what `dispatch`, `produce` and `collect` all end with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from flows.runs.requests import announce, request_run
from flows.server.deployment_spec import POOL, PRODUCE
from models.errors import TryAgain
from models.production.steps import Step
from models.settings import Settings
from tasks.production.dispatch import Dispatched, dispatch_steps, offer_again, run_values
from tasks.production.plan import Work
from tasks.runtime.context import Context

log = structlog.get_logger("showrunner.flows")

COLLECT: Final = "collect/collect"
COLLECT_EVERY: Final = timedelta(seconds=10)
_RETRY: Final = timedelta(seconds=30)


async def dispatch_now(ctx: Context) -> Dispatched:
    """Claim every step that may begin, start a run for each, and see that jobs are collected."""
    done = await dispatch_steps(ctx)
    for work in done.begun:
        await _start(ctx, work)
    if done.begun:
        await announce(ctx)
    if done.collects:
        await request_collect(ctx)
    return done


async def _start(ctx: Context, work: Work) -> None:
    """Start the run of a step; without Prefect's server the video is offered again soon."""
    try:
        await request_run(
            deployment_of(ctx.settings, work.step),
            parameters=run_values(work),
            run_name=work.name,
            tags=(work.channel_id, work.step.value),
            key=work.key,
        )
    except TryAgain as error:
        log.warning("run_not_requested", run=work.name, error=str(error))
        await offer_again(ctx, work, _RETRY)


def deployment_of(settings: Settings, step: Step) -> str:
    """Full name of the deployment that makes a step, on the work pool that the settings say."""
    pool = settings.step_pools.get(step)
    return PRODUCE if pool in (None, POOL) else f"{PRODUCE}-{pool}"


async def request_collect(ctx: Context) -> None:
    """Ask for the next run of `collect`, once per `COLLECT_EVERY` however often it is asked for."""
    seconds = COLLECT_EVERY.total_seconds()
    slot = int(ctx.clock().timestamp() // seconds) + 1
    at = datetime.fromtimestamp(slot * seconds, tz=UTC)
    try:
        await request_run(COLLECT, key=f"collect:{slot}", at=at)
    except TryAgain as error:
        log.warning("run_not_requested", run=COLLECT, error=str(error))
