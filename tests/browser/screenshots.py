"""`make screenshots`: the pictures of the README, taken of a `showrunner up` in a temporary folder.

Things happen as in the README's own story: an editor's cards, one that is not valid, a task that a
worker moves.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import struct
import sys
import tempfile
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from browser_stage import ARGUMENTS, BROWSERS, VERSION, column_of, driver, expect, find_browser
from kit.processes.ports import free_ports
from kit.processes.programs import Up
from kit.stage import CHANNELS, properties
from kit.waiting import until

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

PICTURES = Path(__file__).parent.parent.parent / "docs" / "pictures"
MOST_BYTES = 150_000
SECONDS_TO_SHOW = 90.0
WIDE, LOW, TALL = (
    {"width": wide, "height": high} for wide, high in ((1440, 680), (1280, 600), (1280, 780))
)
CARDS = (
    (
        "The clock that found longitude",
        "John Harrison and the sea clocks",
        "history_in_ten",
        "Draft",
        "Normal",
    ),
    (
        "Lanterns of the deep",
        "How anglerfish make light",
        "deep_sea_stories",
        "Ready for Planning",
        "High",
    ),
    (
        "Salt, silver and the road between",
        "Trade across the Sahara",
        "history_in_ten",
        "Queued",
        "Normal",
    ),
    (
        "A city that moved every spring",
        "The nomad court of Karakorum",
        "history_in_ten",
        "Queued",
        "Low",
    ),
    (
        "The sound that ships could not name",
        "The Bloop of 1997",
        "deep_sea_stories",
        "Review Approved",
        "Normal",
    ),
    ("Where eels go", "The Sargasso Sea", "deep_sea_stories", "Upload Complete", "Normal"),
)
"""Title, topic, channel, status, priority."""
MOVES = (
    ("The first message under the Atlantic", "Assets Generating"),
    ("Salt, silver and the road between", "Processing"),
    ("A city that moved every spring", "Error: API Failure"),
)
"""What the pipeline does: the title of a card, and where its task goes."""
QUEUED = "Why the giant squid stays unseen"
INVALID = "What a whale fall feeds"


@dataclass
class Scene:
    """A `showrunner up`, its editor, and its addresses."""

    up: Up
    editor: httpx.Client
    data_source_id: str

    @property
    def board(self) -> str:
        return self.up.facts()["NOTION_BASE_URL"]

    @property
    def prefect(self) -> str:
        return self.up.facts()["PREFECT_API_URL"]

    def cards(self) -> dict[str, dict[str, Any]]:
        """What every card shows, by its title."""
        found = self._ask("POST", f"/v1/data_sources/{self.data_source_id}/query", {})["results"]
        return {page["properties"]["Title"]["title"][0]["plain_text"]: page for page in found}

    def add(self, title: str, topic: str, channel: str, status: str, priority: str) -> None:
        given = properties(
            title=title, topic=topic, channel=channel, status=status, priority=priority
        )
        parent = {"type": "data_source_id", "data_source_id": self.data_source_id}
        self._ask("POST", "/v1/pages", {"parent": parent, "properties": given})

    def move(self, title: str, status: str) -> None:
        self._ask(
            "PATCH",
            f"/v1/pages/{self.cards()[title]['id']}",
            {"properties": properties(status=status)},
        )

    def task_of(self, title: str) -> Any:
        rows = self.up.rows("SELECT id FROM tasks WHERE title = %s", title)
        return rows[0][0] if rows else None

    def board_status_of(self, title: str) -> Any:
        return self.up.rows("SELECT board_status FROM tasks WHERE title = %s", title)[0][0]

    def cycle(self) -> None:
        """A push run now rather than within the minute."""
        deployment = (
            httpx.get(f"{self.prefect}/deployments/name/push/push").raise_for_status().json()
        )
        run = {"state": {"type": "SCHEDULED"}}
        httpx.post(
            f"{self.prefect}/deployments/{deployment['id']}/create_flow_run", json=run
        ).raise_for_status()

    def status_of(self, title: str) -> str:
        return str(self.cards()[title]["properties"]["Status"]["select"]["name"])

    def attention_of(self, title: str) -> str:
        parts = self.cards()[title]["properties"]["Attention"]["rich_text"]
        return "".join(part["plain_text"] for part in parts)

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return dict(self.editor.request(method, path, json=body).raise_for_status().json())


async def main() -> None:
    browser = find_browser()
    if browser is None:
        sys.exit(f"Screenshots need a browser: none of {', '.join(BROWSERS)} is installed.")
    folder = Path(tempfile.mkdtemp(prefix="showrunner-pictures-"))
    shutil.copytree(CHANNELS, folder / "channel_configs")
    names = ("PREFECT_PORT", "SANDBOX_PORT", "RECEIVER_PORT", "WORKER_API_PORT")
    ports = dict(zip(names, map(str, free_ports(4)), strict=True))
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "NOTION_"))
    }
    up = Up(folder, {**mine, **ports})
    try:
        await up.start()
        scene = _scene(up)
        await _happen(scene)
        async with driver.async_playwright() as playwright:
            opened = await playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
            await _take(scene, opened)
            await opened.close()
    finally:
        await up.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _scene(up: Up) -> Scene:
    facts = json.loads((up.folder / ".showrunner/sandbox/sandbox.json").read_text())
    headers = {"Authorization": f"Bearer {facts['person_token']}", "Notion-Version": VERSION}
    editor = httpx.Client(base_url=facts["base_url"], headers=headers, trust_env=False)
    database = (
        editor.get(f"/v1/databases/{up.facts()['NOTION_DATABASE_ID']}").raise_for_status().json()
    )
    return Scene(up, editor, database["data_sources"][0]["id"])


async def _happen(scene: Scene) -> None:
    for card in CARDS:
        scene.add(*card)
    await until(lambda: all(scene.task_of(title) for title, _ in MOVES), SECONDS_TO_SHOW)
    scene.cycle()
    await until(lambda: scene.attention_of(INVALID), SECONDS_TO_SHOW)
    scene.move(QUEUED, "Queued")
    await until(lambda: scene.board_status_of(QUEUED) == "Queued", SECONDS_TO_SHOW)
    for title, status in MOVES:
        code, said = await scene.up.run("task", "move", str(scene.task_of(title)), status)
        if code:
            sys.exit(said)
    scene.cycle()
    await until(
        lambda: all(scene.status_of(title) == status for title, status in MOVES), SECONDS_TO_SHOW
    )


async def _take(scene: Scene, browser: Browser) -> None:
    async def board(page: Page) -> None:
        await expect(column_of(page, "Assets Generating").locator(".card")).to_have_count(1)
        await page.get_by_role("button", name="Activity").click()
        await expect(page.locator(".requests li", has_text="PATCH").first).to_be_visible()

    async def card(page: Page) -> None:
        await page.locator(".card", has_text=INVALID).click()
        await expect(page.get_by_label("Attention", exact=True)).to_have_value("Topic is empty.")
        # The pointer away from it, so that nothing looks chosen.
        await page.mouse.move(1, 1)

    async def runs(page: Page) -> None:
        # The list stands below a chart, and makes its rows when they come into view.
        await expect(page.get_by_text("Items per page")).to_be_attached()
        await page.mouse.move(TALL["width"] / 2, TALL["height"] / 2)
        await page.mouse.wheel(0, 10 * TALL["height"])
        await expect(page.get_by_text(re.compile(r"took \d"))).to_be_visible()
        await expect(page.get_by_text(f"pushed {len(MOVES)}")).to_be_visible()
        await page.wait_for_load_state("networkidle")

    async def deployments(page: Page) -> None:
        await expect(page.get_by_text("import-board").first).to_be_visible()
        await page.wait_for_load_state("networkidle")

    ui = scene.prefect.removesuffix("/api")
    await _picture(browser, "board", scene.board, WIDE, board)
    await _picture(browser, "card", scene.board, LOW, card)
    await _picture(browser, "prefect-runs", f"{ui}/runs", TALL, runs)
    await _picture(browser, "prefect-deployments", f"{ui}/deployments", LOW, deployments)


async def _picture(
    browser: Browser, name: str, url: str, size: Any, prepare: Callable[[Page], Awaitable[None]]
) -> None:
    context = await browser.new_context(
        viewport=size, reduced_motion="reduce", color_scheme="light"
    )
    page = await context.new_page()
    await page.goto(url, wait_until="load")
    await prepare(page)
    PICTURES.mkdir(parents=True, exist_ok=True)
    small = packed(await page.screenshot(animations="disabled"))
    (PICTURES / f"{name}.png").write_bytes(small)
    await context.close()
    sys.stdout.write(f"docs/pictures/{name}.png  {len(small) / 1000:.0f} kB\n")
    if len(small) > MOST_BYTES:
        sys.exit(f"{name}.png is larger than {MOST_BYTES / 1000:.0f} kB.")


def packed(png: bytes) -> bytes:
    """The same picture with its rows compressed better than browsers do (PNG, section 10)."""
    chunks, at = [], 8
    while at < len(png):
        length = struct.unpack(">I", png[at : at + 4])[0]
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += length + 12
    rows = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))
    kept = [(kind, data) for kind, data in chunks if kind not in (b"IDAT", b"IEND")]
    written = [*kept, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return png[:8] + b"".join(_chunk(kind, data) for kind, data in written)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    asyncio.run(main())
