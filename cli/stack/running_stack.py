"""The settings of the `showrunner up` that runs in this folder, for other commands."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli.stack.processes import Ledger
from models.errors import GiveUp, SettingsError
from models.postgres.process_identity import began, is_running, mark_of
from models.settings import Settings, load_settings

FACTS = "up.json"
PROCESSES = "processes.json"
_LOCK = "up.lock"
STARTING = "`showrunner up` is still starting"
STOPPING = "`showrunner up` is stopping"
MAKERS_SETTINGS = ("GEMINI_", "KLING_", "ELEVENLABS_", "YOUTUBE_")
"""How settings begin that makers of services read from the environment themselves."""
_CLOCK_SECONDS = 2.0
"""How far two readings of when a process began may lie apart."""
WAIT = "Wait until it is done, then run this again."
"""What to do about what `busy_with` names."""


def write_facts(state_dir: Path, environment: Mapping[str, str]) -> None:
    """Store the settings of a running `up` for other commands, readable by the owner only."""
    path = state_dir / FACTS
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        me = os.getpid()
        json.dump({"pid": me, "mark": mark_of(me), "environment": dict(environment)}, file)
    draft.replace(path)


def remove_facts(state_dir: Path) -> None:
    """Remove the stored settings: `up` has stopped."""
    (state_dir / FACTS).unlink(missing_ok=True)


def running(state_dir: Path) -> dict[str, str] | None:
    """The settings of the `up` that runs here; None when none runs."""
    path = state_dir / FACTS
    try:
        facts = json.loads(path.read_text())
        pid, environment = int(facts["pid"]), dict(facts["environment"])
        written = path.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if pid == os.getpid() or not _still_runs(pid, facts.get("mark"), written):
        return None
    return environment


def _still_runs(pid: int, mark: str | None, written: float) -> bool:
    if mark is None:
        return _written_by_older_version(pid, written)
    return is_running(pid, mark)


def _written_by_older_version(pid: int, written: float) -> bool:
    """Whether facts without a mark belong to a running process: it began before their writing."""
    since = began(pid)
    return since is not None and since <= written + _CLOCK_SECONDS


def refuse_while_up(state_dir: Path) -> None:
    """Refuse a command that needs everything stopped.

    Raises:
        GiveUp: when an `up` runs here, or processes that a killed one left behind.
    """
    if running(state_dir) is not None:
        raise GiveUp("Showrunner is up in this folder: stop it first (Ctrl-C).")
    if left := Ledger(state_dir / PROCESSES).living():
        raise GiveUp(
            f"Processes of an earlier `showrunner up` still run in this folder ({', '.join(left)}):"
            " start `showrunner up` again, which ends them, then stop it (Ctrl-C)."
        )


def busy_with(state_dir: Path) -> str | None:
    """What keeps the folder while no `up` of it can be used: one that starts or stops, a restore.

    Returns:
        Words such as "`showrunner up` is still starting"; None when nothing does.
    """
    if running(state_dir) is not None:
        return None
    try:
        with (state_dir / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return (state_dir / _LOCK).read_text(errors="replace").strip() or STARTING
    except OSError:
        return None
    return None


def note_use(state_dir: Path, words: str) -> None:
    """Write down what its holder does with the folder, for other commands."""
    (state_dir / _LOCK).write_text(f"{words}\n")


def not_up(state_dir: Path, otherwise: str) -> GiveUp:
    """The error of a command that needs a running `up`.

    Args:
        otherwise: the message when nothing of the kind is under way.
    """
    busy = busy_with(state_dir)
    if busy is None:
        return GiveUp(otherwise)
    return _wait_for(busy)


def refuse_while_busy(state_dir: Path) -> None:
    """Refuse a command that needs the database while another one starts or stops it.

    Raises:
        GiveUp: saying what is under way.
    """
    busy = busy_with(state_dir)
    if busy is not None:
        raise _wait_for(busy)


def _wait_for(busy: str) -> GiveUp:
    return GiveUp(f"{busy} in this folder. {WAIT}")


def make_state_dir(state_dir: Path) -> None:
    """Make the state folder if needed.

    Raises:
        SettingsError: when it cannot be made or written to.
    """
    wrong = None
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        wrong = "it is no folder"
    except OSError as error:
        wrong = f"it cannot be made: {error.strerror}"
    if wrong is None and not os.access(state_dir, os.W_OK | os.X_OK):
        wrong = "it cannot be written to"
    if wrong is not None:
        raise SettingsError(f"STATE_DIR is {state_dir}, but {wrong}. Set it to another folder.")


@contextmanager
def only_one(state_dir: Path, words: str = STARTING) -> Iterator[None]:
    """Be the only `up` of this folder while the context lasts. The lock ends with the process.

    The folder is made if needed.

    Args:
        words: what the holder does, for commands that cannot work meanwhile (`busy_with`).

    Raises:
        SettingsError: when it cannot be made.
        GiveUp: when another one is.
    """
    make_state_dir(state_dir)
    with (state_dir / _LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _refusal(state_dir) from None
        note_use(state_dir, words)
        yield


def _refusal(state_dir: Path) -> GiveUp:
    busy = busy_with(state_dir)
    if busy is None or busy == STARTING:
        return GiveUp(f"Showrunner is up already in {state_dir}: stop it there first (Ctrl-C).")
    return _wait_for(busy)


def among_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that are Showrunner's settings, by the settings' names."""
    return {
        name.lower(): value
        for name, value in environment.items()
        if name.lower() in Settings.model_fields
    }


def settings_here(*, without_database: bool = False) -> Settings:
    """The settings of the environment and its files, completed by those of a running `up`.

    Args:
        without_database: a token is enough: the command works before there is a database.

    Raises:
        SettingsError: when a setting is malformed.
        GiveUp: when what the command needs is not set and no `up` is running.
    """
    settings = load_settings()
    if settings.database_url is not None and settings.notion_api_token is not None:
        return settings
    environment = running(settings.state_dir)
    if environment is None and without_database and settings.notion_api_token is not None:
        return settings
    if environment is None and without_database:
        raise not_up(
            settings.state_dir,
            "No Notion to work on: set NOTION_API_TOKEN, or start `showrunner up` in this folder "
            "first.",
        )
    if environment is None:
        raise not_up(
            settings.state_dir,
            "Nothing to work on: start `showrunner up` in this folder first, or set DATABASE_URL, "
            "NOTION_API_TOKEN and NOTION_DATABASE_ID.",
        )
    given = settings.model_dump(exclude_unset=True)
    _hand_to_makers(environment)
    return Settings(**{**among_settings(environment), **given})


def _hand_to_makers(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if name.startswith(MAKERS_SETTINGS):
            os.environ.setdefault(name, value)
