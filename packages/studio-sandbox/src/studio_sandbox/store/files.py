"""Files that the services made or received, in one folder."""

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path


class Files:
    """The folder.

    Args:
        data: The journal; the folder lies beside it. None uses a temporary one.
    """

    def __init__(self, data: Path | None) -> None:
        self._temporary = None
        if data is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="studio-sandbox-")
            self.folder = Path(self._temporary.name)
        else:
            self.folder = data.with_name(f"{data.name}.files")
            self.folder.mkdir(mode=0o700, exist_ok=True)
        self._locks: dict[str, asyncio.Lock] = {}

    def path(self, name: str) -> Path:
        """Where a file of this name lies, or would lie."""
        return self.folder / Path(name).name

    async def made(self, suffix: str, key: object, make: Callable[[Path], Awaitable[None]]) -> Path:
        """A file that is made once for each key.

        Args:
            suffix: Of its name: `.png`.
            key: What it is made of; equal things have equal texts.
            make: Writes it to a path.
        """
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
        path = self.path(f"{digest}{suffix}")
        async with self._locks.setdefault(path.name, asyncio.Lock()):
            if not path.exists():
                part = path.with_name(f"part-{path.name}")
                try:
                    await make(part)
                    part.replace(path)
                finally:
                    part.unlink(missing_ok=True)
        return path

    def close(self) -> None:
        """Remove the folder, if it is a temporary one."""
        if self._temporary is not None:
            self._temporary.cleanup()
