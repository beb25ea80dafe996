"""The board of the crash tests: a sandbox process of its own, and a person at work on it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from kit.stage import properties

from cli.stack.processes import Child
from models.rules.board_schema import Board, read_board
from models.rules.codec.read import BoardCard, read_card
from models.rules.new_board import board_schema

BOT = "Showrunner"
CHANNELS = ("deep_sea_stories", "history_in_ten")


@dataclass
class CrashBoard:
    """A board that outlives every crash, as Notion does.

    Attributes:
        people: a client with a person's token.
        receiver_port: where its webhooks go.
        cards: page ids in the order in which they were made.
    """

    process: Child
    people: httpx.AsyncClient
    receiver_port: int
    database_id: str = ""
    data_source_id: str = ""
    cards: list[str] = field(default_factory=list)

    async def make(self, root_page_id: str, statuses: list[str]) -> None:
        """The board, with a valid card in each of those columns."""
        parent: dict[str, str] = {"type": "page_id", "page_id": root_page_id}
        schema = {"properties": board_schema(list(CHANNELS))}
        made = await self.ask(
            "POST", "/v1/databases", {"parent": parent, "initial_data_source": schema}
        )
        self.database_id, self.data_source_id = made["id"], made["data_sources"][0]["id"]
        parent = {"type": "data_source_id", "data_source_id": self.data_source_id}
        for number, status in enumerate(statuses):
            values = {
                "title": f"Card {number}",
                "topic": "Architeuthis",
                "status": status,
                "priority": "Normal",
            }
            card = properties(**values, channel=CHANNELS[number % 2])
            self.cards.append(
                (await self.ask("POST", "/v1/pages", {"parent": parent, "properties": card}))["id"]
            )

    async def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A request of a person's client."""
        answer = await self.people.request(method, path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def edit(self, page_id: str, **values: str) -> None:
        """A person edits a card."""
        await self.ask("PATCH", f"/v1/pages/{page_id}", {"properties": properties(**values)})

    async def schema(self) -> Board:
        """The board's properties as Notion tells them, options and all."""
        return read_board(await self.ask("GET", f"/v1/data_sources/{self.data_source_id}"))

    async def shows(self) -> dict[str, BoardCard]:
        """Every card by page id, as it stands."""
        board, found, after = await self.schema(), {}, {}
        while True:
            page = await self.ask(
                "POST", f"/v1/data_sources/{self.data_source_id}/query", {"page_size": 100, **after}
            )
            cards = [read_card(each, board) for each in page["results"]]
            found |= {card.page_id: card for card in cards}
            if not page["has_more"]:
                return found
            after = {"start_cursor": page["next_cursor"]}

    async def requests(self, since: int = 0) -> tuple[int, list[dict[str, Any]]]:
        """The number of the last request, and those of our connection after that number."""
        log = await self.ask("GET", f"/sandbox/requests?since={since}")
        return log["last"], [request for request in log["requests"] if request["user"] == BOT]

    async def writes(self, since: int) -> int:
        """How many writes our connection sent after that number."""
        return sum(request["method"] == "PATCH" for request in (await self.requests(since))[1])

    async def undelivered(self) -> int:
        """Webhooks on their way, or still being gathered."""
        deliveries = await self.ask("GET", "/sandbox/webhooks")
        return int(deliveries["gathering"] + deliveries["pending"])


def facts(state: Any) -> dict[str, Any]:
    """What a sandbox process says of itself."""
    return dict(json.loads((state / "sandbox.json").read_text()))
