"""Everything read from the environment, once. `.env.example` lists exactly these fields (by test).

Names are the environment's, in lower case. Read with `load_settings()` in a program's `main`, then passed on.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.errors import SettingsError


class Settings(BaseSettings):
    """Showrunner's settings. An empty variable counts as not set."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    notion_api_token: SecretStr | None = None
    """The connection's token (`ntn_…` or `secret_…`). Not set: `showrunner up` runs a sandbox board instead."""

    notion_database_id: str | None = None
    """Id of the board's database, or its whole URL. Needed with a real token; the sandbox makes its own."""

    notion_data_source: str | None = None
    """Name or id of the data source to follow, needed only when the database has several."""

    notion_base_url: str = "https://api.notion.com"
    """Where the API answers; another value is for a sandbox or a proxy."""

    notion_requests_per_second: Annotated[float, Field(gt=0, le=100)] = 3.0
    """Requests a second over all processes. Notion's standard plans allow 3 on average, Business and Enterprise 10."""

    notion_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 65.0
    """Seconds to wait for an answer; Notion itself gives up after 60."""

    notion_webhook_secret: SecretStr | None = None
    """The subscription's verification token, the key of `X-Notion-Signature`. Not set: the enrolled one."""

    notion_webhook_secret_previous: SecretStr | None = None
    """The secret before the last change, still accepted so that a change loses nothing; unset it afterwards."""

    notion_webhook_enrolment: bool = False
    """Accept one verification token from a new subscription. Open it for the handshake, then close it again."""

    automation_webhook_secret: SecretStr | None = None
    """What a database automation's webhook and the flat shape must send as `X-Showrunner-Secret`. Not set: refused."""

    database_url: SecretStr | None = None
    """PostgreSQL: postgres://, postgresql://, +asyncpg and +psycopg are all taken. Not set: an embedded server."""

    database_pool_size: Annotated[int, Field(ge=1, le=100)] = 8
    """Connections one process keeps at most."""

    channel_configs: Path = Path("channel_configs")
    """Folder with one <channel_id>.yaml per channel."""

    state_dir: Path = Path(".showrunner")
    """Where what `showrunner up` starts keeps its data: PostgreSQL, Prefect, sandbox, logs."""

    prefect_api_url: str | None = Field(default=None, validation_alias=AliasChoices("PREFECT_API_URL"))
    """An existing Prefect server, e.g. http://127.0.0.1:4200/api. Not set: `showrunner up` starts one."""

    prefect_api_auth_string: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "PREFECT_API_AUTH_STRING", "prefect_api_auth_string", "PREFECT_SERVER_API_AUTH_STRING"
        ),
    )
    """`user:password` of a Prefect server that asks for one. PREFECT_SERVER_API_AUTH_STRING, the server's name for it,
    counts too."""

    prefect_port: Annotated[int, Field(ge=1, le=65535)] = 4200
    """Port of the Prefect server that `showrunner up` starts."""

    sandbox_port: Annotated[int, Field(ge=1, le=65535)] = 8500
    """Port of the sandbox that `showrunner up` starts."""

    door_host: str = "127.0.0.1"
    """Address the webhook door listens on; 0.0.0.0 for every interface."""

    door_port: Annotated[int, Field(ge=1, le=65535)] = 8600
    """Port of the webhook door."""

    alert_urls: Annotated[tuple[str, ...], NoDecode, Field(repr=False)] = ()
    """Apprise URLs (Slack, Discord, e-mail, …), separated by commas or blanks. Alerts are always logged too."""

    retention_events_days: Annotated[int, Field(ge=1)] = 14
    """Days that processed webhook events are kept. Dead ones wait for the operator and are kept."""

    retention_history_days: Annotated[int, Field(ge=1)] = 365
    """Days that the history of cards and tasks is kept."""

    retention_idle_runs_hours: Annotated[int, Field(ge=1)] = 24
    """Hours that runs with nothing to do stay in Prefect: a day shows that all was quiet, more hides the rest."""

    retention_runs_days: Annotated[int, Field(ge=1)] = 7
    """Days that all other runs stay in Prefect. What they did stays in the history for longer."""

    retention_prefect_events_hours: Annotated[int, Field(ge=1)] = 1
    """Hours that the Prefect server which `showrunner up` starts keeps its events: most of what an idle run leaves."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level that is printed."""

    log_format: Literal["auto", "json", "console"] = "auto"
    """auto: coloured lines on a terminal, JSON lines elsewhere."""

    @property
    def prefect_login(self) -> tuple[str, str] | None:
        """User and password for Prefect's server; None when it asks for none."""
        given = self.prefect_api_auth_string
        if given is None:
            return None
        user, _, password = given.get_secret_value().partition(":")
        return user, password

    @field_validator("alert_urls", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("notion_database_id", mode="after")
    @classmethod
    def _id_of_url(cls, value: str | None) -> str | None:
        """Notion's URLs end in the 32 digits of the id, with or without dashes, before any query."""
        if value is None or "/" not in value:
            return value
        found = re.search(r"[0-9a-f]{32}$", re.split(r"[?#]", value)[0].rstrip("/").replace("-", ""), re.IGNORECASE)
        if found is None:
            raise ValueError("the address does not end in the 32 digits of a database's id")
        return found[0]


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process's environment and `.env`.

    Raises:
        SettingsError: naming each variable that is wrong, why, and never its value.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        faults = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False))
        raise SettingsError(f"Settings are wrong: {faults}. See .env.example.") from None
