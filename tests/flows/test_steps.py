"""What a step of ours is inside a flow run: recorded, and repeated when that may help."""

from __future__ import annotations

from uuid import UUID

import pytest
from kit.waiting import until
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterFlowRunId
from prefect.client.schemas.objects import TaskRun
from prefect.runtime import flow_run

from models.errors import GiveUp, NotionAuthError, NotionUnavailable
from tasks.runtime.prefect_task import RETRIES, step
from tasks.runtime.report import Report

TRIES: list[str] = []


@step("fragile", holds="fragile {what}")
async def fragile(what: str, failures: int, error: Exception, report: Report) -> int:
    TRIES.append(what)
    if len(TRIES) <= failures:
        raise error
    report.pushed += 1
    return len(TRIES)


# Without the waits between the repetitions, which are the same otherwise.
fragile.task = fragile.task.with_options(retry_delay_seconds=0, retry_jitter_factor=None)


@flow
async def using(failures: int, error: Exception, report: Report) -> tuple[str, int]:
    return str(flow_run.id), await fragile("cards", failures, error, report)


async def task_run_of(run_id: str) -> TaskRun | None:
    """The run's task run, once Prefect's server has stored it with its name."""
    of_run = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[UUID(run_id)]))
    async with get_client() as client:
        found = await client.read_task_runs(task_run_filter=of_run)
    return found[0] if found and found[0].name == "fragile cards" else None


@pytest.fixture(autouse=True)
def _no_tries(prefect_api: str) -> None:
    assert prefect_api
    TRIES.clear()


async def test_what_trying_again_can_mend_is_tried_again_and_the_report_is_the_callers() -> None:
    report = Report()
    run_id, tries = await using(len(RETRIES), NotionUnavailable("busy"), report)
    assert (tries, report.pushed) == (3, 1)
    task_run = await until(lambda: task_run_of(run_id))
    assert task_run.name == "fragile cards"
    assert set(task_run.task_inputs) == {"what"}, "no connections, reports or errors"


@pytest.mark.parametrize(
    "error", [NotionAuthError("wrong token"), GiveUp("never"), ValueError("a bug")]
)
async def test_what_trying_again_cannot_mend_is_tried_once_and_keeps_its_class(
    error: Exception,
) -> None:
    with pytest.raises(type(error)):
        await using(9, error, Report())
    assert len(TRIES) == 1
