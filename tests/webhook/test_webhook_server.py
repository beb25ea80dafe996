"""The receiver as a process: one sentence if it cannot start, a clean stop on a signal."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from kit.processes.ports import free_port
from sqlalchemy import URL

from models.postgres.engine import libpq
from webhook.server import listen, main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    ours, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.configure(**ours)
    root.handlers = handlers
    root.setLevel(level)


def test_an_answer_on_a_kept_connection_is_not_held_back() -> None:
    """asyncio sets TCP_NODELAY only on sockets with a named protocol; else answers wait 40 ms."""
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP


def facts(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Our log lines; a library's warning may stand between them."""
    return (json.loads(line) for line in lines if line.startswith("{"))


def test_without_a_database_url_the_receiver_says_so_in_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main() == 1
    said = capsys.readouterr().err.splitlines()
    assert "Traceback" not in said
    assert said[-1].startswith("DATABASE_URL is not set")


def test_a_port_in_use_is_one_sentence(
    database: URL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", libpq(database))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("RECEIVER_PORT", str(port))
        assert main() == 1
    said = capsys.readouterr().err
    assert (
        said == f"Port {port} on 127.0.0.1 is in use: stop what holds it, or set RECEIVER_PORT.\n"
    )


def test_an_address_that_is_not_ours_is_one_sentence(
    database: URL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", libpq(database))
    monkeypatch.setenv("RECEIVER_HOST", "192.0.2.1")
    assert main() == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "The webhook receiver cannot listen on 192.0.2.1" in said


def test_a_port_of_the_worker_api_in_use_is_named_with_its_own_setting(
    database: URL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", libpq(database))
    monkeypatch.setenv("RECEIVER_PORT", str(free_port()))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("WORKER_API_PORT", str(taken.getsockname()[1]))
        assert main() == 1
    assert capsys.readouterr().err.endswith("stop what holds it, or set WORKER_API_PORT.\n")


def open_program(database: URL, folder: Path) -> tuple[subprocess.Popen[str], int]:
    """The receiver as a process of its own, and its port."""
    port = free_port()
    given = {
        "DATABASE_URL": libpq(database),
        "RECEIVER_PORT": str(port),
        "WORKER_API_PORT": str(free_port()),
        "LOG_FORMAT": "json",
        "PYTHONPATH": str(ROOT),
    }
    program = [sys.executable, "-m", "webhook"]
    return subprocess.Popen(
        program, env=os.environ | given, cwd=folder, stderr=subprocess.PIPE, text=True
    ), port


def test_a_signal_stops_the_receiver_cleanly(database: URL, tmp_path: Path) -> None:
    receivers = {how: open_program(database, tmp_path) for how in (signal.SIGTERM, signal.SIGINT)}
    try:
        for how, (receiver, port) in receivers.items():
            said = iter((receiver.stderr or sys.stderr).readline, "")
            assert next(line["event"] for line in facts(said)) == "ingest_trigger_off"
            opened = {next(facts(said))["event"] for _ in range(2)}
            assert opened == {"receiver_open", "worker_api_open"}
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                assert json.load(answer) == {"status": "ok", "waiting": 0}
            receiver.send_signal(how)
        for receiver, _ in receivers.values():
            _, rest = receiver.communicate(timeout=30)
            assert receiver.returncode == 0
            assert [line["event"] for line in facts(rest.splitlines())] == ["receiver_closed"]
    finally:
        for receiver, _ in receivers.values():
            receiver.kill()
            receiver.wait()


def test_the_receiver_does_not_import_prefect() -> None:
    code = "import sys, webhook.server; sys.exit('prefect' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
