"""Seeded histories: pieces are made while requests fail, processes die and people interfere."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import httpx
import pytest
from kit.pieces import SUFFIXES, PieceStage
from sqlalchemy import text

STEPS = 60
KINDS = ("image", "composite", "clip", "narration")
SCENES = 3


class Killed(BaseException):
    """The process died."""


class History:
    """What happens to the pieces of one video, by chance, until the world calms down.

    Attributes:
        trashed: pieces whose page people threw away.
        theirs: by piece, the file that people put on its page.
        lost: files that vanished from the disk, by piece.
    """

    def __init__(self, stage: PieceStage, rng: Random) -> None:
        self.stage, self.rng = stage, rng
        self.made: dict[UUID, tuple[str, int, int]] = {}
        self.trashed: set[UUID] = set()
        self.theirs: set[UUID] = set()
        self.lost: set[UUID] = set()
        self.happened: Counter[str] = Counter()
        assert stage.between is not None
        self.network = stage.between

    async def live(self) -> None:
        chances: dict[Callable[[], Awaitable[None]], int] = {
            self.a_piece_is_made: 30,
            self.a_run: 30,
            self.a_run_that_dies: 10,
            self.requests_fail: 12,
            self.a_page_is_trashed: 4,
            self.people_add_a_file: 5,
            self.a_file_vanishes: 3,
            self.a_piece_changes: 6,
        }
        for _ in range(STEPS):
            (kind,) = self.rng.choices(list(chances), list(chances.values()))
            self.happened[kind.__name__] += 1
            await kind()
            self.stage.clock.pass_(self.rng.choice([1, 20, 60, 400]))
        self.stage.sandbox.api.faults.clear()
        for _ in range(4):
            self.stage.clock.pass_(3700)
            await self.stage.shows_pieces()

    async def a_piece_is_made(self) -> None:
        kind, position = self.rng.choice(KINDS), self.rng.randint(1, SCENES)
        earlier = [made for made in self.made.values() if made[:2] == (kind, position)]
        round_ = len(earlier) + 1
        self.made[await self.stage.make(kind, position, round_=round_)] = (kind, position, round_)

    async def a_run(self) -> None:
        await self.stage.shows_pieces()

    async def a_run_that_dies(self) -> None:
        """Before or after any of its writes."""
        left = [self.rng.randint(1, 6)]

        def die(request: httpx.Request, response: httpx.Response) -> httpx.Response:
            if request.method in {"POST", "PATCH"}:
                left[0] -= 1
                if left[0] == 0:
                    raise Killed
            return response

        self.network.alter = die
        try:
            await self.stage.shows_pieces()
        except Killed:
            self.happened["runs that died"] += 1
        self.network.alter = lambda _request, response: response

    async def requests_fail(self) -> None:
        """Some are refused, some are not saved, and some are saved all the same."""
        rng = self.rng
        status = rng.choice([429, 500, 502, 503, 503, 409, 529])
        saved = status in {500, 502, 503} and rng.random() < 0.6
        method, path = rng.choice([("POST", "/v1/pages"), ("PATCH", "/v1/pages"), (None, "/v1/")])
        self.stage.sandbox.api.faults.add(
            status, times=rng.randint(1, 3), method=method, path=path, saved=saved
        )

    async def a_page_is_trashed(self) -> None:
        for piece, page in await self._some_page():
            await self.stage.trash(page)
            self.trashed.add(piece)

    async def people_add_a_file(self) -> None:
        for piece, page in await self._some_page():
            shown = await self.stage.ask("GET", f"/v1/pages/{page}")
            present = shown["properties"]["File"]["files"]
            mine = {"type": "external", "name": "mine", "external": {"url": "https://x.org/a.png"}}
            if not shown["in_trash"] and not any(item["name"] == "mine" for item in present):
                files = {"File": {"files": [*present, mine]}}
                await self.stage.ask("PATCH", f"/v1/pages/{page}", {"properties": files})
                self.theirs.add(piece)

    async def a_file_vanishes(self) -> None:
        if self.made:
            piece = self.rng.choice(list(self.made))
            self._path(piece).unlink(missing_ok=True)
            self.lost.add(piece)

    async def a_piece_changes(self) -> None:
        """The same piece is attached again with another content."""
        if not self.made:
            return
        piece = self.rng.choice(list(self.made))
        content = f"other content {self.rng.random()}"
        self._path(piece).write_text(content)
        self.lost.discard(piece)
        await self.stage.sql(
            "UPDATE pieces SET sha256 = :sha WHERE id = :piece",
            sha=hashlib.sha256(content.encode()).hexdigest(),
            piece=piece,
        )

    def _path(self, piece: UUID) -> Path:
        kind, position, round_ = self.made[piece]
        return self.stage.folder / f"{kind}-{position}-{round_}.{SUFFIXES.get(kind, 'png')}"

    async def _some_page(self) -> list[tuple[UUID, str]]:
        rows = await self.rows(
            "SELECT piece_id, notion_page_id FROM piece_pages WHERE notion_page_id IS NOT NULL "
            "ORDER BY notion_page_id"
        )
        return [tuple(self.rng.choice(rows).values())] if rows else []  # type: ignore[list-item]

    async def rows(self, query: str) -> list[dict[str, Any]]:
        async with self.stage.sessions() as session:
            return [dict(row) for row in (await session.execute(text(query))).mappings()]

    # Laws.

    async def broken(self) -> list[str]:
        """Every law that does not hold, with the facts."""
        shown: dict[str, list[Any]] = {}
        for name in ("Assets", "Videos", "Audio"):
            for page in await self.stage.pages(name):
                marker = page["properties"]["Piece"]["rich_text"][0]["plain_text"]
                shown.setdefault(marker, []).append(page)
        found = [f"{len(pages)} pages of {of}" for of, pages in shown.items() if len(pages) > 1]
        hashes = {
            row["id"]: row["sha256"] for row in await self.rows("SELECT id, sha256 FROM pieces")
        }
        for piece, made in self.made.items():
            if piece in self.trashed:
                if str(piece) in shown:
                    found.append(f"{made} was trashed and is there again")
                continue
            pages = shown.get(str(piece))
            if pages is None:
                found.append(f"{made} has no page")
            else:
                found += self._wrong(made, piece, pages[0]["properties"], hashes[piece])
        return found

    def _wrong(
        self, made: tuple[str, int, int], piece: UUID, page: dict[str, Any], sha256: str
    ) -> list[str]:
        found = []
        names = [item["name"] for item in page["File"]["files"]]
        ours = [name for name in names if name != "mine"]
        latest = all(other[2] <= made[2] for other in self.made.values() if other[:2] == made[:2])
        status = page["Status"]["select"]["name"]
        if status != ("Done" if latest else "Replaced"):
            found.append(f"{made} shows {status}")
        if piece in self.theirs and "mine" not in names:
            found.append(f"{made} lost the file of people")
        if piece not in self.lost and (len(ours) != 1 or sha256[:12] not in ours[0]):
            found.append(f"{made} shows {names}, not {sha256[:12]}")
        return found


@pytest.mark.parametrize("seed", range(8))
async def test_after_any_history_each_piece_has_one_page_with_its_file(
    stage: PieceStage, seed: int
) -> None:
    history = History(stage, Random(seed))
    await history.live()
    assert history.made
    assert await history.broken() == []
    async with stage.requests() as made:
        await stage.shows_pieces()
        assert made() == []
