"""Files are sent whole up to 20 MB, and in parts beyond."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kit.clock import Clock
from kit.stage import Stage

from models.errors import NotionRejected
from models.postgres.engine import Sessions
from tasks.notion.file_uploads import PART, SINGLE_MAX


@pytest.fixture
async def paid(sessions: Sessions) -> AsyncIterator[Stage]:
    """A workspace that takes large files."""
    made = Stage(sessions, Clock(), max_file_bytes=100 * 1024 * 1024)
    await made.open()
    yield made
    await made.close()


def of_size(folder: Path, size: int) -> Path:
    path = folder / "film.mp4"
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.parametrize(
    ("size", "parts"), [(1, 0), (SINGLE_MAX, 0), (SINGLE_MAX + 1, 2), (2 * PART + 1, 3)]
)
async def test_a_file_arrives_whole_in_as_many_parts_as_it_needs(
    paid: Stage, tmp_path: Path, size: int, parts: int
) -> None:
    path = of_size(tmp_path, size)
    upload_id = await paid.ctx.notion.files.upload(path, "film.mp4", "video/mp4")
    upload: Any = next(one for one in paid.sandbox.state.uploads if one.id == upload_id)
    assert (upload.status, upload.content_length) == ("uploaded", size)
    assert (upload.parts or 0) == parts


async def test_a_file_that_is_too_large_for_the_workspace_is_rejected(
    paid: Stage, tmp_path: Path
) -> None:
    path = of_size(tmp_path, 101 * 1024 * 1024)
    with pytest.raises(NotionRejected, match="allowed limit"):
        await paid.ctx.notion.files.upload(path, "film.mp4", "video/mp4")
