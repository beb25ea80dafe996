"""What `prefect.yaml` declares, read as Prefect's own `prefect deploy` reads it: the part of its format that we use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import GiveUp

PREFECT_YAML: Final = Path(__file__).resolve().parents[2] / "prefect.yaml"
"""Our own, in a checkout and in an installed wheel alike."""


class _Strict(BaseModel):
    """Prefect ignores keys that it does not know; a misspelt one would be found weeks later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pool(_Strict):
    """Which work pool runs it."""

    name: str


class Limit(_Strict):
    """How many runs at once, and what becomes of one more."""

    limit: Annotated[int, Field(gt=0)]
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"]


class Schedule(_Strict):
    """When it runs: every `interval` seconds from the anchor, or by `cron`."""

    interval: Annotated[float, Field(gt=0)] | None = None
    anchor_date: str | None = None
    cron: str | None = None
    timezone: str
    slug: str

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.interval is None) == (self.cron is None):
            raise ValueError("a schedule has either an interval or a cron line")
        if self.interval is not None and self.anchor_date is None:
            # Prefect would take the moment of the deployment, and a new one each time.
            raise ValueError("an interval needs an anchor_date")
        return self

    def for_prefect(self) -> DeploymentScheduleCreate:
        """As Prefect's API takes it."""
        schedule: IntervalSchedule | CronSchedule
        if self.cron is not None:
            schedule = CronSchedule(cron=self.cron, timezone=self.timezone)
        else:
            schedule = IntervalSchedule.model_validate(
                {
                    "interval": self.interval,
                    "anchor_date": self.anchor_date,
                    "timezone": self.timezone,
                }
            )
        return DeploymentScheduleCreate(schedule=schedule, slug=self.slug)


class Declared(_Strict):
    """One deployment of `prefect.yaml`."""

    name: str
    entrypoint: str
    description: str
    tags: tuple[str, ...]
    concurrency_limit: Limit
    work_pool: Pool
    schedules: tuple[Schedule, ...] = ()
    parameters: dict[str, Any] = {}

    def options(self) -> ConcurrencyOptions:
        """What becomes of a run over the limit, as Prefect's API takes it."""
        return ConcurrencyOptions.model_validate(
            {"collision_strategy": self.concurrency_limit.collision_strategy}
        )

    def is_as_declared(
        self, there: DeploymentResponse, parameter_schema: dict[str, Any] | None
    ) -> bool:
        """Whether the deployment on the server has everything that is declared, and no pull step.

        What people may change by hand is not looked at: whether it or one of its schedules is
        paused.

        Args:
            parameter_schema: of the flow's function; None when nobody needs it compared, because
                that loads the flow.
        """
        limit = there.global_concurrency_limit
        strategy = (
            there.concurrency_options.collision_strategy if there.concurrency_options else None
        )
        return (
            (
                there.entrypoint,
                there.description,
                sorted(there.tags),
                there.parameters,
                there.work_pool_name,
            )
            == (
                self.entrypoint,
                self.description,
                sorted(self.tags),
                self.parameters,
                self.work_pool.name,
            )
            and limit is not None
            and (limit.limit, strategy)
            == (self.concurrency_limit.limit, self.concurrency_limit.collision_strategy)
            and parameter_schema in (None, there.parameter_openapi_schema)
            and not there.pull_steps
            and not there.job_variables
            and _times(there.schedules)
            == _times([schedule.for_prefect() for schedule in self.schedules])
        )


def _times(schedules: Any) -> list[str]:
    return sorted(f"{each.slug} {each.schedule.model_dump_json()}" for each in schedules)


class _File(BaseModel):
    """The file; `definitions` and other keys at its top are not ours to judge."""

    pull: list[Any]
    deployments: Annotated[tuple[Declared, ...], Field(min_length=1)]


def read_declared(path: Path = PREFECT_YAML) -> tuple[Declared, ...]:
    """The deployments of a `prefect.yaml`, in its order.

    Raises:
        GiveUp: the file cannot be read or says something that we do not understand; the message
            lists every fault.
    """
    try:
        read = _File.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise GiveUp(f"{path} cannot be read: {error}.") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise GiveUp(f"{path} is wrong: {faults}.") from error
    if read.pull:
        raise GiveUp(
            f"{path} declares pull steps; our flows are installed, so it must say `pull: []`."
        )
    return read.deployments
