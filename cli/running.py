"""Run a command's coroutine: errors become one sentence and an exit code, never a traceback."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

import typer
from sqlalchemy.exc import DBAPIError
from structlog.contextvars import bind_contextvars

from cli.interrupts import CODE, STOPPED, Cancellation, Interrupted, cancelling_on_signals
from cli.output.text import warn
from models.errors import ShowrunnerError

R = TypeVar("R")


def run(work: Coroutine[Any, Any, R], *, stopped: str = STOPPED) -> R:
    """Run the work of a command.

    Args:
        work: the command's coroutine.
        stopped: the message when a signal ended it, unless the work sets another one
            (`stopping_says`).

    Raises:
        typer.Exit: with code 1 after the error's sentence was printed; 130 when interrupted.
    """
    try:
        return asyncio.run(_interruptible(work, stopped))
    except Interrupted as error:
        warn(str(error))
        raise typer.Exit(CODE) from None
    except ShowrunnerError as error:
        warn(str(error))
    except DBAPIError as error:
        reason = str(error.orig or error).strip().splitlines()[0]
        warn(f"PostgreSQL: {reason}. Is it running, and is DATABASE_URL right?")
    except KeyboardInterrupt:
        warn(stopped)
        raise typer.Exit(CODE) from None
    raise typer.Exit(1)


async def _interruptible(work: Coroutine[Any, Any, R], stopped: str) -> R:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    cancellation = Cancellation(lambda: loop.call_soon_threadsafe(task.cancel))
    with cancelling_on_signals(cancellation):
        try:
            return await task
        except Interrupted:
            raise
        except BaseException:
            # Cancelled work may end in an error of its own: a driver's, a connection's.
            if cancellation.requested:
                raise Interrupted(stopped) from None
            raise


@contextmanager
def stopping_says(words: Callable[[], str]) -> Iterator[None]:
    """Set the message for a signal that ends the command while the context lasts."""
    try:
        yield
    except asyncio.CancelledError:
        raise Interrupted(words()) from None


def correlate() -> str:
    """Make a correlation id for this command, and bind it to every line that is logged."""
    correlation_id = uuid4().hex
    bind_contextvars(correlation_id=correlation_id)
    return correlation_id
