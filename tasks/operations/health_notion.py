"""Check Notion: the token, its capabilities, the board.

Two requests, three before a board was ever read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from models.errors import (
    BoardError,
    ChannelConfigError,
    NotionAuthError,
    NotionIntegrationError,
    NotionPageNotFound,
    SettingsError,
)
from models.operations.health.check import (
    Check,
    Finding,
    State,
    checked,
    failed,
    skipped,
    warning,
)
from models.operations.health.rules import judge_capabilities
from models.operations.known_problems import PROBLEMS
from models.production.config import check_block
from models.rules.board_schema import Board, read_board
from models.rules.channels import ChannelFolder, channel_named, read_channels_in_force
from models.rules.formatting import utc_time
from models.settings import Settings
from models.tables.incidents import IncidentKind
from tasks.board.find import find_board
from tasks.board.followed import board_lost, check_same_board
from tasks.notion.client import NotionClient
from tasks.notion.shared_rate_limit import SharedBudget
from tasks.operations.health import DatabaseFacts, run_check
from tasks.runtime.clock import Clock

NOTION_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 4.0
_HELD: Final = timedelta(seconds=3)
"""Cycles reserve slots about one second ahead. Further ahead, Notion itself asked for a pause."""
NAMES: Final = ("token", "capabilities", "board")
_NO_ACCESS = (
    "In Notion: ••• of the board → Connections → add the connection; "
    "or set NOTION_DATABASE_ID right."
)
_MEND = "Mend the board in Notion; the next cycle reads it anew."


@dataclass(frozen=True, kw_only=True)
class NotionFacts:
    """What was read from Notion.

    Attributes:
        checks: `token`, `capabilities`, `board`.
        clock: Notion's time, and the times by our clock before and after it was read; None without
            an answer.
    """

    checks: tuple[Check, ...]
    clock: tuple[datetime, datetime, datetime] | None = None


async def read_notion(settings: Settings, database: DatabaseFacts, clock: Clock) -> NotionFacts:
    """Check token, capabilities and board with as few requests as possible."""
    if settings.notion_api_token is None:
        return _skip_all("no NOTION_API_TOKEN, and no `showrunner up` runs here")
    until = database.held_until
    if until is not None and until - clock() > _HELD:
        return _skip_all(f"Notion asked to be left alone until {utc_time(until)}")
    rate = settings.notion_requests_per_second
    budget = None
    if database.sessions is not None and database.health is not None:
        budget = SharedBudget(database.sessions, rate)
    client = NotionClient(
        settings.notion_api_token.get_secret_value(),
        per_second=rate,
        budget=budget,
        base_url=settings.notion_base_url,
        timeout=_ANSWER_SECONDS,
    )
    try:
        return await _check(client, settings, database, clock)
    finally:
        await client.aclose()


def _skip_all(why: str) -> NotionFacts:
    return NotionFacts(checks=tuple(skipped(name, why) for name in NAMES))


async def _check(
    client: NotionClient, settings: Settings, database: DatabaseFacts, clock: Clock
) -> NotionFacts:
    answered: list[tuple[datetime, datetime, datetime]] = []

    async def token() -> list[Check]:
        began = clock()
        check = await _token(client, settings)
        if client.server_time is not None:
            answered.append((client.server_time, began, clock()))
        return [check]

    outage = _outage(settings)
    (who,), (board,) = await asyncio.gather(
        run_check(["token"], NOTION_SECONDS, token(), outage),
        run_check(["board"], NOTION_SECONDS, _board(client, settings, database), outage),
    )
    if who.state is State.FAIL:
        others = (skipped(name, "the token does not work") for name in NAMES[1:])
        return NotionFacts(checks=(who, *others))
    return NotionFacts(
        checks=(who, _capabilities(board, database, clock()), board),
        clock=next(iter(answered), None),
    )


async def _token(client: NotionClient, settings: Settings) -> Check:
    try:
        me = await client.me()
    except NotionAuthError as error:
        cure = (
            "In Notion: Settings → Connections → Develop or manage connections → copy the token; "
            "set NOTION_API_TOKEN to it and restart."
        )
        return failed("token", str(error), cure)
    except NotionIntegrationError as error:
        return failed("token", str(error), _outage(settings))
    name, bot = me.get("name"), me.get("bot") or {}
    workspace = str(bot.get("workspace_name") or "unnamed")
    facts = f"bot “{name}” in the workspace “{workspace}”"
    return checked("token", facts, bot=name, bot_id=me.get("id"), workspace=workspace)


def _outage(settings: Settings) -> str:
    return (
        f"Is {settings.notion_base_url} reachable from here? "
        "status.notion.so tells of outages; nothing is lost."
    )


def _capabilities(board: Check, database: DatabaseFacts, now: datetime) -> Check:
    if database.health is None:
        return skipped("capabilities", database.missing)
    if "schema_read" not in board.details:
        return skipped("capabilities", "the board could not be read")
    return judge_capabilities(database.health.incidents, database.health.last_write, now)


async def _board(client: NotionClient, settings: Settings, database: DatabaseFacts) -> list[Check]:
    stored = database.health.board if database.health is not None else None
    if settings.notion_database_id is None and stored is None:
        cure = "Copy the link of the board's database into it."
        return [failed("board", "NOTION_DATABASE_ID is not set", cure)]
    try:
        if stored is not None:
            check_same_board(stored, settings)
        raw = await _data_source(client, settings, stored)
    except NotionAuthError as error:
        return [failed("board", str(error), "Give the connection the capability to read content.")]
    except SettingsError as error:
        cure = "Set the settings back, or `showrunner forget-board`."
        return [failed("board", str(error).rstrip("."), cure)]
    except BoardError as error:
        if database.health is None:
            return [skipped("board", database.missing)]
        return [failed("board", str(error).rstrip("."), _NO_ACCESS)]
    except NotionIntegrationError as error:
        return [failed("board", str(error), _outage(settings))]
    known = Board.from_json(stored["board"]) if stored is not None else None
    try:
        board = read_board(raw, known)
    except BoardError as error:
        if database.health is None:  # The property may be there under another name.
            return [skipped("board", database.missing)]
        return [failed("board", str(error).rstrip("."), _MEND)]
    findings = _option_findings(board, settings, database)
    facts = (
        f"followed by the sync; {len(raw['properties'])} properties, "
        "every status and channel has its option"
    )
    return [checked("board", facts, findings, schema_read=True, data_source_id=raw["id"])]


def channels_of(settings: Settings, database: DatabaseFacts) -> ChannelFolder:
    """The channels in force, as far as the database holds what the last cycle read.

    Raises:
        ChannelConfigError: when none can be used.
    """
    known = database.health.channels if database.health is not None else None
    return read_channels_in_force(settings.channel_configs, known, check=check_block)


async def _data_source(
    client: NotionClient, settings: Settings, stored: Mapping[str, Any] | None
) -> dict[str, Any]:
    if stored is not None:
        source_id = str(stored["board"]["data_source_id"])
    else:
        database_id = str(settings.notion_database_id)
        _, source_id = await find_board(client, database_id, settings.notion_data_source)
    try:
        return await client.get_data_source(source_id)
    except NotionPageNotFound as error:
        raise board_lost(source_id) from error


def _option_findings(board: Board, settings: Settings, database: DatabaseFacts) -> list[Finding]:
    """Options that are missing or stand for nothing, and properties that are ignored."""
    findings = []
    if missing := board.missing_options():
        cure = PROBLEMS[IncidentKind.BOARD_DRIFT].cure
        findings.append(warning(f"no option for {', '.join(missing)}", cure))
    if board.ignored:
        cure = PROBLEMS[IncidentKind.PROPERTY_TYPE].cure
        findings.append(warning(" ".join(board.ignored).rstrip("."), cure))
    try:
        folder = channels_of(settings, database)
    except ChannelConfigError:  # A check of its own reports it.
        return findings
    return [*findings, *_channel_findings(set(board.properties["Channel"].options), folder)]


def _channel_findings(options: Collection[str], folder: ChannelFolder) -> list[Finding]:
    findings = []
    channels = folder.channels
    if missing_options := sorted(one for one in channels if channel_named(one, options) is None):
        cure = "Add the option in Notion, letter by letter as the file is called."
        findings.append(warning(f"Channel has no option for {', '.join(missing_options)}", cure))
    # A wrong file is reported by the check of the channels.
    named = {*channels, *(fault.id for fault in folder.faults)}
    if foreign := sorted(one for one in options if channel_named(one, named) is None):
        cure = (
            "Add channel_configs/<channel_id>.yaml, or remove the option: "
            "cards with it are not valid."
        )
        wrong = f"Channel has options that nobody configured: {', '.join(foreign)}"
        findings.append(warning(wrong, cure))
    return findings
