"""The checks of `showrunner doctor`, run at the same time and listed in a fixed order."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from cli.commands.production.makers import makers_check
from cli.stack.running_stack import WAIT, busy_with, running, settings_here
from models.errors import ChannelConfigError, GiveUp, SettingsError
from models.operations.health.check import Check, State, checked, failed, failure, skipped, warning
from models.operations.health.disk import existing, judge_disks, one_per_disk
from models.operations.health.rules import (
    judge_cards,
    judge_clocks,
    judge_cycle,
    judge_inbox,
    judge_incidents,
    judge_webhook,
    skew_of,
)
from models.operations.known_problems import PROBLEMS
from models.operations.production import judge_production
from models.settings import Settings, load_settings
from models.tables.incidents import IncidentKind
from tasks.notion.rate_limit import counting_requests
from tasks.operations.health import (
    START,
    DatabaseFacts,
    prefect_api,
    prefect_server,
    read_database,
    run_check,
    webhook_receiver,
    worker_api,
)
from tasks.operations.health_notion import NotionFacts, channels_of, read_notion
from tasks.runtime.clock import Clock

ORDER: Final = (
    "settings",
    "disk",
    "channels",
    "database",
    "migrations",
    "Prefect server",
    "deployments",
    "worker",
    "limits",
    "token",
    "capabilities",
    "board",
    "webhook receiver",
    "webhook",
    "worker API",
    "last good cycle",
    "inbox",
    "cards",
    "production",
    "makers",
    "alerts",
    "clock",
)
"""Every check in the order of the output: a check comes after those that it depends on."""
_PREFECT: Final = ("deployments", "worker", "limits")
_MEND_FILES: Final = PROBLEMS[IncidentKind.CHANNEL_FILE].cure
_LOADING_SECONDS: Final = 9.0
"""Prefect's client takes seconds to load; each check then has a time limit of its own."""
_HTTP_SECONDS: Final = 4.0
_NOTION_DATE: Final = timedelta(seconds=1)
"""Notion's Date header is cut to the second."""


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """What was found, in the order of `ORDER`."""

    checks: tuple[Check, ...]
    notion_requests: int

    @property
    def ok(self) -> bool:
        """Whether nothing is red."""
        return not any(check.state is State.FAIL for check in self.checks)


async def checkup(clock: Clock) -> Checkup:
    """Run every check.

    It never raises, writes nothing, and takes about ten seconds when nothing answers.
    """
    try:
        settings, first = _settings()
    except SettingsError as error:
        cure = "Mend them in the environment or .env; .env.example says what each one means."
        wrong = failed("settings", str(error).removesuffix(" See .env.example."), cure)
        return _only_settings(wrong, "the settings are wrong")
    busy = busy_with(settings.state_dir)
    if busy is not None:
        wrong = failed("settings", busy, WAIT)
        return _only_settings(wrong, busy)
    with counting_requests() as requests:
        parts = await asyncio.gather(
            _database_and_notion(settings, clock),
            _prefect(settings, clock),
            run_check(["webhook receiver"], _HTTP_SECONDS, _only(webhook_receiver(settings))),
            run_check(["worker API"], _HTTP_SECONDS, _only(worker_api(settings))),
            run_check(["disk"], _HTTP_SECONDS, _only(_disk(settings))),
        )
    return _in_order([*first, *(check for part in parts for check in part)], requests.total)


def _only_settings(wrong: Check, why: str) -> Checkup:
    """The output when `settings` is wrong and nothing else can be checked yet."""
    return _in_order([wrong, *(skipped(name, why) for name in ORDER[1:])], 0)


def _in_order(checks: Sequence[Check], requests: int) -> Checkup:
    ordered = sorted(checks, key=lambda check: ORDER.index(check.name))
    return Checkup(checks=tuple(ordered), notion_requests=requests)


def _settings() -> tuple[Settings, list[Check]]:
    """The settings, and the checks of them.

    Raises:
        SettingsError: when one is malformed.
    """
    try:
        settings = settings_here()
    except SettingsError:
        raise
    except GiveUp:
        settings = load_settings()
        wrong = (
            "no `showrunner up` runs in this folder, and DATABASE_URL and NOTION_API_TOKEN are "
            "not both set"
        )
        return settings, [failed("settings", wrong, START)]
    found = []
    if settings.notion_database_id is None:
        cure = "Set NOTION_DATABASE_ID to the link of the board's database."
        found.append(failure("NOTION_API_TOKEN is set, NOTION_DATABASE_ID is not", cure))
    real = settings.notion_base_url == Settings.model_fields["notion_base_url"].default
    if real and not settings.alert_urls:
        cure = "Set ALERT_URLS: Slack, Discord, e-mail, … (.env.example)."
        found.append(warning("alerts reach nobody: ALERT_URLS is empty", cure))
    whose = "of the environment and .env"
    if running(settings.state_dir):
        whose = "of the `showrunner up` that runs here"
    board = "Notion" if real else f"Notion at {settings.notion_base_url}"
    return settings, [checked("settings", f"{whose}; {board}", found)]


def _channels(settings: Settings, database: DatabaseFacts) -> Check:
    try:
        folder = channels_of(settings, database)
    except ChannelConfigError as error:
        return failed("channels", str(error).rstrip("."), _MEND_FILES)
    channels = sorted(folder.channels)
    wrong = [failure(str(fault).rstrip("."), _MEND_FILES) for fault in folder.faults]
    return checked("channels", f"{len(channels)}: {', '.join(channels)}", wrong, channels=channels)


async def _disk(settings: Settings) -> Check:
    def left() -> dict[Path, int]:
        folders = one_per_disk([settings.production_folder, settings.state_dir.absolute()])
        return {folder: shutil.disk_usage(existing(folder)).free for folder in folders}

    return judge_disks(await asyncio.to_thread(left))


async def _only(check: Coroutine[Any, Any, Check]) -> list[Check]:
    return [await check]


async def _database_and_notion(settings: Settings, clock: Clock) -> list[Check]:
    async with read_database(settings, clock) as database:
        notion = await read_notion(settings, database, clock)
        return [
            _channels(settings, database),
            *database.checks,
            *notion.checks,
            *_signs_of_life(settings, database, clock),
            *await run_check(["makers"], _HTTP_SECONDS, _only(makers_check(settings, database))),
            _clock(database, notion),
        ]


def _signs_of_life(settings: Settings, database: DatabaseFacts, clock: Clock) -> list[Check]:
    health, now = database.health, clock()
    if health is None:
        return [
            skipped(name, database.missing)
            for name in ("webhook", "last good cycle", "inbox", "cards", "production", "alerts")
        ]
    secrets = (settings.notion_webhook_secret, settings.automation_webhook_secret)
    return [
        judge_webhook(
            secret=any(secret is not None for secret in secrets),
            enrolled=health.tokens.secret is not None,
            waiting=len(health.tokens.candidates),
            enrolment_open=settings.notion_webhook_enrolment,
            last_event=health.last_event,
            address=f"{settings.receiver_url}/webhook/notion",
            now=now,
        ),
        judge_cycle(health.last_good_cycle, running=database.running, now=now),
        judge_inbox(health.events, health.due_since, now),
        judge_cards(health.failing, health.incidents, health.unmade),
        judge_production(health.production),
        judge_incidents(health.incidents),
    ]


def _clock(database: DatabaseFacts, notion: NotionFacts) -> Check:
    skews = {}
    if database.server is not None:
        server, began, ended = database.server
        skews["PostgreSQL"] = skew_of(began, ended, server.clock, server.clock)
    if notion.clock is not None:
        theirs, began, ended = notion.clock
        skews["Notion"] = skew_of(began, ended, theirs, theirs + _NOTION_DATE)
    if not skews:
        return skipped("clock", "nobody answered who has another one")
    return judge_clocks(skews)


async def _prefect(settings: Settings, clock: Clock) -> list[Check]:
    of_up = running(settings.state_dir) is not None and load_settings().prefect_api_url is None
    asked = _only(prefect_server(settings, of_up=of_up))
    server = await run_check(["Prefect server"], _HTTP_SECONDS, asked)
    if "version" not in server[0].details:
        return [*server, *(skipped(name, "no Prefect server") for name in _PREFECT)]
    return [*server, *await run_check(_PREFECT, _LOADING_SECONDS, _prefect_holds(settings, clock))]


def _load() -> Callable[..., Coroutine[Any, Any, list[Check]]]:
    from flows.server.health import prefect_checks  # noqa: PLC0415 - loads Prefect

    return prefect_checks


async def _prefect_holds(settings: Settings, clock: Clock) -> list[Check]:
    # Importing Prefect takes seconds: do it while the other checks run.
    prefect_checks = await asyncio.to_thread(_load)
    auth = settings.prefect_api_auth_string
    return await prefect_checks(
        prefect_api(settings),
        auth=auth.get_secret_value() if auth is not None else None,
        worker_log=settings.state_dir / "logs" / "worker.log",
        now=clock(),
    )
