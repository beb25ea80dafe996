"""Ask for runs of our deployments, and show what a run of production makes."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import httpx
import structlog
from prefect.artifacts import (
    acreate_link_artifact,
    acreate_progress_artifact,
    aupdate_progress_artifact,
)
from prefect.client.orchestration import PrefectClient, get_client
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException
from prefect.states import Scheduled

from models.errors import TryAgain
from models.postgres.notify import announce_run
from tasks.runtime.context import Context

log = structlog.get_logger("showrunner.flows")

_DEPLOYMENTS: Final[dict[str, UUID]] = {}
"""Ids by full name, as the server said last."""


async def request_run(
    name: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    run_name: str | None = None,
    tags: Collection[str] = (),
    key: str | None = None,
    at: datetime | None = None,
) -> None:
    """Ask for a run of a deployment.

    Args:
        name: the deployment's, e.g. `produce/produce`.
        run_name: None: Prefect makes one up.
        tags: besides the deployment's.
        key: a second request with the same key makes no run.
        at: when it is to begin; None for now.

    Raises:
        TryAgain: Prefect's server does not answer, or has no such deployment.
    """
    try:
        async with AsyncExitStack() as stack:
            client = await _client(stack)
            if name not in _DEPLOYMENTS:
                _DEPLOYMENTS[name] = (await client.read_deployment_by_name(name)).id
            await client.create_flow_run_from_deployment(
                _DEPLOYMENTS[name],
                parameters=dict(parameters or {}),
                name=run_name,
                tags=tags,
                idempotency_key=key,
                state=Scheduled(scheduled_time=at),
            )
    except (httpx.HTTPError, PrefectException) as error:
        _DEPLOYMENTS.pop(name, None)  # it may have been made again under another id
        raise TryAgain(f"Prefect makes no run of {name}: {type(error).__name__}.") from error


async def _client(stack: AsyncExitStack) -> PrefectClient:
    """The client of the current run, or one for this request."""
    context = FlowRunContext.get()
    if context is not None and isinstance(context.client, PrefectClient):
        return context.client
    return await stack.enter_async_context(get_client())


async def announce(ctx: Context) -> None:
    """Wake the workers, so that requested runs begin at once."""
    async with ctx.engine.begin() as connection:
        await announce_run(connection)


class ProgressBar:
    """The current run's progress artifact: made at the first report, then updated.

    A report waits for no request: it is published meanwhile, unless a newer one replaces it.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._id: UUID | None = None
        self._next: tuple[int, int] | None = None
        self._publishing: asyncio.Task[None] | None = None

    async def __call__(self, done: int, total: int) -> None:
        """Show that so many of so many pieces are there."""
        if FlowRunContext.get() is None or not total:
            return
        self._next = done, total
        if self._publishing is None or self._publishing.done():
            self._publishing = asyncio.create_task(self._publish_all())

    async def published(self) -> None:
        """Return when the last report is shown, or could not be."""
        if self._publishing is not None:
            await self._publishing

    async def _publish_all(self) -> None:
        while self._next is not None:
            (done, total), self._next = self._next, None
            await self._publish(100.0 * done / total, f"{done} of {total} pieces")

    async def _publish(self, percent: float, text: str) -> None:
        try:
            if self._id is None:
                self._id = await acreate_progress_artifact(percent, self._key, text)
            else:
                await aupdate_progress_artifact(self._id, percent, text)
        except (httpx.HTTPError, PrefectException) as error:
            log.warning("progress_not_published", error=type(error).__name__)


async def publish_link(key: str, address: str, text: str) -> None:
    """Show a link on the current run's page."""
    if FlowRunContext.get() is None:
        return
    try:
        await acreate_link_artifact(address, text, key)
    except (httpx.HTTPError, PrefectException) as error:
        log.warning("link_not_published", key=key, error=type(error).__name__)
