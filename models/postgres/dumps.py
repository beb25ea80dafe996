"""Backup and restore of a database by PostgreSQL's own programs, in pg_dump's custom format.

A file gets its name only when it is complete. A restore is one transaction: the database is either
restored completely or left as it was. No program gets a password in its arguments, which every user
of the machine can read.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from sqlalchemy import URL

from models.errors import GiveUp, SettingsError
from models.postgres.empty_database import EMPTY_DATABASE
from models.postgres.engine import known_revisions, shown
from models.postgres.requirements import FIRST_TABLES
from models.postgres.server_programs import Programs

_BEGINS: Final = b"PGDMP"
_PIECE: Final = 1 << 16
_TABLE: Final = re.compile(r"^\d+; \d+ \d+ TABLE \S+ (\S+) ", re.MULTILINE)
_RIGHTS: Final = re.compile(r"^\d+; \d+ \d+ ACL ", re.MULTILINE)
_MADE_AT: Final = re.compile("^; Archive created at (.+)$", re.MULTILINE)
_MARKS: Final = re.compile(
    r"^(?:\w+: (?:error|fatal): |psql:<stdin>:\d+: )?(?:(?:ERROR|FATAL): +)?"
)


@dataclass(frozen=True, kw_only=True)
class Dump:
    """A backup of our database.

    Attributes:
        programs: the programs that can read the file and restore it.
        made_at: when it was made, as pg_dump wrote it; may be empty.
        rights: whether it contains GRANTs.
    """

    file: Path
    programs: Programs
    made_at: str
    rights: bool


async def write_dump(
    url: URL, file: Path, programs: Programs, *, own: bool, replace: bool = False
) -> int:
    """Write the database to a file, and return the file's size in bytes.

    Only its owner may read the file, because it contains secrets.

    Args:
        url: the database.
        file: where to write it.
        programs: those that fit the server.
        own: whether it is the embedded server, for which libpq's environment variables are
            ignored.
        replace: whether an older backup of that name is replaced.

    Raises:
        GiveUp: when it cannot be written; the file is then as it was.
    """
    _refuse_unwritable(file, replace=replace)
    options = ("--format=custom", "--no-password", f"--dbname={_address(url)}")
    with _complete_or_absent(file) as draft:
        # --file, because pg_dump writes no offsets of the tables to a pipe.
        command = [programs.named("pg_dump"), *options, f"--file={draft.name}"]
        async with _running(command, _environment(url, own=own), stdout=DEVNULL) as process:
            _, said = await process.communicate()
        if process.returncode != 0:
            raise GiveUp(f"Nothing was backed up: {_first_words(said)}.")
        return os.fstat(draft.fileno()).st_size


@contextmanager
def _complete_or_absent(file: Path) -> Iterator[IO[bytes]]:
    """A new private file, which gets its name if the block succeeds and is removed otherwise."""
    try:
        descriptor, name = tempfile.mkstemp(
            dir=file.parent, prefix=f".{file.name}.", suffix=".part"
        )
        draft = Path(name)
        try:
            with draft.open("rb") as opened:
                os.close(descriptor)
                yield opened
                os.fsync(opened.fileno())
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise GiveUp(f"{file} cannot be written: {error.strerror}.") from error


def _refuse_unwritable(file: Path, *, replace: bool) -> None:
    if not file.parent.is_dir():
        raise GiveUp(f"There is no folder {file.parent}: make it first.")
    if file.exists() and not (file.is_file() and _is_dump(file)):
        raise GiveUp(
            f"{file} is there and is no backup, so it is not overwritten: give another name."
        )
    if file.exists() and not replace:
        raise GiveUp(
            f"{file} is an earlier backup: give another name, or --replace, which overwrites it."
        )


def _is_dump(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_BEGINS)) == _BEGINS


async def read_dump(file: Path, programs: Sequence[Programs]) -> Dump:
    """Inspect a backup before it is restored.

    Args:
        file: the backup.
        programs: those that fit the database to restore into; the first that can read the file is
            used.

    Raises:
        GiveUp: when the file is no backup, belongs to another database or to a newer version, or
            when none of the programs can read it.
    """
    try:
        if not _is_dump(file):
            raise GiveUp(
                f"{file} is no backup: `showrunner backup` (or pg_dump --format=custom) writes one."
            )
    except OSError as error:
        raise GiveUp(f"{file} cannot be read: {error.strerror}.") from error
    listed, reason = None, "no program fits"
    for each in programs:
        code, listed, reason = await _run([each.named("pg_restore"), "--list", str(file)])
        if code == 0:
            break
    else:
        raise GiveUp(f"{file} cannot be read by pg_restore {programs[0].version}: {reason}.")
    missing = {*FIRST_TABLES, "alembic_version"} - set(_TABLE.findall(listed))
    if missing:
        raise GiveUp(f"{file} is a backup of another database: it holds no table {min(missing)}.")
    await _refuse_newer(file, each)
    made_at = _MADE_AT.search(listed)
    rights = _RIGHTS.search(listed) is not None
    return Dump(file=file, programs=each, made_at=made_at[1] if made_at else "", rights=rights)


async def _refuse_newer(file: Path, programs: Programs) -> None:
    command = [
        programs.named("pg_restore"),
        "--data-only",
        "--table=alembic_version",
        "--file=-",
        str(file),
    ]
    code, script, reason = await _run(command)
    if code != 0:
        raise GiveUp(f"{file} is damaged: {reason}.")
    lines = iter(script.splitlines())
    revision = next((next(lines, "") for line in lines if line.startswith("COPY ")), "")
    if revision not in known_revisions():
        raise GiveUp(
            f"{file} is at {revision or 'no revision'}, which this version of Showrunner does "
            "not know: a newer one has written it; update Showrunner here."
        )


async def fill(url: URL, dump: Dump, *, own: bool) -> None:
    """Replace the contents of the database with those of the backup, in one transaction.

    GRANTs and owners are not restored: the backup may name roles that this server does not have.

    Raises:
        GiveUp: when it fails; the database is then as it was.
    """
    environment = _environment(url, own=own)
    reading = [
        dump.programs.named("pg_restore"),
        "--file=-",
        "--no-owner",
        "--no-privileges",
        str(dump.file),
    ]
    options = (
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
        f"--output={os.devnull}",
    )
    writing = [dump.programs.named("psql"), *options, f"--dbname={_address(url)}"]
    async with (
        _running(writing, environment, stdin=PIPE, stdout=DEVNULL) as psql,
        _running(reading, _environment(None, own=own), stdout=PIPE) as pg_restore,
    ):
        said, _, complaint = await asyncio.gather(
            _stderr(psql), _pass_on(pg_restore, psql), _stderr(pg_restore)
        )
        codes = await psql.wait(), await pg_restore.wait()
    if any(codes):
        raise GiveUp(
            f"Nothing was restored, the database is as it was: {_first_words(said or complaint)}."
        )


async def _pass_on(pg_restore: Process, psql: Process) -> None:
    """Pipe the output of pg_restore into psql, and commit only when it was complete."""
    source, sink = pg_restore.stdout, psql.stdin
    if source is None or sink is None:
        return
    with suppress(ConnectionError):  # psql ended, and its stderr says why
        sink.write(f"BEGIN;\nSET LOCAL lock_timeout = '30s';\n{EMPTY_DATABASE}".encode())
        while piece := await source.read(_PIECE):
            sink.write(piece)
            await sink.drain()
        if await pg_restore.wait() == 0:
            sink.write(b"\nCOMMIT;\n")
        await sink.drain()
        sink.close()
        return
    while await source.read(_PIECE):
        pass  # drain it, so that pg_restore can end


async def _stderr(process: Process) -> bytes:
    return b"" if process.stderr is None else await process.stderr.read()


async def _run(command: Sequence[str]) -> tuple[int, str, str]:
    """Run a program; its exit code, output, and the first line of its error."""
    async with _running(command, _environment(None, own=True), stdout=PIPE) as process:
        out, said = await process.communicate()
    return process.returncode or 0, out.decode(errors="replace"), _first_words(said)


@asynccontextmanager
async def _running(
    command: Sequence[str], environment: Mapping[str, str], *, stdout: int, stdin: int = DEVNULL
) -> AsyncIterator[Process]:
    """A running program, which is killed when the block ends before it."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=stdin,
        stdout=stdout,
        stderr=PIPE,
        env=dict(environment),
        start_new_session=True,  # we handle Ctrl-C
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _address(url: URL) -> str:
    """The database's URL as an argument of a program, without its password.

    Raises:
        SettingsError: when it contains a secret that cannot be passed in another way.
    """
    if "sslpassword" in url.query:
        raise SettingsError(
            "DATABASE_URL has an sslpassword, which pg_dump and psql take in their arguments "
            "alone, where everybody can read it: use a key without a passphrase for this, or run "
            "them "
            "yourself."
        )
    return shown(url)


def _environment(url: URL | None, *, own: bool) -> dict[str, str]:
    """The environment of a program, with the password and English messages.

    For the embedded server, libpq's other variables are removed.
    """
    given = {
        name: value for name, value in os.environ.items() if not (own and name.startswith("PG"))
    }
    password = None if url is None else url.password or url.query.get("password")
    return given | {"LC_ALL": "C"} | ({} if password is None else {"PGPASSWORD": str(password)})


def _first_words(said: bytes) -> str:
    """The first line of a program's error, as part of a sentence."""
    lines = said.decode(errors="replace").strip().splitlines()
    return _MARKS.sub("", lines[0]).rstrip(".") if lines else "it was not said why"
