"""Looking at Notion: the token, what it may do, the board.

Two requests, three before a board was ever read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
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
from models.operations.health import Check, Finding, State, checked, failed, skipped
from models.operations.health_rules import judge_capabilities
from models.rules.board_schema import Board, read_board
from models.rules.channels import Channel, channel_named, load_configured_channels
from models.rules.formatting import clock_time
from models.settings import Settings
from tasks.board.find import find_board
from tasks.board.followed import board_lost, check_same_board
from tasks.notion.client import NotionClient
from tasks.notion.shared_limit import SharedBudget
from tasks.operations.health import DatabaseFacts, run_check
from tasks.runtime.clock import Clock

NOTION_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 4.0
_HELD: Final = timedelta(seconds=3)
"""Cycles reserve moments about a second ahead; further ahead, Notion itself asked to be left alone.
"""
NAMES: Final = ("token", "capabilities", "board")
_NO_ACCESS = "In Notion: ••• of the board → Connections → add the connection; or set NOTION_DATABASE_ID right."
_MEND = "Mend the board in Notion; the next cycle reads it anew."


@dataclass(frozen=True, kw_only=True)
class NotionFacts:
    """What was seen of Notion.

    Attributes:
        checks: `token`, `capabilities`, `board`.
        clock: what Notion's clock said, and between which moments of ours; None when it said
            nothing.
    """

    checks: tuple[Check, ...]
    clock: tuple[datetime, datetime, datetime] | None = None


async def read_notion(settings: Settings, database: DatabaseFacts, clock: Clock) -> NotionFacts:
    """Token, capabilities and board, with as few requests as that takes."""
    if settings.notion_api_token is None:
        return _unasked("no NOTION_API_TOKEN, and no `showrunner up` runs here")
    until, now = database.held_until, clock()
    if until is not None and until - now > _HELD:
        return _unasked(f"Notion asked to be left alone until {clock_time(until)} UTC")
    rate = settings.notion_requests_per_second
    client = NotionClient(
        settings.notion_api_token.get_secret_value(),
        per_second=rate,
        budget=SharedBudget(database.sessions, rate)
        if database.sessions is not None and database.vitals
        else None,
        base_url=settings.notion_base_url,
        timeout=_ANSWER_SECONDS,
    )
    try:
        return await _ask(client, settings, database, clock)
    finally:
        await client.aclose()


def _unasked(why: str) -> NotionFacts:
    return NotionFacts(checks=tuple(skipped(name, why) for name in NAMES))


async def _ask(
    client: NotionClient, settings: Settings, database: DatabaseFacts, clock: Clock
) -> NotionFacts:
    answered: list[tuple[datetime, datetime, datetime]] = []

    async def token() -> list[Check]:
        began = clock()
        check = await _token(client, settings)
        if client.server_time is not None:
            answered.append((client.server_time, began, clock()))
        return [check]

    known = database.vitals.board if database.vitals is not None else None
    (who,), (board,) = await asyncio.gather(
        run_check(["token"], NOTION_SECONDS, token(), _outage(settings)),
        run_check(["board"], NOTION_SECONDS, _board(client, settings, known), _outage(settings)),
    )
    if who.state is State.FAIL:
        return NotionFacts(
            checks=(who, *(skipped(name, "the token does not work") for name in NAMES[1:]))
        )
    return NotionFacts(
        checks=(who, _capabilities(board, database, clock()), board),
        clock=answered[0] if answered else None,
    )


async def _token(client: NotionClient, settings: Settings) -> Check:
    try:
        me = await client.me()
    except NotionAuthError as error:
        cure = "In Notion: Settings → Connections → Develop or manage connections → copy the token; set "
        return failed("token", str(error), cure + "NOTION_API_TOKEN to it and restart.")
    except NotionIntegrationError as error:
        return failed("token", str(error), _outage(settings))
    bot = me.get("bot") or {}
    workspace = str(bot.get("workspace_name") or "unnamed")
    facts = f"bot “{me.get('name')}” in the workspace “{workspace}”"
    return checked("token", facts, bot=me.get("name"), bot_id=me.get("id"), workspace=workspace)


def _outage(settings: Settings) -> str:
    return f"Is {settings.notion_base_url} reachable from here? status.notion.so tells of outages; nothing is lost."


def _capabilities(board: Check, database: DatabaseFacts, now: datetime) -> Check:
    if database.vitals is None:
        return skipped("capabilities", database.missing)
    if "schema_read" not in board.details:
        return skipped("capabilities", "the board could not be read")
    return judge_capabilities(database.vitals.incidents, database.vitals.last_write, now)


async def _board(
    client: NotionClient, settings: Settings, known: Mapping[str, Any] | None
) -> list[Check]:
    if settings.notion_database_id is None and known is None:
        return [
            failed(
                "board",
                "NOTION_DATABASE_ID is not set",
                "Copy the link of the board's database into it.",
            )
        ]
    try:
        if known is not None:
            check_same_board(known, settings)
        raw = await _data_source(client, settings, known)
        channels = load_configured_channels(settings.channel_configs)
    except NotionAuthError as error:
        return [failed("board", str(error), "Give the connection the capability to read content.")]
    except SettingsError as error:
        return [
            failed(
                "board",
                str(error).rstrip("."),
                "Set the settings back, or `showrunner forget-board`.",
            )
        ]
    except BoardError as error:
        return [failed("board", str(error).rstrip("."), _NO_ACCESS)]
    except NotionIntegrationError as error:
        return [failed("board", str(error), _outage(settings))]
    except ChannelConfigError:
        channels = {}  # has a line of its own
    properties = len(raw["properties"])
    found = board_findings(
        raw, Board.from_json(known["board"]) if known is not None else None, channels
    )
    facts = (
        f"followed by the sync; {properties} properties, every status and channel has its option"
    )
    return [checked("board", facts, found, schema_read=True, data_source_id=raw["id"])]


async def _data_source(
    client: NotionClient, settings: Settings, known: Mapping[str, Any] | None
) -> dict[str, Any]:
    if known is not None:
        source_id = str(known["board"]["data_source_id"])
    else:
        _, source_id = await find_board(
            client, str(settings.notion_database_id), settings.notion_data_source
        )
    try:
        return await client.get_data_source(source_id)
    except NotionPageNotFound as error:
        raise board_lost(source_id) from error


def board_findings(
    raw: Mapping[str, Any], known: Board | None, channels: Mapping[str, Channel]
) -> list[Finding]:
    """Everything in which a board is not as the sync needs it.

    Args:
        raw: the data source object.
        known: the board as it was remembered, whose properties are followed by their ids.
        channels: the configured ones; none where the folder is wrong.
    """
    try:
        board = read_board(raw, known)
    except BoardError as error:
        return [Finding(state=State.FAIL, wrong=str(error).rstrip("."), cure=_MEND)]
    findings = []
    if missing := board.missing_options():
        wrong = f"no option for {', '.join(missing)}"
        cure = (
            "Add them to the board's properties, letter by letter: Showrunner never makes options."
        )
        findings.append(Finding(state=State.WARN, wrong=wrong, cure=cure))
    options = set(board.properties["Channel"].options)
    if channels and (
        lacking := sorted(one for one in channels if channel_named(one, options) is None)
    ):
        wrong = f"Channel has no option for {', '.join(lacking)}"
        cure = "Add the option in Notion, letter by letter as the file is called."
        findings.append(Finding(state=State.WARN, wrong=wrong, cure=cure))
    if channels and (
        strangers := sorted(one for one in options if channel_named(one, channels) is None)
    ):
        wrong = f"Channel has options that nobody configured: {', '.join(strangers)}"
        cure = "Add channel_configs/<channel_id>.yaml, or remove the option: cards with it are not valid."
        findings.append(Finding(state=State.WARN, wrong=wrong, cure=cure))
    return findings
