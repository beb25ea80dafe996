"""What `showrunner up` starts gets its secrets in the environment: anybody may read arguments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.stack import start
from cli.stack.processes import Child
from cli.stack.stack import Stack
from models.settings import Settings

SECRETS = {
    "NOTION_API_TOKEN": "ntn_a-token",
    "NOTION_WEBHOOK_SECRET": "secret_the-webhooks",
    "NOTION_WEBHOOK_SECRET_PREVIOUS": "secret_the-former",
    "AUTOMATION_WEBHOOK_SECRET": "the-automations",
    "DATABASE_URL": "postgresql://showrunner:the-databases@127.0.0.1/showrunner",
    "PREFECT_API_AUTH_STRING": "admin:the-servers",
    "ALERT_URLS": "discord://hook/the-receivers",
}
WORDS = {value.rpartition("/showrunner")[0] or value for value in SECRETS.values()} | {
    *("the-databases", "the-servers", "the-receivers")
}


def test_every_secret_setting_is_among_these() -> None:
    secret = {
        name.upper()
        for name, field in Settings.model_fields.items()
        if "SecretStr" in repr(field.annotation)
    }
    assert secret <= set(SECRETS)


@pytest.mark.parametrize("sandbox", [False, True], ids=["Notion itself", "the sandbox"])
async def test_no_part_gets_a_secret_as_an_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, sandbox: bool
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    if sandbox:
        monkeypatch.delenv("NOTION_API_TOKEN")
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    facts = {"base_url": "http://127.0.0.1:1", "bot_token": SECRETS["NOTION_API_TOKEN"]}
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox/sandbox.json").write_text(
        json.dumps(facts | {"webhook_secret": SECRETS["NOTION_WEBHOOK_SECRET"]})
    )
    started: list[Child] = []

    async def start_child(child: Child) -> None:
        started.append(child)

    async def board_id(*_: Any) -> str:
        return "board-1"

    monkeypatch.setattr(Child, "start", start_child)
    monkeypatch.setattr(start, "_start_board", start._start_notion)
    monkeypatch.setattr(start, "ensure_board", board_id)
    monkeypatch.setattr(start, "_start_first_cycle", board_id)
    stack = Stack(settings=Settings(_env_file=None))  # type: ignore[call-arg]
    await start.start_parts(stack, {})

    parts = {child.name: child for child in started}
    assert set(parts) == {"prefect", "receiver", "worker"} | ({"sandbox"} if sandbox else set())
    for child in started:
        assert not [word for word in WORDS if word in " ".join(child.command)], child.name
        assert not [word for word in WORDS if word in repr(child)], child.name
    given = " ".join(parts["worker"].environment.values())
    assert [word for word in WORDS if word not in given] == []
