"""The border of every command: errors become one sentence and an exit code, never a traceback."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import uuid4

import typer
from sqlalchemy.exc import DBAPIError
from structlog.contextvars import bind_contextvars

from models.errors import ShowrunnerError

R = TypeVar("R")


def run(work: Coroutine[Any, Any, R]) -> R:
    """Do the work of a command.

    Raises:
        typer.Exit: with code 1 after the sentence was printed; 130 when interrupted.
    """
    try:
        return asyncio.run(work)
    except ShowrunnerError as error:
        sys.stderr.write(f"{error}\n")
    except DBAPIError as error:
        reason = str(error.orig or error).strip().splitlines()[0]
        sys.stderr.write(f"PostgreSQL: {reason}. Is it running, and is DATABASE_URL right?\n")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    raise typer.Exit(1)


def correlate() -> str:
    """A correlation id for what this command does, bound to every line it logs."""
    correlation_id = uuid4().hex
    bind_contextvars(correlation_id=correlation_id)
    return correlation_id
