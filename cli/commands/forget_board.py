"""`showrunner forget-board`: free a database, also the embedded one, for another board."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cli.output.text import ask, say
from cli.running import correlate, run
from cli.stack.database_here import database_here
from cli.stack.running_stack import only_one, refuse_while_up
from models.board.forget import Followed, followed, forget_board
from models.errors import GiveUp
from models.postgres.engine import Sessions, migrate, open_engine, open_sessions
from models.settings import load_settings
from models.tables.sync_state import BOARD, get_value
from tasks.runtime.clock import utc_now
from tasks.runtime.locks import Lock

_ALONE = (Lock.PUSH, Lock.IMPORT, Lock.INBOX)


def forget(
    *,
    keep_tasks: Annotated[
        bool,
        typer.Option(
            "--keep-tasks",
            help="Keep the tasks of its cards as they are; no board shows them then.",
        ),
    ] = False,
    delete_tasks: Annotated[
        bool, typer.Option("--delete-tasks", help="Delete the tasks of its cards.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make this folder's database forget its board, so that it can follow another."""
    run(_forget(keep_tasks=keep_tasks, delete_tasks=delete_tasks, yes=yes))


async def _forget(*, keep_tasks: bool, delete_tasks: bool, yes: bool) -> None:
    if keep_tasks and delete_tasks:
        raise GiveUp("Choose one of --keep-tasks and --delete-tasks.")
    settings = load_settings()
    refuse_while_up(settings.state_dir)
    nothing = (
        f"There is nothing to forget: no database in {settings.state_dir}, and DATABASE_URL is not "
        "set."
    )
    alone = only_one(settings.state_dir, "`showrunner forget-board` is under way")
    with alone, database_here(settings, if_none=nothing) as url:
        migrate(url)
        engine = open_engine(url, pool_size=1)
        try:
            await _forget_in(
                open_sessions(engine), keep_tasks=keep_tasks, delete_tasks=delete_tasks, yes=yes
            )
        finally:
            await engine.dispose()


async def _forget_in(
    sessions: Sessions, *, keep_tasks: bool, delete_tasks: bool, yes: bool
) -> None:
    async with sessions.begin() as session:
        await _be_alone(session)
        known = await get_value(session, BOARD)
        if known is None:
            raise GiveUp("There is nothing to forget: this database follows no board.")
        found = await followed(session)
        if found.tasks and not (keep_tasks or delete_tasks):
            raise GiveUp(
                f"{found.tasks} tasks belong to cards of the board {known['database_id']}, "
                f"{found.to_do} of them to be taken by workers. Nothing was forgotten: say "
                "--delete-tasks, or --keep-tasks to leave them alone."
            )
        question = _question(known["database_id"], found, delete_tasks=delete_tasks)
        if not yes and not ask(question):
            raise GiveUp("Nothing was forgotten.")
        await forget_board(
            session, delete_tasks=delete_tasks, now=utc_now(), correlation_id=correlate()
        )
    say(
        f"Forgot the board {known['database_id']}. The next start follows the board that the "
        "settings name."
    )
    if found.tasks and keep_tasks:
        say(
            f"{found.tasks} tasks are left that no board shows, {found.to_do} of them still to be "
            "taken by workers; they belong to their cards again when this database follows that "
            "board."
        )


def _question(database_id: str, found: Followed, *, delete_tasks: bool) -> str:
    tasks = ""
    if delete_tasks and found.tasks:
        tasks = f", delete the {found.tasks} tasks of its cards"
    return (
        f"Forget the board {database_id}: {found.cards} cards and {found.events} events{tasks}? "
        "The history stays."
    )


async def _be_alone(session: AsyncSession) -> None:
    """Take, until the commit, the locks that cycles, imports and ingests take.

    Raises:
        GiveUp: when one of them is running.
    """
    for lock in _ALONE:
        query = text("SELECT pg_try_advisory_xact_lock(:key)")
        if not (await session.execute(query, {"key": lock.value})).scalar_one():
            raise GiveUp(
                "Something works on this database: stop its workers and webhook receivers first."
            )
