"""One video of three scenes: from the drag to Queued until the board shows Ready for Review.

`showrunner up` runs with its sandbox and the sample channel, whose makers note when they work. A
person drags the card to Queued, and approves the composites as soon as the card shows them.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.kit.figures import Figure, main
from benchmarks.kit.places import CHANNELS, folder, free_port
from benchmarks.kit.waiting import until
from benchmarks.production.step_times import StepTime, step_times
from benchmarks.production.timed_makers import installed, write_channel
from benchmarks.stack import GOOD, up

TITLE = "Why the giant squid stays unseen"
"""A card of the sandbox's board with a story of three scenes, in Draft."""
OURS_SECONDS = 1.0
MADE_SECONDS = 200.0
_CARD = "SELECT id, notion_page_id FROM tasks WHERE title = %s AND notion_page_id IS NOT NULL"


class Person:
    """An editor of the sandbox's board, who moves cards."""

    def __init__(self, client: httpx.AsyncClient, page: str) -> None:
        self._client, self._path = client, f"/v1/pages/{page}"

    async def column(self) -> str:
        """Where the card stands."""
        card = (await self._client.get(self._path)).raise_for_status().json()
        return str(card["properties"]["Status"]["select"]["name"])

    async def drag(self, column: str) -> None:
        """Drag the card there."""
        body = {"properties": {"Status": {"select": {"name": column}}}}
        (await self._client.patch(self._path, json=body)).raise_for_status()

    async def sees(self, column: str) -> None:
        """Return when the card stands there.

        Raises:
            AssertionError: it stands in an Error column.
        """

        async def stands_there() -> bool:
            found = await self.column()
            assert not found.startswith("Error"), found
            return found == column

        await until(stands_there, f"the card in {column}", seconds=MADE_SECONDS, every=0.2)


def person_client(place: Path) -> httpx.AsyncClient:
    """A client of the person whom the sandbox knows."""
    known: dict[str, Any] = json.loads((place / ".showrunner/sandbox/sandbox.json").read_text())
    headers = {"Authorization": f"Bearer {known['person_token']}", "Notion-Version": "2026-03-11"}
    return httpx.AsyncClient(base_url=known["base_url"], headers=headers, trust_env=False)


async def produce(person: Person) -> tuple[float, float]:
    """Drag the card, approve, and wait; seconds until each of the two columns was seen."""
    began = time.monotonic()
    await person.drag("Queued")
    await person.sees("Composites Ready")
    at_gate = time.monotonic() - began
    await person.drag("Videos Generating")
    await person.sees("Ready for Review")
    return at_gate, time.monotonic() - began


def figures(at_gate: float, seconds: float, steps: Sequence[StepTime]) -> list[Figure]:
    """The whole time, and our part of the slowest step."""
    makers, ours = sum(one.makers for one in steps), sum(one.ours for one in steps)
    worst = max(steps, key=lambda one: one.ours)
    parts = ", ".join(f"{one.step} {one.ours:.2f} of {one.total:.1f} s" for one in steps)
    return [
        Figure(
            what="a video of 3 scenes, from the drag to Queued until the board shows Ready for "
            "Review, approved at once",
            limit="measured, where the time goes",
            measured=f"{seconds:.1f} s",
            good=True,
            note=f"Inside the makers (FFmpeg and pictures) {makers:.1f} s, our own time of "
            f"{len(steps)} steps {ours:.1f} s, between board and database "
            f"{seconds - makers - ours:.1f} s. The gate was seen after {at_gate:.1f} s",
        ),
        Figure(
            what="production: our own time a step, makers left out",
            limit=f"{OURS_SECONDS:.0f} s in each step",
            measured=f"at most {worst.ours:.2f} s ({worst.step})",
            ratio=worst.ours / OURS_SECONDS,
            good=worst.ours <= OURS_SECONDS,
            note=f"Of each step's whole time: {parts}",
        ),
    ]


async def measure() -> Sequence[Figure]:
    """Start everything in an empty folder, and produce one video."""
    names = ("PREFECT_PORT", "SANDBOX_PORT", "RECEIVER_PORT", "WORKER_API_PORT")
    ports = {name: str(free_port()) for name in names}
    with folder() as place:
        shutil.copytree(CHANNELS, place / "channel_configs")
        write_channel(place / "channel_configs")
        makers = installed(place / "makers")
        async with up(place, ports | makers) as command:
            await command.until_up()
            async with (
                await psycopg.AsyncConnection.connect(
                    command.database(), autocommit=True
                ) as connection,
                person_client(place) as client,
            ):

                async def card() -> Any:
                    return await (await connection.execute(_CARD, [TITLE])).fetchone()

                task, page = await until(card, "the first cards")

                async def good_cycle() -> Any:
                    return await (await connection.execute(GOOD)).fetchone()

                await until(good_cycle, "the first cycle")
                at_gate, seconds = await produce(Person(client, str(page)))
                return figures(at_gate, seconds, await step_times(connection, task))


if __name__ == "__main__":
    main(measure)
