"""Alembic's environment.

The URL comes from `models.postgres.engine.migrate`, or from DATABASE_URL on the command line.
"""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import NullPool, create_engine, event, text
from sqlmodel import SQLModel

from models.postgres.engine import begin_session, database_url

ONE_AT_A_TIME = 7_236_001
"""Key of the advisory lock under which migrations run, so that programs starting together wait for
each other."""


def run() -> None:
    """Run the migrations, each in a transaction of its own.

    They give up on a lock rather than block a live system.
    """
    url = context.config.attributes.get("url") or database_url(os.environ["DATABASE_URL"])
    # Without a pool the connection ends with the context, and with it the lock, whatever happens
    # inside.
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "connect", begin_session, insert=True)
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '60s'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            transaction_per_migration=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
