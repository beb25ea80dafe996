"""An embedded PostgreSQL server in a folder, run by the programs of a package.

It listens only on a Unix socket in a folder that nobody but its owner may enter, and authenticates
clients by their operating-system user (`peer`): there is no port and no password. It is started
without a shell, so that the folder may have any name.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import IO, Any, Final

import psycopg
from sqlalchemy import URL

from models.errors import DatabaseUnavailable, SettingsError
from models.postgres.engine import ensure_database
from models.postgres.server_account import Account, account_for
from models.postgres.server_leftovers import end_leftovers
from models.postgres.server_programs import bundled
from models.postgres.server_socket import SOCKET, socket_folder

START_SECONDS: Final = 300.0
"""How long a start may take; after a crash the server first replays its write-ahead log."""
STOP_SECONDS: Final = 60.0
_ASK_EVERY: Final = 0.05
_PORT: Final = "5432"
_SUPERUSER: Final = "postgres"
_NEWEST: Final = "18"
"""The version of new folders. A folder is opened by the version that made it."""
_RULES: Final = "showrunner_hba.conf"
_NAMES: Final = "showrunner_ident.conf"
_LOCALE: Final = (
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)


class EmbeddedPostgres:
    """A PostgreSQL server in a folder.

    The methods block, and may be called from several threads.

    Attributes:
        log: the file of the server's own log.
    """

    def __init__(self, folder: Path, name: str = "showrunner") -> None:
        self._folder = folder.resolve()
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._charge: IO[Any] | None = None
        self._turn = Lock()
        self._unwanted = Event()
        self.log = self._folder / "log"

    def start(self) -> URL:
        """Start the server and return the URL of its database.

        A server that an interrupted run left running is stopped first.

        Raises:
            DatabaseUnavailable: when it does not start, or another process runs it.
            SettingsError: when it cannot run for this user or in this folder.
        """
        with self._turn, self._in_one_sentence():
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._take_charge()
            account = account_for(self._folder)
            if not (self._folder / "PG_VERSION").exists():
                self._make(account)
            at = self._run(account)
            try:
                ensure_database(at.set(database="postgres"), self._name)
            except psycopg.Error:
                self._end()
                raise
            return at.set(database=self._name)

    def lives(self) -> bool:
        """Whether its main process runs; without it every connection ends."""
        return self._process is not None and self._process.poll() is None

    def revive(self) -> None:
        """Restart the server if it died; committed data and the URL stay the same.

        Raises:
            DatabaseUnavailable: when it does not start.
        """
        with self._turn:
            if self._process is None or self.lives():
                return
            with self._in_one_sentence():
                self._run(account_for(self._folder))

    def stop(self) -> None:
        """Stop the server for good, also while it starts; no committed data is lost."""
        self._unwanted.set()
        with self._turn:
            self._end()
            self._process = None
            if self._charge is not None:
                self._charge.close()
                self._charge = None

    def _take_charge(self) -> None:
        """Lock the folder until this process ends, so that two servers cannot start at once."""
        if self._charge is not None:
            return
        charge = self._folder.with_name(f"{self._folder.name}.lock").open("ab")
        try:
            fcntl.flock(charge, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            charge.close()
            raise DatabaseUnavailable(
                f"Another process runs the PostgreSQL in {self._folder}: stop it first."
            ) from None
        self._charge = charge

    def _make(self, account: Account) -> None:
        """Make the files of a new server.

        The folder gets its name only when it is complete; an incomplete one is made anew.
        """
        beginning = f"{self._folder.name}.new-"
        for left in self._folder.parent.iterdir():
            if left.name.startswith(beginning):
                shutil.rmtree(left)
        draft = Path(tempfile.mkdtemp(prefix=beginning, dir=self._folder.parent))
        account.give(draft)
        wanted = ("-D", str(draft), "-U", _SUPERUSER, "--auth=peer", *_LOCALE)
        program = self._programs() / "initdb"
        command = account.command(program, *wanted, reaching=[draft])
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            command,
            check=False,
            capture_output=True,
            cwd="/",
            env=_environment(),
            text=True,
            errors="replace",
            start_new_session=True,  # we handle Ctrl-C
        )
        if done.returncode != 0:
            reason = (done.stderr.strip() or "it does not say why").splitlines()[-1]
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL cannot be made in {self._folder}: {reason}"
            )
        draft.rename(self._folder)

    def _run(self, account: Account) -> URL:
        """Start the server, wait until it takes queries, and return its URL without a database."""
        sockets = socket_folder(self._folder, account)
        end_leftovers(self._folder, sockets)
        self._write_rules(account)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{str(sockets).replace(chr(34), chr(34) * 2)}"',
            "unix_socket_permissions": "0700",
            "port": _PORT,
            "hba_file": str(self._folder / _RULES),
            "ident_file": str(self._folder / _NAMES),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = account.command(
            self._programs() / "postgres",
            "-D",
            str(self._folder),
            *options,
            reaching=[self._folder / _RULES, sockets / SOCKET],
        )
        new = not self.log.exists()
        with self.log.open("ab") as log:
            if new:
                account.give(self.log)
            self._process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )
        self._wait_until_ready(self._process)
        return URL.create(
            "postgresql+psycopg", username=_SUPERUSER, query={"host": str(sockets), "port": _PORT}
        )

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while (
            process.poll() is None and time.monotonic() < deadline and not self._unwanted.is_set()
        ):
            if self._says_ready(process.pid):
                return
            time.sleep(_ASK_EVERY)
        self._end()
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL in {self._folder} does not start: see {self.log}."
        )

    def _says_ready(self, pid: int) -> bool:
        try:
            lines = (self._folder / "postmaster.pid").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 1 and lines[0].strip() == str(pid) and lines[-1].strip() == "ready"

    def _write_rules(self, account: Account) -> None:
        """Allow the users who run the server and this process; older folders lack these files."""
        names = {account.name, pwd.getpwuid(os.geteuid()).pw_name}
        quoted = [name.replace('"', '""') for name in sorted(names)]
        self._write(account, _RULES, "local all all peer map=showrunner\n")
        self._write(account, _NAMES, "".join(f'showrunner "{name}" all\n' for name in quoted))

    def _write(self, account: Account, name: str, text: str) -> None:
        draft = self._folder / f"{name}.new"
        draft.write_text(text)
        account.give(draft)
        draft.replace(self._folder / name)

    def _programs(self) -> Path:
        made_by = self._folder / "PG_VERSION"
        version = made_by.read_text().strip() if made_by.exists() else _NEWEST
        programs = bundled(version)
        if programs is None:
            raise SettingsError(
                f"The folder {self._folder} is of PostgreSQL {version}, "
                "which is not installed here."
            )
        return programs

    def _end(self) -> None:
        """Stop it: fast, then immediate, then by force; none of them loses committed data."""
        process = self._process
        if process is None:
            return
        for how, seconds in (
            (signal.SIGINT, STOP_SECONDS),
            (signal.SIGQUIT, STOP_SECONDS / 6),
            (signal.SIGKILL, None),
        ):
            process.send_signal(how)  # does nothing when the process has ended
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            return

    @contextmanager
    def _in_one_sentence(self) -> Iterator[None]:
        try:
            yield
        except (OSError, psycopg.Error) as error:
            reason = (
                str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            )
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL in {self._folder} cannot be used: {reason}"
            ) from error


@contextmanager
def embedded_postgres(folder: Path, name: str = "showrunner") -> Iterator[URL]:
    """An `EmbeddedPostgres` while the context lasts; yields the URL of its database `name`.

    Raises:
        DatabaseUnavailable: when it does not start; its log lies in `folder/log`.
        SettingsError: when it cannot run for this user or in this folder.
    """
    server = EmbeddedPostgres(folder, name)
    try:
        yield server.start()
    finally:
        server.stop()


def _environment() -> dict[str, str]:
    """The environment of the server: without PG* variables, and with English messages."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {
        "LC_ALL": "C"
    }
