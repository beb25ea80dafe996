"""How PostgreSQL runs the statements that the product itself sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

Statement = tuple[str, Any]
"""As sent, with its values."""


@contextmanager
def heard(engine: AsyncEngine) -> Iterator[list[Statement]]:
    """What can be explained of what is sent meanwhile."""
    sent: list[Statement] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.split(maxsplit=1)[0] in {"SELECT", "INSERT", "UPDATE", "DELETE"}:
            sent.append((statement, values[0] if isinstance(values, list) else values))

    event.listen(engine.sync_engine, "before_cursor_execute", hear)
    try:
        yield sent
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", hear)


async def explain(engine: AsyncEngine, statement: Statement, options: str) -> list[Any]:
    """The rows of its EXPLAIN with those options; what ANALYZE did is undone."""
    async with engine.connect() as connection:
        rows = await connection.exec_driver_sql(f"EXPLAIN ({options}) {statement[0]}", statement[1])
        return list(rows.scalars())
