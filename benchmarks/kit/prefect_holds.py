"""What the SQLite file of a Prefect server holds, by table."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kit.places import folder


@dataclass(frozen=True, kw_only=True)
class Held:
    """Rows and bytes of each table in a SQLite file, with its indexes, packed."""

    rows: Mapping[str, int]
    bytes: Mapping[str, int]

    def less(self, before: Held) -> Held:
        """What came since."""
        return Held(
            rows={table: count - before.rows.get(table, 0) for table, count in self.rows.items()},
            bytes={table: size - before.bytes.get(table, 0) for table, size in self.bytes.items()},
        )


def held(file: Path) -> Held:
    """Measure a SQLite file that may be in use, by a copy without its gaps."""
    with folder() as made:
        copy = made / "copy.db"
        with closing(sqlite3.connect(file, timeout=60)) as source:
            source.execute("VACUUM INTO ?", [str(copy)])
        with closing(sqlite3.connect(copy)) as packed:
            owners = dict(packed.execute("SELECT name, tbl_name FROM sqlite_master"))
            sizes: dict[str, int] = {}
            for name, size in packed.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
                table = owners.get(name, name)
                sizes[table] = sizes.get(table, 0) + int(size)
            tables = [
                name
                for (name,) in packed.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            rows = {
                name: int(packed.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
                for name in tables
            }
    return Held(rows=rows, bytes=sizes)
