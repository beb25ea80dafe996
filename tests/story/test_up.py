"""`showrunner up` in an empty folder on real servers, twice: what a new user sees first."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from kit.processes.ports import free_ports
from kit.processes.programs import Up
from kit.stage import BOT_TOKEN, CHANNELS, Stage, properties
from kit.waiting import until
from sqlalchemy import URL

pytestmark = [pytest.mark.story, pytest.mark.timeout(400)]

SECONDS_TO_SYNC = 30.0
SECONDS_TO_SHOW = 90.0


PORTS = ("PREFECT_PORT", "SANDBOX_PORT", "RECEIVER_PORT", "WORKER_API_PORT")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("up")
    shutil.copytree(CHANNELS, made / "channel_configs")
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
async def up(folder: Path) -> AsyncIterator[Up]:
    ports = dict(zip(PORTS, map(str, free_ports(4)), strict=True))
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "NOTION_"))
    }
    made = Up(folder, {**mine, **ports})
    yield made
    if not made.ended() and made.process is not None:
        await made.stop()


@dataclass
class Person:
    """Somebody at work on the sandbox board."""

    client: httpx.Client
    data_source_id: str

    def add(self, **values: str) -> str:
        parent = {"type": "data_source_id", "data_source_id": self.data_source_id}
        answer = self.client.post(
            "/v1/pages", json={"parent": parent, "properties": properties(**values)}
        )
        return str(answer.raise_for_status().json()["id"])

    def sees(self, page_id: str) -> dict[str, Any]:
        return dict(self.client.get(f"/v1/pages/{page_id}").raise_for_status().json()["properties"])


def person(up: Up) -> Person:
    facts = json.loads((up.folder / ".showrunner/sandbox/sandbox.json").read_text())
    headers = {"Authorization": f"Bearer {facts['person_token']}", "Notion-Version": "2026-03-11"}
    client = httpx.Client(base_url=facts["base_url"], headers=headers)
    database = (
        client.get(f"/v1/databases/{up.facts()['NOTION_DATABASE_ID']}").raise_for_status().json()
    )
    return Person(client, database["data_sources"][0]["id"])


async def test_a_card_and_its_task_go_round_from_an_empty_folder_and_survive_a_restart(
    up: Up,
) -> None:
    said = await up.start()
    address = r"^\s+(board|Prefect UI|webhook receiver)\s+(http\S+)"
    urls = dict(re.findall(address, said, re.MULTILINE))
    assert set(urls) == {"board", "Prefect UI", "webhook receiver"}
    secrets = [up.facts()[name] for name in ("NOTION_API_TOKEN", "NOTION_WEBHOOK_SECRET")]
    arguments = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not [
        words for words in arguments if any(secret in " ".join(words) for secret in secrets)
    ]

    # 1. A card created on the board is a task in PostgreSQL, and the ingest run stands in Prefect's
    # UI.
    editor = person(up)
    whole = {
        "channel": "history_in_ten",  # served by outside workers
        "topic": "Architeuthis",
        "status": "Queued",
        "priority": "Normal",
    }
    page = editor.add(title="Giant squid", **whole)
    query = "SELECT id, status, board_status FROM tasks WHERE notion_page_id = %s"
    [(task_id, *statuses)] = await until(lambda: up.rows(query, page), SECONDS_TO_SYNC)
    assert statuses == ["pending", "Queued"]
    api = f"{urls['Prefect UI']}/api"

    def ingest_runs() -> list[dict[str, Any]]:
        asked = {
            "flows": {"name": {"any_": ["ingest"]}},
            "flow_runs": {"state": {"name": {"any_": ["Completed"]}}},
        }
        return list(
            httpx.post(f"{api}/flow_runs/filter", json=asked, timeout=30).raise_for_status().json()
        )

    await until(ingest_runs, SECONDS_TO_SYNC)

    # 2. The task moves; the card shows it at the next scheduled cycle.
    code, output = await up.run("task", "move", str(task_id), "Assets Generating")
    assert (code, "Queued → Assets Generating" in output) == (0, True), output

    def shown() -> bool:
        return bool(editor.sees(page)["Status"]["select"]["name"] == "Assets Generating")

    await until(shown, SECONDS_TO_SHOW)
    assert up.rows(query, page) == [(task_id, "processing", "Assets Generating")]
    assert editor.sees(page)["Time in Status"]["formula"]["string"] in {"0 min", "1 min", "2 min"}

    # The same webhook three times at once: one row, three 200s.
    await same_webhook_three_times(up, urls["webhook receiver"], page)

    # 3. Ctrl-C, up again: nothing lost, nothing doubled.
    before = up.rows("SELECT count(*) FROM tasks"), up.rows("SELECT count(*) FROM cards")
    assert await up.stop() == 0
    await up.start()
    await until(
        lambda: up.rows("SELECT 1 FROM sync_state WHERE key = 'last_good_cycle'"), SECONDS_TO_SYNC
    )
    assert (up.rows("SELECT count(*) FROM tasks"), up.rows("SELECT count(*) FROM cards")) == before
    second = person(up)
    assert second.sees(page)["Status"]["select"]["name"] == "Assets Generating"
    other = second.add(title="Colossal squid", **whole)
    await until(lambda: up.rows(query, other), SECONDS_TO_SYNC)
    code, output = await up.run("push", "--dry-run")
    assert code == 0, output
    await commands_are_runs_of_their_deployments(up)
    await the_doctor_finds_everything_green(up)
    await idle_cycles_leave_nothing_but_themselves(api)
    assert await up.stop() == 0
    assert not (up.folder / ".showrunner/up.json").exists()


async def idle_cycles_leave_nothing_but_themselves(api: str) -> None:
    """1,440 of them a day: each line they log would be 1,440 rows."""

    def found(what: str, **which: Any) -> list[dict[str, Any]]:
        return list(
            httpx.post(f"{api}/{what}/filter", json=which, timeout=30).raise_for_status().json()
        )

    done = {"name": {"any_": ["no changes"]}, "state": {"type": {"any_": ["COMPLETED"]}}}
    push = {"name": {"any_": ["push"]}}
    runs = await until(lambda: found("flow_runs", flow_runs=done, flows=push), SECONDS_TO_SHOW)
    ids = {"flow_run_id": {"any_": [run["id"] for run in runs]}}
    assert found("logs", logs=ids) == []
    assert found("artifacts", artifacts=ids) == []
    assert found("task_runs", task_runs=ids) == []


async def commands_are_runs_of_their_deployments(up: Up) -> None:
    code, output = await up.run("board", "check")
    assert code == 0, output
    assert output.startswith("Prefect runs it: ")
    assert output.endswith("The board is as it should be.\n")
    code, output = await up.run("retention", "--dry-run")
    assert code == 0, output
    assert output.startswith("Prefect runs it: ")
    assert output.endswith("no changes\n")


async def the_doctor_finds_everything_green(up: Up) -> None:
    code, output = await up.run("doctor")
    assert code == 0, output
    assert {line.split()[0] for line in output.splitlines()[:-2]} == {"ok"}, output
    code, output = await up.run("doctor", "--json")
    facts = json.loads(output)
    assert (code, facts["ok"], facts["notion_requests"]) == (0, True, 2)
    assert {check["state"] for check in facts["checks"]} == {"ok"}
    assert [check["online"] for check in facts["checks"] if check["name"] == "worker"] == [1]


async def same_webhook_three_times(up: Up, receiver: str, page: str) -> None:
    event = {
        "id": "story-event",
        "type": "page.properties_updated",
        "entity": {"id": page, "type": "page"},
    }
    body = json.dumps({**event, "authors": [], "data": {}}).encode()
    secret = up.facts()["NOTION_WEBHOOK_SECRET"].encode()
    signature = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Notion-Signature": signature}
    async with httpx.AsyncClient() as client:
        posts = [client.post(receiver, content=body, headers=headers) for _ in range(3)]
        answers = await asyncio.gather(*posts)
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert up.rows("SELECT count(*) FROM webhook_events WHERE event_id = 'story-event'") == [(1,)]
    await until(
        lambda: up.rows(
            "SELECT 1 FROM webhook_events WHERE event_id = 'story-event' AND processed"
        ),
        SECONDS_TO_SYNC,
    )


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("RECEIVER_PORT", "none", "RECEIVER_PORT"),
        ("DATABASE_URL", "mysql://x/y", "DATABASE_URL: it must begin with postgresql://"),
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/x", "does not answer"),
        ("NOTION_API_TOKEN", "ntn_x", "NOTION_DATABASE_ID is not"),
        ("CHANNEL_CONFIGS", "nowhere", "is not a folder"),
    ],
)
async def test_a_setting_that_cannot_work_ends_in_one_sentence(
    tmp_path: Path, up: Up, setting: str, value: str, sentence: str
) -> None:
    shutil.copytree(CHANNELS, tmp_path / "channel_configs")
    ports = dict(zip(PORTS, map(str, free_ports(4)), strict=True))
    wrong = Up(tmp_path, {**up.environment, **ports, setting: value})
    code, output = await wrong.run("up")
    assert code == 1, output
    assert sentence in output
    assert "Traceback" not in output


async def test_a_port_in_use_is_named_with_the_setting_that_moves_it(
    tmp_path: Path, up: Up
) -> None:
    shutil.copytree(CHANNELS, tmp_path / "channel_configs")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, output = await Up(tmp_path, {**up.environment, "RECEIVER_PORT": str(port)}).run("up")
    assert code == 1
    assert f"Port {port} for the webhook receiver cannot be used" in output
    assert "RECEIVER_PORT" in output


async def test_a_wrong_token_is_said_in_one_sentence(
    tmp_path: Path, up: Up, stage: Stage, database: URL
) -> None:
    code, output = await against(stage, database, tmp_path, up, NOTION_API_TOKEN="ntn_wrong")
    assert code == 1
    assert "API token is invalid. - is NOTION_API_TOKEN right?" in output
    assert "Traceback" not in output


async def test_a_board_without_a_needed_property_is_said_in_one_sentence(
    tmp_path: Path, up: Up, stage: Stage, database: URL
) -> None:
    await stage.ask(
        "PATCH", f"/v1/data_sources/{stage.data_source_id}", {"properties": {"Topic": None}}
    )
    code, output = await against(stage, database, tmp_path, up)
    assert code == 1
    assert (
        "The board cannot be followed: it has no property “Topic” (rich_text); it has: " in output
    )
    assert "Traceback" not in output


async def against(
    stage: Stage, database: URL, folder: Path, up: Up, **settings: str
) -> tuple[int, str]:
    """`showrunner up` on a board and a database that are there already."""
    shutil.copytree(CHANNELS, folder / "channel_configs")
    ports = dict(zip(PORTS, map(str, free_ports(4)), strict=True))
    mine = {
        "DATABASE_URL": database.render_as_string(hide_password=False),
        "NOTION_API_TOKEN": BOT_TOKEN,
        "NOTION_DATABASE_ID": stage.database_id,
        "NOTION_BASE_URL": str(stage.people.base_url).rstrip("/"),
    }
    return await Up(folder, {**up.environment, **ports, **mine, **settings}).run("up")
