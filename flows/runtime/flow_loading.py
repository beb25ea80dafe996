"""Import a deployment's flow once per process, from the packages that a worker may run."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from typing import Any, Final

from prefect.client.schemas.objects import FlowRun
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH
from prefect.workers.base import BaseJobConfiguration

_ENTRYPOINT: Final = re.compile(r"(?P<package>[A-Za-z_]\w*)(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
"""`package.module:flow`. Prefect also accepts a file's path, and runs whatever the file holds."""

_loaded: dict[str, Flow[..., Any]] = {}
"""Of the process, not of a worker: two workers in one process share its modules."""


class WarmJobConfiguration(BaseJobConfiguration):
    """What a run needs to start: the entrypoint of its flow.

    There is no command, image or environment to choose.
    """

    entrypoint: str | None = None

    def prepare_for_flow_run(
        self, flow_run: FlowRun, deployment: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        """Keep the entrypoint of the deployment that Prefect has just read."""
        super().prepare_for_flow_run(flow_run, deployment, *args, **kwargs)
        self.entrypoint = deployment.entrypoint if deployment is not None else None


async def load_flow(entrypoint: str | None, packages: Collection[str]) -> Flow[..., Any]:
    """Load the flow of an entrypoint such as `flows.push:push`; the second call is free.

    Args:
        entrypoint: the deployment's; None when the run has no deployment.
        packages: Python packages whose flows may be loaded.

    Raises:
        ValueError: no entrypoint, or one outside of the packages.
        TypeError: the flow is not async.
        Exception: whatever the import of its module raises.
    """
    if not entrypoint:
        raise ValueError(
            "The run has no deployment with an entrypoint; "
            "the warm worker runs installed flows only."
        )
    named = _ENTRYPOINT.fullmatch(entrypoint)
    if named is None or named["package"] not in packages:
        allowed = ", ".join(sorted(packages))
        raise ValueError(f"{entrypoint!r} is no flow of {allowed}; the warm worker runs no others.")
    if entrypoint not in _loaded:
        _loaded[entrypoint] = await _import_flow(entrypoint)
    return _loaded[entrypoint]


async def _import_flow(entrypoint: str) -> Flow[..., Any]:
    # In a thread: a first import takes seconds, during which other runs go on.
    flow: Flow[..., Any] = await asyncio.to_thread(
        load_flow_from_entrypoint, entrypoint, use_placeholder_flow=False
    )
    if not flow.isasync or flow.isgenerator:
        raise TypeError(
            f"{entrypoint} is not an async flow; the warm worker would stand still while it runs."
        )
    if flow.result_storage is not None:
        return flow
    # Without a result storage the engine asks the server for one, twice in every run, and blocks
    # the event loop meanwhile.
    return flow.with_options(
        result_storage=PREFECT_LOCAL_STORAGE_PATH.value(),
        persist_result=bool(flow.persist_result),
    )
