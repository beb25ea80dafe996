"""What users do on the board, noted in the ledger and in the history's trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kit.clock import Clock
from kit.stage import Stage, properties

from simulation.world.ledger import Ledger
from simulation.world.turns import Turns


class StoppableClock(Clock):
    """A clock that can stand still, so that it does not matter who of two looks at it first."""

    stands = False

    def __call__(self) -> datetime:
        return self.now if self.stands else super().__call__()


class Users(Stage):
    """A stage whose users' requests are noted.

    Attributes:
        touched: pages and properties that users edited, also to what they were already.
        answer: the JSON of the last answer to a user.
    """

    ledger: Ledger
    turns: Turns
    ids: dict[str, str]
    cards: list[str]
    touched: set[tuple[str, str]]
    answer: dict[str, Any]

    async def write(self, page_id: str, **values: Any) -> bool:
        """A person edits a card, by the properties' ids, as a click does."""
        self.touched |= {(page_id, name) for name in properties(**values)}
        return await self.person(
            "PATCH", f"/v1/pages/{page_id}", {"properties": self._given(values)}
        )

    def _given(self, values: dict[str, Any]) -> dict[str, Any]:
        given = {self.ids[name]: value for name, value in properties(**values).items()}
        kinds = {key: self.ledger.schema[key].kind for key in given if key in self.ledger.schema}
        given = {key: value for key, value in given.items() if key in kinds}
        return {
            key: {kinds[key]: content} for key, value in given.items() for content in value.values()
        }

    async def person(self, method: str, path: str, body: Any = None, who: str = "person") -> bool:
        answer = await self.people.request(method, path, json=body)
        self.ledger.record_read(who)
        self.answer = answer.json()
        self.turns.trail.append(
            f"    {who} {method} {path[-36:]} {answer.status_code} {str(body)[:300]}"
        )
        return answer.is_success

    async def make(self, **values: Any) -> None:
        parent = {"type": "data_source_id", "data_source_id": self.data_source_id}
        if await self.person(
            "POST", "/v1/pages", {"parent": parent, "properties": self._given(values)}
        ):
            self.cards.append(self.answer["id"])

    def left(self, page_id: str) -> bool:
        """Whether a page lies in the trash or elsewhere than on the board."""
        page = self.sandbox.state.pages[page_id]
        return page.in_trash or page.data_source_id != self.data_source_id
