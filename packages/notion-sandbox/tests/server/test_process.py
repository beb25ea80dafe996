"""`python -m notion_sandbox` and its state: restarts, kills, wrong settings."""

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sandbox_harness import Harness, MakeHarness, Text

import notion_sandbox
from notion_sandbox import Account, Config, create_app
from notion_sandbox.__main__ import main
from notion_sandbox.store.storage import FILE_NAME

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


SECRETS = {
    "SANDBOX_BOT_TOKEN": "bot",
    "SANDBOX_PERSON_TOKEN": "person",
    "SANDBOX_WEBHOOK_SECRET": "secret",
}


@contextmanager
def _running(folder: Path, *options: str, **environment: str) -> Any:
    command = [
        sys.executable,
        "-m",
        "notion_sandbox",
        "--port",
        "0",
        "--state",
        str(folder),
        *options,
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("Sandbox at http://127.0.0.1:"), process.stderr.read()
        facts = json.loads((folder / "sandbox.json").read_text())
        headers = {"Authorization": f"Bearer {facts['bot_token']}", "Notion-Version": "2026-03-11"}
        with httpx.Client(base_url=facts["base_url"], headers=headers, trust_env=False) as client:
            yield process, facts, client
    finally:
        process.kill()
        process.communicate()


def test_a_killed_process_loses_nothing_that_it_acknowledged_and_a_stop_is_clean(
    tmp_path: Path,
) -> None:
    with _running(tmp_path, "--aggregation-seconds", "3600") as (process, first, client):
        client.post(
            "/sandbox/webhook", json={"url": "http://127.0.0.1:9/nobody"}
        ).raise_for_status()
        made = client.post(
            "/v1/databases", json={"parent": {"page_id": first["root_page_id"]}}
        ).json()
        body = {
            "parent": {"data_source_id": made["data_sources"][0]["id"]},
            "properties": {
                "Name": {"title": [{"text": {"content": "kept"}, "annotations": {"bold": True}}]}
            },
        }
        page = client.post("/v1/pages", json=body).json()
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    with _running(tmp_path) as (process, second, client):
        assert {k: second[k] for k in ("bot_token", "person_token", "root_page_id")} == {
            k: first[k] for k in ("bot_token", "person_token", "root_page_id")
        }
        again = client.get(f"/v1/pages/{page['id']}").json()
        assert {k: v for k, v in again.items() if k != "request_id"} == {
            k: v for k, v in page.items() if k != "request_id"
        }
        webhooks = client.get("/sandbox/webhooks").json()
        assert webhooks["gathering"] + webhooks["pending"] == 1
        process.send_signal(signal.SIGTERM)
        assert (process.wait(), process.stderr.read(), process.stdout.read()) == (0, "", "")


def test_a_stop_is_clean_while_a_client_reads_the_stream(tmp_path: Path) -> None:
    with (
        _running(tmp_path) as (process, _facts, client),
        client.stream("GET", "/sandbox/stream") as stream,
    ):
        assert next(stream.iter_lines()).startswith("retry: ")
        process.send_signal(signal.SIGINT)
        assert (process.wait(), process.stderr.read()) == (0, "")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A sandbox with given names and secrets, for tests that change nothing: (folder, facts)."""
    folder = tmp_path_factory.mktemp("running") / "state"
    options = ("--bot-name", "Showrunner", "--person-name", "Ada")
    url = ("--webhook-url", "http://127.0.0.1:9/nobody")
    with _running(folder, *options, *url, **SECRETS) as (_process, facts, _client):
        yield folder, facts


def test_the_connection_and_the_person_have_the_names_they_are_given(running: Any) -> None:
    _, facts = running
    names = {}
    for kind in ("bot", "person"):
        headers = {
            "Authorization": f"Bearer {facts[f'{kind}_token']}",
            "Notion-Version": "2026-03-11",
        }
        answer = httpx.get(f"{facts['base_url']}/v1/users/me", headers=headers, trust_env=False)
        names[kind] = answer.json()["name"]
    assert names == {"bot": "Showrunner", "person": "Ada"}
    session = httpx.get(f"{facts['base_url']}/sandbox/session", trust_env=False)
    assert session.json()["user"]["name"] == "Ada"


def test_secrets_come_from_the_environment_and_stand_in_no_argument(
    running: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, facts = running
    assert (facts["bot_token"], facts["person_token"], facts["webhook_secret"]) == (
        "bot",
        "person",
        "secret",
    )
    for option in ("--bot-token", "--person-token", "--webhook-secret"):
        with pytest.raises(SystemExit):
            main(["--port", "0", "--state", str(tmp_path), option, "x"])
    assert "unrecognized arguments" in capsys.readouterr().err


def test_its_files_are_for_their_owner_only(running: Any) -> None:
    folder, _ = running
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("sandbox.json", FILE_NAME):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


@pytest.fixture
def taken_port() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


def _one_sentence(capsys: pytest.CaptureFixture[str]) -> Any:
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_a_port_in_use_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], taken_port: str
) -> None:
    assert main(["--port", taken_port, "--state", str(tmp_path)]) == 1
    assert f"port {taken_port}: Address already in use" in _one_sentence(capsys)


def test_a_state_folder_that_is_a_file_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["--port", "0", "--state", str(tmp_path / "file")]) == 1
    assert "cannot be used" in _one_sentence(capsys)


def test_a_state_that_is_no_state_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / FILE_NAME).write_text("not a database at all" * 100)
    assert main(["--port", "0", "--state", str(tmp_path)]) == 1
    assert "cannot be used" in _one_sentence(capsys)


def test_a_state_of_another_version_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute("PRAGMA user_version=99")
    other.close()
    assert main(["--port", "0", "--state", str(tmp_path)]) == 1
    assert "another version" in _one_sentence(capsys)


def test_a_state_that_another_sandbox_uses_is_one_sentence(
    running: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = running
    assert main(["--port", "0", "--state", str(folder)]) == 1
    assert "Another sandbox is using" in _one_sentence(capsys)


@pytest.mark.parametrize("option", [("--requests-per-minute", "0"), ("--port", "70000")])
def test_a_setting_that_cannot_work_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    assert main(["--port", "0", "--state", str(tmp_path), *option]) == 1
    _one_sentence(capsys)


async def test_everything_is_there_after_a_restart(
    make: MakeHarness, tmp_path: Path, text: Text
) -> None:
    box = make(state_dir=tmp_path)
    assets = await box.board()
    source = await box.board(
        {
            "Name": {"title": {}},
            "Due": {"date": {}},
            "Kind": {"select": {}},
            "Stage": {"status": {}},
            "Assets": {"relation": {"data_source_id": assets, "dual_property": {}}},
            "Age": {"formula": {"expression": 'dateBetween(now(), prop("Due"), "minutes")'}},
        }
    )
    asset = await box.page(assets)
    page = await box.page(
        source,
        Name={"title": [{"mention": {"date": {"start": "2026-01-01"}}}, *text("plain")]},
        Due={"date": {"start": "2026-01-01", "end": "2026-01-02"}},
        Kind={"select": {"name": "new"}},
        Stage={"status": {"name": "Done"}},
        Assets={"relation": [{"id": asset["id"]}]},
    )
    trashed = await box.page(source)
    await box.ok("PATCH", f"/v1/pages/{trashed['id']}", {"in_trash": True})
    paths = [f"/v1/pages/{p['id']}" for p in (page, asset, trashed)]
    paths += [f"/v1/data_sources/{s}" for s in (source, assets)] + [
        f"/v1/databases/{page['parent']['database_id']}"
    ]

    async def everything(harness: Harness) -> Any:
        return [{**await harness.ok("GET", path), "request_id": ""} for path in paths]

    before = await everything(box)
    found = [row["id"] for row in (await box.query(source))["results"]]
    await box.close()
    again = make(state_dir=tmp_path)
    assert await everything(again) == before
    assert [row["id"] for row in (await again.query(source))["results"]] == found == [page["id"]]


async def test_a_new_token_for_a_known_account_is_the_same_user(tmp_path: Path) -> None:
    ids = set()
    for token in ("one", "two"):
        sandbox = create_app(
            Config(state_dir=tmp_path, accounts=(Account("bot", "B", token),))
        ).state.sandbox
        assert list(sandbox.state.tokens) == [token]
        ids.add(sandbox.state.tokens[token].id)
        await sandbox.close()
    assert len(ids) == 1


def test_the_command_prints_its_version() -> None:
    command = [Path(sys.executable).with_name("notion-sandbox"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"notion-sandbox {notion_sandbox.__version__}\n"
    assert f"## {notion_sandbox.__version__} " in CHANGELOG.read_text()


def test_without_a_folder_it_keeps_nothing_and_prints_its_token() -> None:
    command = [sys.executable, "-m", "notion_sandbox", "--port", "0"]
    mine = {**os.environ, "SANDBOX_BOT_TOKEN": "ntn_mine"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=mine)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
    finally:
        process.terminate()
        assert process.wait(30) == 0
    assert line.startswith("Sandbox at http://127.0.0.1:")
    assert line.endswith("token ntn_mine, nothing is kept (see --state)\n")
