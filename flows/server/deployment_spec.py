"""The deployments that `prefect.yaml` declares, in the part of Prefect's format that we use."""

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


POOL: Final = "showrunner"
"""Name of the work pool of our deployments and workers."""
PRODUCE: Final = "produce/produce"
"""Full name of the deployment that makes a step of a video."""


class _Strict(BaseModel):
    """A model that refuses unknown keys. Prefect ignores them, misspelt ones too."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pool(_Strict):
    """The work pool that runs a deployment."""

    name: str


class Limit(_Strict):
    """How many runs at once, and what happens to one more."""

    limit: Annotated[int, Field(gt=0)]
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"]


class Schedule(_Strict):
    """When a deployment runs: every `interval` seconds from the anchor, or by `cron`."""

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
            # Without one Prefect takes the moment of the deployment, a new one each time.
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

    @property
    def full_name(self) -> str:
        """The deployment's name in Prefect: `flow/deployment`.

        A flow without a name of its own has its function's, with dashes for underscores (Prefect's
        rule).
        """
        function = self.entrypoint.rpartition(":")[2]
        return f"{function.replace('_', '-')}/{self.name}"

    def on_pool(self, name: str) -> Declared:
        """The same on another work pool, under a name of its own."""
        changes = {"name": f"{self.name}-{name}", "work_pool": Pool(name=name)}
        return self.model_copy(update=changes)

    def options(self) -> ConcurrencyOptions:
        """What happens to a run over the limit, as Prefect's API takes it."""
        return ConcurrencyOptions.model_validate(
            {"collision_strategy": self.concurrency_limit.collision_strategy}
        )

    def matches(
        self, existing: DeploymentResponse, parameter_schema: dict[str, Any] | None
    ) -> bool:
        """Whether the deployment on the server has everything that is declared, and no pull step.

        Whether it or one of its schedules is paused is not compared: users change that by hand.

        Args:
            parameter_schema: of the flow's function; None leaves it out of the comparison, because
                reading it loads the flow.
        """
        return (
            _facts_of(existing) == self._facts()
            and parameter_schema in (None, existing.parameter_openapi_schema)
            and not existing.pull_steps
            and not existing.job_variables
        )

    def _facts(self) -> tuple[object, ...]:
        return (
            self.entrypoint,
            self.description,
            sorted(self.tags),
            self.parameters,
            self.work_pool.name,
            self.concurrency_limit.limit,
            self.concurrency_limit.collision_strategy,
            _schedules([schedule.for_prefect() for schedule in self.schedules]),
        )


def _facts_of(existing: DeploymentResponse) -> tuple[object, ...]:
    limit, options = existing.global_concurrency_limit, existing.concurrency_options
    return (
        existing.entrypoint,
        existing.description,
        sorted(existing.tags),
        existing.parameters,
        existing.work_pool_name,
        limit.limit if limit else None,
        options.collision_strategy if options else None,
        _schedules(existing.schedules),
    )


def _schedules(schedules: Any) -> list[str]:
    return sorted(f"{each.slug} {each.schedule.model_dump_json()}" for each in schedules)


class _File(BaseModel):
    """The file. `definitions` and other keys at its top are allowed."""

    pull: list[Any]
    deployments: Annotated[tuple[Declared, ...], Field(min_length=1)]


def read_declared(path: Path = PREFECT_YAML) -> tuple[Declared, ...]:
    """Read the deployments of a `prefect.yaml`, in its order.

    Raises:
        GiveUp: the file cannot be read, or has keys or values that are not supported; the message
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
