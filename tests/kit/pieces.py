"""A board with its databases of pieces, a card with a task, and files on this machine."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from kit.clock import Clock
from kit.stage import Stage
from models.postgres.engine import Sessions
from models.sync.pieces.source import RELATION_OF
from tasks.board.repair import repair
from tasks.board.snapshot import BoardAccess, take_snapshot
from tasks.sync.pieces.show import show_pieces
from tasks.sync.pieces.shown import Shown

SUFFIXES = {"clip": "mp4", "film": "mp4", "narration": "mp3"}
CHANNELS = ("deep_sea_stories", "history_in_ten")


class PieceStage(Stage):
    """A stage whose tasks make pieces.

    Attributes:
        folder: production's files.
        card_id: the page of a card whose task is in work.
        task_id: that task.
    """

    def __init__(self, sessions: Sessions, folder: Path) -> None:
        super().__init__(sessions, Clock())
        self.folder = folder
        self.card_id = ""
        self.task_id: UUID

    async def begin(self) -> None:
        """Repair the board, as an operator does, and make a card with a task."""
        self.ctx.settings = self.ctx.settings.model_copy(update={"production_dir": self.folder})
        await self.repair()
        self.card_id = await self.add_valid(status="Queued")
        await self.cycle()
        self.task_id = await self.moves(self.card_id, "Assets Generating")
        await self.cycle()

    async def repair(self) -> None:
        access = BoardAccess(notion=self.ctx.notion, channels=CHANNELS, sessions=self.sessions)
        await repair(access, await take_snapshot(access, self.database_id))

    async def make(
        self, kind: str, position: int = 1, *, round_: int = 1, content: str = "", **columns: Any
    ) -> UUID:
        """A step made a piece, with a file unless `path` says otherwise."""
        content = content or f"{kind} {position} of round {round_}"
        suffix = SUFFIXES.get(kind, "png")
        path = f"{kind}-{position}-{round_}.{suffix}"
        self.folder.mkdir(exist_ok=True)
        (self.folder / path).write_text(content)
        values = {
            "state": "done",
            "path": path,
            "sha256": hashlib.sha256(content.encode()).hexdigest(),
            "input_hash": "0" * 64,
            "title": f"Giant squid · {kind} {position}",
            **columns,
        }
        names = ", ".join(values)
        given = ", ".join(f":{name}" for name in values)
        async with self.sessions.begin() as session:
            made = await session.execute(
                text(
                    f"INSERT INTO pieces (task_id, kind, position, round, {names}) "
                    f"VALUES (:task, :kind, :position, :round, {given}) RETURNING id"
                ),
                {
                    "task": self.task_id,
                    "kind": kind,
                    "position": position,
                    "round": round_,
                    **values,
                },
            )
            found: UUID = made.scalar_one()
        return found

    async def finish(self, step: str) -> None:
        """A step is done."""
        await self.sql(
            "INSERT INTO steps (task_id, step, state) VALUES (:task, :step, 'done') "
            "ON CONFLICT (task_id, step) DO UPDATE SET state = 'done'",
            task=self.task_id,
            step=step,
        )

    async def shows_pieces(self) -> Shown:
        """One run of `show-pieces`."""
        return await show_pieces(self.ctx, until=self.ctx.clock() + timedelta(minutes=10))

    async def source_id(self, relation: str) -> str:
        """The data source that a relation of the board leads to."""
        board = await self.ask("GET", f"/v1/data_sources/{self.data_source_id}")
        return str(board["properties"][relation]["relation"]["data_source_id"])

    async def pages(self, relation: str = "Assets") -> list[dict[str, Any]]:
        """The pages behind a relation of the board."""
        source_id = await self.source_id(relation)
        answer = await self.ask("POST", f"/v1/data_sources/{source_id}/query", {})
        return list(answer["results"])

    async def page(self, kind: str) -> dict[str, Any]:
        """The properties of the only page of that kind's database."""
        (page,) = await self.pages(next(n for k, n in RELATION_OF.items() if k.value == kind))
        return {"id": page["id"], **page["properties"]}

    async def preview(self) -> list[dict[str, Any]]:
        """The files in the card's Preview."""
        page = await self.ask("GET", f"/v1/pages/{self.card_id}")
        return list(page["properties"]["Preview"]["files"])

    async def row(self, piece: UUID) -> dict[str, Any]:
        """What is stored of a piece's page."""
        async with self.sessions() as session:
            found = await session.execute(
                text("SELECT * FROM piece_pages WHERE piece_id = :piece"), {"piece": piece}
            )
            return dict(found.mappings().one())
