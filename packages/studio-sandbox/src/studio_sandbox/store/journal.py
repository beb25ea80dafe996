"""Records by kind and id, kept in a journal: a file of JSON lines to which every change is added.

A change is written to the file before the request is answered, so that a killed process loses
nothing (a power cut may lose the last lines). Changes that belong together are one line, which is
read whole or not at all.
"""

import fcntl
import json
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from studio_sandbox.errors import DataError

Body = dict[str, Any]
Entry = tuple[str, str, Body]
"""Kind, id and body of a record."""

_FORMAT = "studio-sandbox 1"


class Journal:
    """Records, the last body of each.

    Args:
        path: The file; made if missing, readable by its owner only. None keeps nothing.

    Raises:
        DataError: The file cannot be used, is no journal, or another sandbox uses it.
    """

    def __init__(self, path: Path | None) -> None:
        self._kinds: dict[str, dict[str, Body]] = {}
        self._file: TextIOWrapper | None = None
        if path is None:
            return
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._file = path.open("r+", encoding="utf-8", newline="\n")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"Another sandbox is using {path}.") from None
        except OSError as error:
            raise DataError(f"{path} cannot be used: {error.strerror}.") from error
        self._load(self._file, path)

    def _load(self, file: TextIOWrapper, path: Path) -> None:
        whole = 0
        try:
            for number, line in enumerate(iter(file.readline, "")):
                if not line.endswith("\n"):
                    break  # The process was killed while it wrote this line.
                self._read(number, json.loads(line))
                whole = file.tell()
        except (ValueError, TypeError) as error:
            file.close()
            raise DataError(f"{path} is no journal of a sandbox.") from error
        # What is left of a half-written line has no end, and is written over.
        file.seek(whole)
        if not whole:
            file.write(json.dumps(_FORMAT) + "\n")
            file.flush()

    def _read(self, number: int, line: Any) -> None:
        if number == 0:
            if line != _FORMAT:
                raise ValueError(line)
            return
        for kind, record_id, body in line:
            self._kinds.setdefault(kind, {})[record_id] = body

    def put(self, *entries: Entry) -> None:
        """Write records that belong together; they are in the file when this returns."""
        if self._file is not None:
            self._file.write(json.dumps(entries, separators=(",", ":")) + "\n")
            self._file.flush()
        for kind, record_id, body in entries:
            self._kinds.setdefault(kind, {})[record_id] = body

    def get(self, kind: str, record_id: str) -> Body | None:
        """The body of a record; None when there is none."""
        return self._kinds.get(kind, {}).get(record_id)

    def all(self, kind: str) -> Iterator[tuple[str, Body]]:
        """Id and body of every record of a kind, oldest first."""
        return iter(list(self._kinds.get(kind, {}).items()))

    def count(self, kind: str) -> int:
        """How many records there are of a kind."""
        return len(self._kinds.get(kind, {}))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
