"""The state file: a SQLite table of JSON objects by kind and id, and one of files.

Written through before a request is answered.

WAL with synchronous=NORMAL: a killed process loses nothing that was committed; only a power cut can
lose the last commits (SQLite: "PRAGMA synchronous"). The file is locked, so that two sandboxes
cannot share a state.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE_NAME = "sandbox.sqlite3"
_FORMAT = 1


class StateError(Exception):
    """The state cannot be opened. The text is one sentence for the operator."""


class Storage:
    """Objects on disk, or in memory only.

    Args:
        folder: Where the file lives; made if missing, readable by its owner only. None: no file.

    Raises:
        StateError: The folder cannot be used, the file is no state of a sandbox, or another sandbox
            has it open.
    """

    def __init__(self, folder: Path | None) -> None:
        try:
            if folder is not None:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                (folder / FILE_NAME).touch(mode=0o600)
            path = ":memory:" if folder is None else str(folder / FILE_NAME)
            self._connection = sqlite3.connect(path, timeout=1, check_same_thread=False)
            try:
                self._prepare()
            except (sqlite3.Error, StateError):
                self._connection.close()
                raise
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise StateError(f"Another sandbox is using the state folder {folder}.") from error
            raise StateError(f"The state folder {folder} cannot be used: {error}.") from error
        except (sqlite3.DatabaseError, OSError) as error:
            raise StateError(f"The state folder {folder} cannot be used: {error}.") from error

    def _prepare(self) -> None:
        connection = self._connection
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS objects (kind TEXT, id TEXT, body TEXT NOT NULL, PRIMARY "
            "KEY (kind, id))"
            " WITHOUT ROWID"
        )
        connection.execute(
            "CREATE TABLE IF NOT EXISTS files (id TEXT, part INTEGER, content BLOB NOT NULL, "
            "PRIMARY KEY (id, part))"
        )
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found not in (0, _FORMAT):
            raise StateError(
                f"The state was written by another version of the sandbox (format {found})."
            )
        connection.execute(f"PRAGMA user_version={_FORMAT}")
        connection.commit()

    def put(self, kind: str, object_id: str, body: Any) -> None:
        """Write an object; it is on disk once `commit` has returned."""
        text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
        self._connection.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", (kind, object_id, text)
        )

    def delete(self, kind: str, object_id: str) -> None:
        """Remove an object, if it exists."""
        self._connection.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (kind, object_id))

    def all(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Every (id, body) of a kind."""
        for object_id, body in self._connection.execute(
            "SELECT id, body FROM objects WHERE kind = ?", (kind,)
        ):
            yield object_id, json.loads(body)

    def put_file(self, object_id: str, part: int, content: bytes) -> None:
        """Write the bytes of a file's part; on disk once `commit` has returned."""
        self._connection.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (object_id, part, content)
        )

    def files(self, object_id: str) -> Iterator[bytes]:
        """The parts of a file in order."""
        for (content,) in self._connection.execute(
            "SELECT content FROM files WHERE id = ? ORDER BY part", (object_id,)
        ):
            yield content

    def delete_files(self, object_id: str) -> None:
        """Remove a file's parts, if they exist."""
        self._connection.execute("DELETE FROM files WHERE id = ?", (object_id,))

    def commit(self) -> None:
        """Write everything put so far to disk."""
        self._connection.commit()

    def close(self) -> None:
        """Commit and close the file."""
        self._connection.commit()
        self._connection.close()
