"""One `showrunner up` for all the kills, on a board whose process outlives them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import yaml
from crash_board import BOT, CrashBoard, facts
from crash_burst import STANDING
from crash_stack import Crashing
from kit.processes.ports import free_ports
from kit.processes.programs import Up
from kit.stage import BOT_TOKEN, CHANNELS, PERSON_TOKEN
from kit.waiting import until

from cli.stack.processes import Child

REQUESTS_PER_SECOND = 40
"""So that a backlog of three hundred is written in seconds; at Notion's 3 it takes a hundred."""
WEBHOOK_SECRET = "secret_crash"
SECONDS_TO_IMPORT = 60.0


@pytest.fixture(scope="module")
async def board(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CrashBoard]:
    """The board, filled; its webhooks go to `receiver`."""
    folder = tmp_path_factory.mktemp("sandbox")
    port, receiver = free_ports(2)
    url = f"http://127.0.0.1:{port}"
    options = {
        "--port": port,
        "--state": folder,
        "--bot-name": BOT,
        "--requests-per-minute": 1_000_000,
        "--webhook-url": f"http://127.0.0.1:{receiver}/webhook/notion",
    }
    secrets = {
        "SANDBOX_BOT_TOKEN": BOT_TOKEN,
        "SANDBOX_PERSON_TOKEN": PERSON_TOKEN,
        "SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    command = [
        sys.executable,
        "-m",
        "notion_sandbox",
        *(str(word) for option in options.items() for word in option),
    ]
    process = Child(
        "sandbox", command, secrets, folder / "sandbox.log", f"{url}/sandbox/requests?since=-1"
    )
    headers = {"Authorization": f"Bearer {PERSON_TOKEN}", "Notion-Version": "2026-03-11"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=60, trust_env=False
    ) as people:
        try:
            await process.start()
            made = CrashBoard(process, people, receiver_port=receiver)
            await made.make(facts(folder)["root_page_id"], STANDING)
            yield made
        finally:
            await process.stop()


@pytest.fixture(scope="module")
async def crashing(
    board: CrashBoard, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Crashing]:
    """Everything up, and the board imported."""
    folder = tmp_path_factory.mktemp("crash")
    configs = shutil.copytree(CHANNELS, folder / "channel_configs")
    for file in configs.glob("*.yaml"):
        # Nobody but the burst moves its tasks.
        channel = yaml.safe_load(file.read_text())
        channel.pop("production", None)
        file.write_text(yaml.safe_dump(channel))
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "NOTION_"))
    }
    settings = {
        "PREFECT_PORT": str(free_ports(1)[0]),
        "RECEIVER_PORT": str(board.receiver_port),
        "WORKER_API_PORT": str(free_ports(1)[0]),
        "NOTION_API_TOKEN": BOT_TOKEN,
        "NOTION_DATABASE_ID": board.database_id,
        "NOTION_BASE_URL": str(board.people.base_url).rstrip("/"),
        "NOTION_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "NOTION_REQUESTS_PER_SECOND": str(REQUESTS_PER_SECOND),
    }
    made = Crashing(Up(folder, {**mine, **settings}))
    try:
        await made.up.start()
        cycle = "SELECT 1 FROM sync_state WHERE key = 'last_good_cycle'"
        await until(lambda: made.up.rows(cycle), SECONDS_TO_IMPORT)
        yield made
    finally:
        await made.end()


@pytest.fixture
def tell(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], None]:
    """Print a line of figures, whatever is captured."""
    terminal = request.config.pluginmanager.get_plugin("terminalreporter")

    def line(text: str) -> None:
        with capsys.disabled():
            terminal.write_line(f"\n  {text}")

    return line
