"""Where a command finds what `showrunner up` runs: the settings it started everything with."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import psutil

from models.errors import GiveUp
from models.settings import Settings, load_settings

FACTS = "up.json"


def write_facts(state_dir: Path, environment: Mapping[str, str]) -> None:
    """Leave the settings of a running `up` for other commands. Only the owner may read them: some are secret."""
    path = state_dir / FACTS
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"pid": os.getpid(), "environment": dict(environment)}, file)
    draft.replace(path)


def remove_facts(state_dir: Path) -> None:
    """Nothing runs any more."""
    (state_dir / FACTS).unlink(missing_ok=True)


def running(state_dir: Path) -> dict[str, str] | None:
    """The settings of the `up` that runs here; None when none does."""
    try:
        facts = json.loads((state_dir / FACTS).read_text())
        pid, environment = int(facts["pid"]), dict(facts["environment"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return environment if psutil.pid_exists(pid) and pid != os.getpid() else None


def among_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that are settings of ours, by the settings' names."""
    return {name.lower(): value for name, value in environment.items() if name.lower() in Settings.model_fields}


def settings_here(*, without_database: bool = False) -> Settings:
    """This command's settings: the environment's and `.env`, completed by what `showrunner up` is running with.

    Args:
        without_database: a token is enough, for what an operator does before there is a database.

    Raises:
        SettingsError: when a setting is malformed.
        GiveUp: when what the command needs is not set and no `up` is running.
    """
    settings = load_settings()
    if settings.database_url is not None and settings.notion_api_token is not None:
        return settings
    environment = running(settings.state_dir)
    if environment is None and without_database and settings.notion_api_token is not None:
        return settings
    if environment is None and without_database:
        raise GiveUp("No Notion to work on: set NOTION_API_TOKEN, or start `showrunner up` in this folder first.")
    if environment is None:
        raise GiveUp(
            "Nothing to work on: start `showrunner up` in this folder first, or set DATABASE_URL, NOTION_API_TOKEN and "
            "NOTION_DATABASE_ID."
        )
    given = settings.model_dump(exclude_unset=True)
    return Settings(**{**among_settings(environment), **given})
