"""The border of every command: errors become one sentence and an exit code, never a traceback."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

import typer
from sqlalchemy.exc import DBAPIError
from structlog.contextvars import bind_contextvars

from cli.interrupts import CODE, STOPPED, Interrupted, Told, signals_for
from models.errors import ShowrunnerError

R = TypeVar("R")


def run(work: Coroutine[Any, Any, R], *, stopped: str = STOPPED) -> R:
    """Do the work of a command.

    Args:
        work: the command's coroutine.
        stopped: what is said when a signal ended it, unless the work itself says more
            (`stopping_says`).

    Raises:
        typer.Exit: with code 1 after the sentence was printed; 130 when interrupted.
    """
    try:
        return asyncio.run(_interruptible(work, stopped))
    except Interrupted as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(CODE) from None
    except ShowrunnerError as error:
        sys.stderr.write(f"{error}\n")
    except DBAPIError as error:
        reason = str(error.orig or error).strip().splitlines()[0]
        sys.stderr.write(f"PostgreSQL: {reason}. Is it running, and is DATABASE_URL right?\n")
    except KeyboardInterrupt:
        sys.stderr.write(f"{stopped}\n")
        raise typer.Exit(CODE) from None
    raise typer.Exit(1)


async def _interruptible(work: Coroutine[Any, Any, R], stopped: str) -> R:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    told = Told(lambda: loop.call_soon_threadsafe(task.cancel))
    with signals_for(told):
        try:
            return await task
        except Interrupted:
            raise
        except BaseException:
            # What is cancelled may end in an error of its own: a driver's, a connection's.
            if told.to_stop:
                raise Interrupted(stopped) from None
            raise


@contextmanager
def stopping_says(words: Callable[[], str]) -> Iterator[None]:
    """What is said when a signal ends the command while the context lasts."""
    try:
        yield
    except asyncio.CancelledError:
        raise Interrupted(words()) from None


def correlate() -> str:
    """A correlation id for what this command does, bound to every line it logs."""
    correlation_id = uuid4().hex
    bind_contextvars(correlation_id=correlation_id)
    return correlation_id
