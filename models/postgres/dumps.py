"""A database written into a file and filled from one again, by PostgreSQL's own programs, in pg_dump's custom format.

A file gets its name when it is whole. A database is filled in one transaction: whole, or as it was. No program is told
a password in its arguments, which every user of the machine can read.
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
_EMPTY: Final = """
DO $$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace n
    WHERE nspname <> 'public' AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = n.oid AND d.deptype = 'e')
  LOOP EXECUTE command; END LOOP;
  FOR command IN
    SELECT format('DROP %s IF EXISTS public.%I CASCADE', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN
      'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, relname)
    FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('e', 'i'))
  LOOP EXECUTE command; END LOOP;
  FOR command IN
    SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure) FROM pg_proc p
    WHERE pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  LOOP EXECUTE command; END LOOP;
  FOR command IN
    SELECT format('DROP TYPE IF EXISTS public.%I CASCADE', typname) FROM pg_type t
    WHERE typnamespace = 'public'::regnamespace AND typtype IN ('c', 'd', 'e', 'r')
      AND (typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND c.relkind = 'c'))
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
  LOOP EXECUTE command; END LOOP;
END $$;
"""
"""Removes what a database holds, as its owner may: the schema `public` and extensions stay."""


@dataclass(frozen=True, kw_only=True)
class Dump:
    """A file that holds a database of ours.

    Attributes:
        programs: those that can read it and fill the database.
        made_at: when it was made, as its maker wrote it; may be empty.
        rights: whether it holds rights (GRANT) that were given in it.
    """

    file: Path
    programs: Programs
    made_at: str
    rights: bool


async def write_dump(url: URL, file: Path, programs: Programs, *, own: bool) -> int:
    """Write the database into the file, which only its owner may read: it holds secrets.

    Its size in bytes.

    Args:
        own: whether the database is in our embedded server, which nothing in our environment is
            about.

    Raises:
        GiveUp: when it cannot be written; the file is then as it was.
    """
    _refuse_unwritable(file)
    options = ("--format=custom", "--no-password", f"--dbname={_address(url)}")
    with _whole_or_not_at_all(file) as draft:
        # Not to its output: into that it writes the table of contents twice, and without where each
        # table begins.
        command = [programs.named("pg_dump"), *options, f"--file={draft.name}"]
        async with _running(command, _environment(url, own=own), stdout=DEVNULL) as process:
            _, said = await process.communicate()
        if process.returncode != 0:
            raise GiveUp(f"Nothing was backed up: {_first_words(said)}.")
        return os.fstat(draft.fileno()).st_size


@contextmanager
def _whole_or_not_at_all(file: Path) -> Iterator[IO[bytes]]:
    """A new file for its owner alone, which gets its name when the context ends well, and is removed otherwise."""
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


def _refuse_unwritable(file: Path) -> None:
    if not file.parent.is_dir():
        raise GiveUp(f"There is no folder {file.parent}: make it first.")
    if file.exists() and not (file.is_file() and _is_dump(file)):
        raise GiveUp(
            f"{file} is there and is no backup, so it is not overwritten: give another name."
        )


def _is_dump(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_BEGINS)) == _BEGINS


async def read_dump(file: Path, programs: Sequence[Programs]) -> Dump:
    """What a file holds, looked at before anything is done with it.

    Args:
        programs: those that fit the database that is to be filled, of which the first that can read
            the file is taken.

    Raises:
        GiveUp: when it is no dump, none of ours, of a newer version of ours, or none of the
            programs can read it.
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
        code, listed, reason = await _asked([each.named("pg_restore"), "--list", str(file)])
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
    code, script, reason = await _asked(command)
    if code != 0:
        raise GiveUp(f"{file} is damaged: {reason}.")
    lines = iter(script.splitlines())
    revision = next((next(lines, "") for line in lines if line.startswith("COPY ")), "")
    if revision not in known_revisions():
        raise GiveUp(
            f"{file} is at {revision or 'no revision'}, which this version of Showrunner does not know: a newer one "
            "has written it; update Showrunner here."
        )


async def fill(url: URL, dump: Dump, *, own: bool) -> None:
    """Replace all that the database holds with what the dump holds, in one transaction.

    Rights and owners are not taken over: the dump may name users that this server does not have.

    Raises:
        GiveUp: when it cannot be; the database is then as it was.
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
    """Give psql what pg_restore writes; the commit only when that was all of it."""
    source, sink = pg_restore.stdout, psql.stdin
    if source is None or sink is None:
        return
    with suppress(ConnectionError):  # psql ended: it says why
        sink.write(f"BEGIN;\nSET LOCAL lock_timeout = '30s';\n{_EMPTY}".encode())
        while piece := await source.read(_PIECE):
            sink.write(piece)
            await sink.drain()
        if await pg_restore.wait() == 0:
            sink.write(b"\nCOMMIT;\n")
        await sink.drain()
        sink.close()
        return
    while await source.read(_PIECE):
        pass  # so that it ends


async def _stderr(process: Process) -> bytes:
    return b"" if process.stderr is None else await process.stderr.read()


async def _asked(command: Sequence[str]) -> tuple[int, str, str]:
    """Exit code, output, and the first words of a complaint."""
    async with _running(command, _environment(None, own=True), stdout=PIPE) as process:
        out, said = await process.communicate()
    return process.returncode or 0, out.decode(errors="replace"), _first_words(said)


@asynccontextmanager
async def _running(
    command: Sequence[str], environment: Mapping[str, str], *, stdout: int, stdin: int = DEVNULL
) -> AsyncIterator[Process]:
    """A program, which does not outlive the context."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=stdin,
        stdout=stdout,
        stderr=PIPE,
        env=dict(environment),
        start_new_session=True,  # Ctrl-C is ours to answer
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _address(url: URL) -> str:
    """The database's address as an argument of a program: without its password.

    Raises:
        SettingsError: when it holds a secret that no program can be given otherwise.
    """
    if "sslpassword" in url.query:
        raise SettingsError(
            "DATABASE_URL has an sslpassword, which pg_dump and psql take in their arguments alone, where everybody "
            "can read it: use a key without a passphrase for this, or run them yourself."
        )
    return shown(url)


def _environment(url: URL | None, *, own: bool) -> dict[str, str]:
    """Ours, with the password; messages are English, as ours are.

    Of an own server nothing else of libpq's counts.
    """
    given = {
        name: value for name, value in os.environ.items() if not (own and name.startswith("PG"))
    }
    password = None if url is None else url.password or url.query.get("password")
    return given | {"LC_ALL": "C"} | ({} if password is None else {"PGPASSWORD": str(password)})


def _first_words(said: bytes) -> str:
    """The first line of what a program complains of, as part of a sentence."""
    lines = said.decode(errors="replace").strip().splitlines()
    return _MARKS.sub("", lines[0]).rstrip(".") if lines else "it was not said why"
