"""`showrunner board …`: make the board in Notion, compare it with its specification, repair it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy import text

from cli.output.board import print_check, print_made, print_repair
from cli.output.text import print_json, say, warn
from cli.running import run
from cli.stack.deployment_runs import Deployment
from cli.stack.running_stack import settings_here
from models.board.drift import drift
from models.board.drift_kinds import Drift, Part, RepairAction, Severity
from models.board.spec import DEFAULT_TITLE
from models.errors import BoardError, GiveUp, SettingsError
from models.rules.channels import load_configured_channels
from models.rules.notion_ids import bare_id, page_id_of
from models.settings import Settings
from models.tables.sync_state import BOARD, get_value
from tasks.alerts import resolve_alert
from tasks.board.create import make_board
from tasks.board.followed import BOARD_DRIFT, refreshed_board
from tasks.board.repair import repair
from tasks.board.snapshot import BoardAccess, take_snapshot, with_notes
from tasks.runtime.context import Context, connected, open_notion

app = typer.Typer(
    help="Make the board in Notion, compare it with what it should be, mend it.",
    no_args_is_help=True,
)

_TABLE = "board-check"
"""Key of the table that a run of `flows.check_board` publishes."""
_OPTION_DRIFT = {
    f"{name}-option-{what}" for name in ("status", "priority") for what in ("missing", "renamed")
}
"""Kinds of drift that the alert of a cycle reports."""
_STOPPED = "Stopped; what was made stays: run it again, it only adds what is missing."


@app.command("create")
def create(
    *,
    parent: Annotated[
        str,
        typer.Option(help="The page to make it on: its link or id. Share it with the connection."),
    ],
    title: Annotated[str, typer.Option(help="What the board is called.")] = DEFAULT_TITLE,
) -> None:
    """Make the board with its views and relation databases. Again, it only adds what is missing."""
    run(_create(parent, title), stopped=_STOPPED)


async def _create(parent: str, title: str) -> None:
    page_id = bare_id(parent)
    if page_id_of(page_id) is None:
        raise GiveUp("--parent is a page's link or id.")
    async with _access(settings_here(without_database=True)) as (access, ctx):
        made = await make_board(access, page_id, title)
        await _refresh(ctx, made.database_id)
    print_made(made)
    if made.refused:
        raise typer.Exit(1)


@app.command("check")
def check(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a difference, for scripts.")
    ] = False,
) -> None:
    """Compare the board with what it should be.

    Ends with 1 when something stops the sync or loses something.
    """
    run(_check(as_json=as_json))


async def _check(*, as_json: bool) -> None:
    settings = settings_here(without_database=True)
    compared = await _compare_in_run(settings, as_json=as_json)
    found, address = compared or await _compare_here(settings)
    if as_json:
        for one in found:
            print_json(asdict(one))
    else:
        # The pages of a sandbox have addresses of Notion's, where they do not exist.
        real = settings.notion_base_url == Settings.model_fields["notion_base_url"].default
        print_check(found, address if real else settings.notion_base_url)
    _exit_if_harmful(found)


async def _compare_in_run(
    settings: Settings, *, as_json: bool
) -> tuple[list[Drift], str | None] | None:
    """Compare in a run of the deployment; None where no Prefect server can run it."""
    async with Deployment.found("check-board/check-board", settings) as deployment:
        if deployment is None:
            return None
        ended = await deployment.run({}, warn if as_json else say)
        rows, description = await deployment.table(ended.id, _TABLE)
    address = description.removeprefix("The board: ")
    return [_drift_of(row) for row in rows], address or None


def _drift_of(row: Mapping[str, str]) -> Drift:
    return Drift(
        slug=row["slug"],
        severity=Severity(row["severity"]),
        part=Part(row["part"]),
        about=row["about"],
        wrong=row["wrong"],
        breaks=row["breaks"],
        cure=row["cure"],
        repair_action=RepairAction(row["repair_action"]) if row["repair_action"] else None,
    )


async def _compare_here(settings: Settings) -> tuple[list[Drift], str | None]:
    async with _access(settings) as (access, _):
        snapshot = await with_notes(access, await take_snapshot(access, _board_id(settings)))
    return list(drift(snapshot)), (snapshot.database or {}).get("url")


@app.command("repair")
def mend() -> None:
    """Add what the board lacks and repair our views.

    Nothing that people made is deleted or renamed.
    """
    run(_repair(), stopped=_STOPPED)


async def _repair() -> None:
    settings = settings_here(without_database=True)
    async with _access(settings) as (access, ctx):
        done = await repair(access, await take_snapshot(access, _board_id(settings)))
        if ctx is not None and not any(one.slug in _OPTION_DRIFT for one in drift(done.snapshot)):
            await resolve_alert(ctx, BOARD_DRIFT)
        await _refresh(ctx, _board_id(settings))
    print_repair(done)
    _exit_if_harmful([*done.left, *(one for one, _ in done.refused)])


async def _refresh(ctx: Context | None, database_id: str) -> None:
    """Read the board again for the sync, if it follows this one; the sync keeps what it last read.

    A board that is still wrong is no error here: what is wrong with it was printed.
    """
    if ctx is None:
        return
    async with ctx.sessions() as session:
        known = await get_value(session, BOARD)
    if known is not None and bare_id(known["database_id"]) == bare_id(database_id):
        with suppress(BoardError):
            await refreshed_board(ctx)


def _exit_if_harmful(found: Sequence[Drift]) -> None:
    if any(one.matters for one in found):
        raise typer.Exit(1)


def _board_id(settings: Settings) -> str:
    if settings.notion_database_id is None:
        raise SettingsError(
            "NOTION_DATABASE_ID is not set: copy the link of the board's database into it, or make "
            "a board with `showrunner board create`."
        )
    return settings.notion_database_id


@asynccontextmanager
async def _access(settings: Settings) -> AsyncIterator[tuple[BoardAccess, Context | None]]:
    """The workspace, and connections to a database that Showrunner has used, if there is one."""
    source = settings.notion_data_source
    if settings.database_url is not None:
        async with connected(settings) as ctx:
            if await _has_our_tables(ctx):
                channels = tuple(await ctx.channels())
                access = BoardAccess(
                    notion=ctx.notion, channels=channels, sessions=ctx.sessions, data_source=source
                )
                yield access, ctx
                return
    channels = tuple(load_configured_channels(settings.channel_configs))
    notion = open_notion(settings)
    try:
        yield BoardAccess(notion=notion, channels=channels, data_source=source), None
    finally:
        await notion.aclose()


async def _has_our_tables(ctx: Context) -> bool:
    async with ctx.sessions() as session:
        found = await session.execute(text("SELECT to_regclass('sync_state')"))
        return found.scalar_one() is not None
