"""Settings, read from the environment once. `.env.example` lists exactly these fields (by test).

Names are the environment's, in lower case. Read with `load_settings()` in a program's `main`, then
passed on.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import structlog
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.errors import SettingsError
from models.setting_values import (
    addresses,
    api_address,
    board_id,
    folder,
    header_value,
    is_of_kubernetes,
    listening_host,
    lower,
    one_word,
    postgres_url,
    printable,
    unwrapped,
    upper,
    web_address,
    work_pools,
)

log = structlog.get_logger("showrunner.settings")

FILES: Final = (".env", ".env.local")
"""Files with settings in the working folder.

The second overrides the first, and the environment overrides both.
"""

LOGIN_CURE: Final = "set PREFECT_API_AUTH_STRING to the login of that server, user:password"
"""What to do when Prefect's server refuses the login, or wants one."""

Port = Annotated[int, Field(ge=1, le=65535)]
Days = Annotated[int, Field(ge=1, le=36_500)]
Hours = Annotated[int, Field(ge=1, le=876_000)]
Token = Annotated[SecretStr, AfterValidator(one_word)]

_REACHABLE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
"""By address that means every interface: one of this machine."""


def _local_url(host: str, port: int) -> str:
    return f"http://{_REACHABLE.get(host, host)}:{port}"


class Settings(BaseSettings):
    """Showrunner's settings. An empty variable counts as not set, wherever it stands."""

    model_config = SettingsConfigDict(
        env_file=FILES,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    notion_api_token: Token | None = None
    """The connection's token (`ntn_…` or `secret_…`). Not set: `showrunner up` runs a sandbox board
    instead."""

    notion_database_id: Annotated[str, AfterValidator(board_id)] | None = None
    """Link or id of the board's database, or its data source's id. Needed with a token; the sandbox
    makes its own."""

    notion_data_source: Annotated[str, AfterValidator(printable)] | None = None
    """Name or id of the data source to follow, needed only when the database has several."""

    notion_base_url: Annotated[str, AfterValidator(api_address)] = "https://api.notion.com"
    """Where the API answers; another value is for a sandbox or a proxy."""

    notion_requests_per_second: Annotated[float, Field(gt=0, le=100)] = 3.0
    """Requests a second over all processes. Notion's standard plans allow 3 on average, Business
    and Enterprise 10."""

    notion_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 65.0
    """Seconds to wait for an answer; Notion itself gives up after 60."""

    notion_webhook_secret: Token | None = None
    """The subscription's verification token, the key of `X-Notion-Signature`. Not set: the enrolled
    one."""

    notion_webhook_secret_previous: Token | None = None
    """The secret before the last change, still accepted so that no event is lost; unset it
    afterwards."""

    notion_webhook_enrolment: bool = False
    """Accept one verification token from a new subscription. Set it for the handshake, then unset
    it."""

    automation_webhook_secret: Annotated[SecretStr, AfterValidator(header_value)] | None = None
    """What a database automation's webhook and the flat shape must send as `X-Showrunner-Secret`.
    Not set: refused."""

    database_url: Annotated[SecretStr, AfterValidator(postgres_url)] | None = None
    """PostgreSQL: postgres://, postgresql://, +asyncpg and +psycopg are all taken. Not set: an
    embedded server."""

    database_pool_size: Annotated[int, Field(ge=1, le=100)] = 8
    """Connections one process keeps open. While it works it opens up to ten, however few it keeps:
    locks hold some."""

    channel_configs: Annotated[Path, AfterValidator(folder)] = Path("channel_configs")
    """Folder with one <channel_id>.yaml per channel."""

    state_dir: Annotated[Path, AfterValidator(folder)] = Path(".showrunner")
    """Where what `showrunner up` starts keeps its data: PostgreSQL, Prefect, sandbox, logs."""

    production_dir: Annotated[Path, AfterValidator(folder)] | None = None
    """Where Showrunner's own production keeps its files. Not set: `production` in STATE_DIR."""

    prefect_api_url: Annotated[str, AfterValidator(web_address)] | None = Field(
        default=None, validation_alias=AliasChoices("PREFECT_API_URL")
    )
    """An existing Prefect server, e.g. http://127.0.0.1:4200/api. Not set: `showrunner up` starts
    one."""

    prefect_api_auth_string: Annotated[SecretStr, AfterValidator(printable)] | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "PREFECT_API_AUTH_STRING", "prefect_api_auth_string", "PREFECT_SERVER_API_AUTH_STRING"
        ),
    )
    """`user:password` of a Prefect server that asks for one. PREFECT_SERVER_API_AUTH_STRING, the
    server's name for it, counts too."""

    prefect_port: Port = 4200
    """Port of the Prefect server that `showrunner up` starts."""

    sandbox_port: Port = 8500
    """Port of the sandbox that `showrunner up` starts."""

    studio_port: Port = 8800
    """Port of the emulated services that `showrunner up` starts for a sandbox without keys."""

    receiver_host: Annotated[str, AfterValidator(listening_host)] = "127.0.0.1"
    """Address the webhook receiver listens on; 0.0.0.0 for every interface."""

    receiver_port: Port = 8600
    """Port of the webhook receiver."""

    worker_api_host: Annotated[str, AfterValidator(listening_host)] = "127.0.0.1"
    """Address the worker API listens on, in the receiver's process; 0.0.0.0 for every interface."""

    worker_api_port: Port = 8700
    """Port of the worker API."""

    alert_urls: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(addresses), Field(repr=False)
    ] = ()
    """Apprise URLs (Slack, Discord, e-mail, …), separated by blanks, line ends or commas. A comma
    inside of one stays. Alerts are always logged too."""

    production_daily_budget: Annotated[Decimal, Field(ge=0, le=100_000)] | None = None
    """USD that all channels together may spend in a day (UTC). Not set: no limit."""

    production_work_pools: Annotated[
        tuple[tuple[str, str], ...], NoDecode, BeforeValidator(work_pools)
    ] = ()
    """Steps whose runs go to another work pool of Prefect, e.g. `assembly=heavy`. All others go to
    the pool `showrunner`."""

    retention_events_days: Days = 14
    """Days that processed webhook events are kept. Dead ones wait for the operator and are kept."""

    retention_history_days: Days = 365
    """Days that the history of cards and tasks is kept."""

    retention_idle_runs_hours: Hours = 24
    """Hours that runs without changes stay in Prefect: a day shows that all was quiet, more
    hides the rest."""

    retention_runs_days: Days = 7
    """Days that all other runs stay in Prefect. What they did stays in the history for longer."""

    retention_prefect_events_hours: Hours = 1
    """Hours that the Prefect server which `showrunner up` starts keeps its events: most of what an
    idle run leaves."""

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(upper)] = (
        "INFO"
    )
    """Lowest level that is printed."""

    log_format: Annotated[Literal["auto", "json", "console"], BeforeValidator(lower)] = "auto"
    """auto: coloured lines on a terminal, JSON lines elsewhere."""

    @property
    def production_folder(self) -> Path:
        """The folder of production's files."""
        return (self.production_dir or self.state_dir / "production").absolute()

    @property
    def step_pools(self) -> dict[str, str]:
        """The work pool of each step that has another one than `showrunner`."""
        return dict(self.production_work_pools)

    @property
    def receiver_url(self) -> str:
        """The address of the webhook receiver on this machine."""
        return _local_url(self.receiver_host, self.receiver_port)

    @property
    def worker_api_url(self) -> str:
        """The address of the worker API on this machine."""
        return _local_url(self.worker_api_host, self.worker_api_port)

    @property
    def prefect_login(self) -> tuple[str, str] | None:
        """User and password for Prefect's server; None when it asks for none."""
        given = self.prefect_api_auth_string
        if given is None:
            return None
        user, _, password = given.get_secret_value().partition(":")
        return user, password

    @model_validator(mode="before")
    @classmethod
    def _normalized(cls, given: Any) -> Any:
        """Strip blanks and quotes from values; drop empty ones and those that Kubernetes set."""
        if not isinstance(given, dict):
            return given
        kept = {}
        for name, raw in given.items():
            value = unwrapped(raw) if isinstance(raw, str) else raw
            if value != "" and not _is_kubernetes_variable(name, value):
                kept[name] = value
        return kept


_warned: set[str] = set()


def _is_kubernetes_variable(name: str, value: Any) -> bool:
    """Whether Kubernetes set it, for a service of that name; logged once per process."""
    if not (name.lower().endswith("_port") and is_of_kubernetes(value)):
        return False
    if name not in _warned:
        _warned.add(name)
        log.warning(
            "setting_ignored",
            setting=name.upper(),
            reason="Kubernetes made it for a service of that name",
        )
    return True


def load_settings(**overrides: Any) -> Settings:
    """Load the settings from the environment, `.env.local` and `.env`.

    Raises:
        SettingsError: naming each variable that is wrong, why, and never its value.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        faults = "; ".join(
            f"{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False)
        )
        raise SettingsError(f"Settings are wrong: {faults}. See .env.example.") from None
