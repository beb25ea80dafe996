"""`studio-sandbox serve` and its journal: restarts, kills, wrong settings."""

import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from studio_kit import Client, HandClock

import studio_sandbox
from studio_sandbox import Config, create_app
from studio_sandbox.__main__ import main
from studio_sandbox.errors import DataError
from studio_sandbox.testing import StudioSandbox

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"
KEY = {"x-goog-api-key": "studio-gemini-key"}
PATH = "/v1beta/models/gemini-3.1-flash-image:generateContent"
BODY = {"contents": [{"parts": [{"text": "A squid"}]}]}


@contextmanager
def _running(*options: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    command = [sys.executable, "-m", "studio_sandbox", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.removeprefix("Studio sandbox at ").partition(",")[0]
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
            yield process, http
    finally:
        process.kill()
        process.communicate()


def test_a_killed_process_loses_no_charge(tmp_path: Path) -> None:
    data = tmp_path / "studio.jsonl"
    with _running("--data", str(data)) as (process, http):
        fault = {"kind": "lost_after", "service": "gemini", "skip": 1}
        http.post("/control/faults", json=fault).raise_for_status()
        http.post(PATH, headers=KEY, json=BODY).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            http.post(PATH, headers=KEY, json=BODY)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    with _running("--data", str(data)) as (process, http):
        assert [row["usd"] for row in http.get("/control/ledger").json()["charges"]] == [0.067] * 2
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_everything_is_there_after_a_restart(tmp_path: Path, clock: HandClock) -> None:
    config = Config(data=tmp_path / "studio.jsonl")
    with StudioSandbox(config, clock=clock) as studio:
        client = Client(studio)
        studio.set_balance("kling", 10)
        client.submit("a")
        client.speech()
        url = client.session()
        client.put(client.session("done"), b"film")
        studio.fault("cut", at=3)
        with pytest.raises(httpx.TransportError):
            client.put(url, b"a film")
        token = studio.youtube_token()
        studio.advance(seconds=20)
        before = _everything(studio)
    with StudioSandbox(config, clock=clock) as again:
        assert _everything(again) == before
        client = Client(again)
        assert client.http.get(client.url("a")).status_code == 200
        assert len(client.elevenlabs("GET", "/v1/history").json()["history"]) == 1
        moved = url.replace(studio.base_url, again.base_url)
        assert client.received(moved, 6) == (308, "bytes=0-2")
        assert client.put(moved, b"a film", 3).status_code == 201
        headers = {"Authorization": f"Bearer {token}"}
        path = "/youtube/v3/channels?mine=true&part=id"
        assert client.http.get(path, headers=headers).status_code == 200


def _everything(studio: StudioSandbox) -> Any:
    paths = ("ledger", "jobs", "uploads", "accounts", "clock")
    return [studio.http.get(f"/control/{path}").json() for path in paths]


def test_a_half_written_line_is_as_if_it_had_not_been(tmp_path: Path) -> None:
    data = tmp_path / "studio.jsonl"
    with StudioSandbox(Config(data=data)) as studio:
        Client(studio).gemini()
    whole = data.read_text()
    data.write_text(whole + '[["charge","2",{"what":"' + "x" * 5000)
    with StudioSandbox(Config(data=data)) as studio:
        assert len(studio.ledger()) == 1
        Client(studio).gemini()
    with StudioSandbox(Config(data=data)) as studio:
        assert [row["id"] for row in studio.ledger()] == [1, 2]


def test_its_files_are_for_their_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "kept" / "studio.jsonl"
    with StudioSandbox(Config(data=data)):
        assert stat.S_IMODE(data.stat().st_mode) == 0o600
        assert stat.S_IMODE(data.with_name("studio.jsonl.files").stat().st_mode) == 0o700


def test_without_a_journal_nothing_stays(tmp_path: Path) -> None:
    app = create_app(Config())
    sandbox = app.state.sandbox
    assert sandbox.files.folder.is_dir()
    sandbox.close()
    assert not sandbox.files.folder.exists()
    assert list(tmp_path.iterdir()) == []


def _one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("written", ["not a journal\n", '"studio-sandbox 99"\n', "{}\n", "\n"])
def test_a_file_that_is_no_journal_is_one_sentence_and_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], written: str
) -> None:
    data = tmp_path / "other.txt"
    data.write_text(written)
    assert main(["serve", "--port", "0", "--data", str(data)]) == 1
    assert "is no journal of a sandbox" in _one_sentence(capsys)
    assert data.read_text() == written


def test_a_journal_that_another_sandbox_uses_is_one_sentence(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "studio.jsonl")
    with StudioSandbox(config), pytest.raises(DataError, match="Another sandbox is using"):
        create_app(config)


def test_a_port_in_use_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert main(["serve", "--port", str(listener.getsockname()[1])]) == 1
    assert "Address already in use" in _one_sentence(capsys)
    assert main(["serve", "--port", "70000"]) == 1
    assert "The port must be" in _one_sentence(capsys)


def test_settings_that_cannot_work_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "0", "--job-seconds", "-1"]) == 1
    assert "Seconds must not be negative" in _one_sentence(capsys)


def test_the_command_prints_its_version() -> None:
    command = [Path(sys.executable).with_name("studio-sandbox"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"studio-sandbox {studio_sandbox.__version__}\n"
    assert f"## {studio_sandbox.__version__} " in CHANGELOG.read_text()


def test_starting_needs_no_library_that_is_slow_to_load() -> None:
    code = "import json, sys, studio_sandbox.__main__; print(json.dumps(list(sys.modules)))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert {"av", "numpy", "httpx", "fontTools"} & set(json.loads(done.stdout)) == set()
