"""Columns of the tables of production, each with a comment for readers of the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, func, text

from models.postgres.engine import timestamptz


def required(kind: Any, comment: str, *how: Any, **more: Any) -> Any:
    """A column that is never NULL."""
    return Column(kind, *how, nullable=False, comment=comment, **more)


def optional(kind: Any, comment: str, *how: Any, **more: Any) -> Any:
    """A column that may be NULL."""
    return Column(kind, *how, nullable=True, comment=comment, **more)


def moment(comment: str, **more: Any) -> Any:
    """A moment that may be NULL."""
    return optional(timestamptz(), comment, **more)


def now(comment: str) -> Any:
    """A moment that defaults to the present one."""
    return required(timestamptz(), comment, server_default=func.now())


def counter(kind: Any, comment: str, *, start: int = 0) -> Any:
    """A number that is counted up from `start`."""
    return required(kind, comment, server_default=text(str(start)))


def one_of(column: str, *values: str) -> str:
    """The condition of a CHECK that a column holds one of these words."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"
