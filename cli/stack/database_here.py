"""The database for a command of this folder, also while `showrunner up` is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL

from cli.stack.running_stack import running
from models.errors import GiveUp
from models.postgres.embedded import embedded_postgres
from models.postgres.engine import database_url
from models.settings import Settings


@contextmanager
def database_here(settings: Settings, *, if_none: str | None) -> Iterator[URL]:
    """The URL of the configured database, or of the embedded one, which is started if needed.

    Args:
        if_none: the error's message when the folder has no embedded one; None: one is made.

    Raises:
        GiveUp: when there is none.
        DatabaseUnavailable: when it does not start.
    """
    if settings.database_url is not None:
        yield database_url(settings.database_url.get_secret_value())
        return
    environment = running(settings.state_dir)
    if environment is not None:
        yield database_url(environment["DATABASE_URL"])
        return
    folder = settings.state_dir / "postgres"
    if if_none is not None and not (folder / "PG_VERSION").exists():
        raise GiveUp(if_none)
    with embedded_postgres(folder) as url:
        yield url
