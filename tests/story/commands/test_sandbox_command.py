"""`showrunner sandbox fault …`, as a person types it, against a sandbox that runs."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli.commands.sandbox import app

SHOWRUNNER = Path(sys.executable).with_name("showrunner")
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("NOTION_", "DATABASE_"))
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the operator's terminal is."""
    return tmp_path_factory.mktemp("operator")


@pytest.fixture(scope="module")
def facts(folder: Path) -> Iterator[dict[str, Any]]:
    """A sandbox started by its own command in that folder."""
    command = [SHOWRUNNER, "sandbox", "--port", "0"]
    process = subprocess.Popen(command, cwd=folder, env=CLEAN, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("Sandbox at http://127.0.0.1:")
        facts = json.loads((folder / ".showrunner/sandbox/sandbox.json").read_text())
        yield {**facts, "pid": process.pid}
    finally:
        process.kill()
        process.communicate()


def command(folder: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `showrunner sandbox fault …` in a terminal."""
    line = [SHOWRUNNER, "sandbox", "fault", *words]
    done = subprocess.run(
        line, cwd=folder, env=CLEAN, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


Typed = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """The same in this process, without the start of a Python: `await typed(folder, "429")`."""
    for name in os.environ.keys() - CLEAN.keys():
        monkeypatch.delenv(name)

    async def run(folder: Path, *words: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        done = await asyncio.to_thread(CliRunner().invoke, app, ["fault", *words])
        return done.exit_code, done.stdout.strip(), done.stderr.strip()

    return run


def asked(facts: dict[str, Any], method: str = "GET") -> httpx.Response:
    """A request of the connection."""
    headers = {"Authorization": f"Bearer {facts['bot_token']}", "Notion-Version": "2026-03-11"}
    return httpx.request(
        method, f"{facts['base_url']}/v1/users/me", headers=headers, trust_env=False
    )


def test_a_fault_that_is_typed_strikes_so_many_requests_and_no_more(
    folder: Path, facts: dict[str, Any]
) -> None:
    code, said, _ = command(folder, "429", "--times", "2", "--retry-after", "7")
    assert (code, said.partition("  ")[2]) == (
        0,
        "429, Retry-After 7 · every method /v1/ · struck 0 of 2",
    )
    struck = [asked(facts) for _ in range(3)]
    assert [response.status_code for response in struck] == [429, 429, 200]
    assert struck[0].headers["retry-after"] == "7"


async def test_a_fault_keeps_to_its_method_and_path_until_it_is_cleared(
    typed: Typed, folder: Path, facts: dict[str, Any]
) -> None:
    await typed(folder, "clear")
    await typed(folder, "503", "--method", "PATCH")
    await typed(folder, "500", "--path", "/v1/users", "--until-cleared", "--skip", "1")
    assert [asked(facts).status_code for _ in range(3)] == [200, 500, 500]
    code, said, _ = await typed(folder, "list")
    assert (code, [line.partition("  ")[2] for line in said.splitlines()]) == (
        0,
        [
            "503 · PATCH /v1/ · struck 0 of 1",
            "500 · every method /v1/users · struck 2, until cleared, the first 1 pass",
        ],
    )
    assert (await typed(folder, "clear"))[:2] == (0, "Cleared 2.")
    assert (await typed(folder, "list"))[:2] == (0, "No faults are set.")
    assert asked(facts).status_code == 200


async def test_a_connection_can_be_closed_in_place_of_an_answer(
    typed: Typed, folder: Path, facts: dict[str, Any]
) -> None:
    assert (await typed(folder, "drop"))[0] == 0
    with pytest.raises(httpx.RemoteProtocolError):
        asked(facts)


async def test_the_sandbox_of_up_is_found_by_what_up_left(
    typed: Typed, tmp_path: Path, facts: dict[str, Any]
) -> None:
    (tmp_path / ".showrunner").mkdir()
    left = {"pid": facts["pid"], "environment": {"NOTION_BASE_URL": facts["base_url"]}}
    (tmp_path / ".showrunner/up.json").write_text(json.dumps(left))
    assert (await typed(tmp_path, "clear"))[0] == 0
    assert (await typed(tmp_path, "409"))[:2] == (0, (await typed(tmp_path, "list"))[1])
    assert asked(facts).status_code == 409


async def test_a_sandbox_can_be_named_by_its_address(
    typed: Typed, tmp_path: Path, facts: dict[str, Any]
) -> None:
    assert (await typed(tmp_path, "clear", "--url", facts["base_url"]))[0] == 0


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("429",), "No sandbox runs here"),
        (("429", "--url", "http://127.0.0.1:1"), "No sandbox answers at http://127.0.0.1:1"),
        (("delay", "--url", "http://127.0.0.1:1"), "--delay-ms"),
        (("flood", "--url", "http://127.0.0.1:1"), "'flood' is no fault"),
    ],
)
async def test_what_cannot_be_is_one_sentence(
    typed: Typed, tmp_path: Path, words: tuple[str, ...], part: str
) -> None:
    code, said, error = await typed(tmp_path, *words)
    assert (code, said, part in error, error.count("\n")) == (1, "", True, 0)


async def test_a_status_that_notion_does_not_answer_is_refused_with_those_it_does(
    typed: Typed, folder: Path, facts: dict[str, Any]
) -> None:
    assert facts["base_url"]
    code, _, error = await typed(folder, "418")
    assert (code, error.startswith("status must be one of 400, ")) == (1, True)


async def test_an_up_on_notion_itself_has_no_faults(
    typed: Typed, tmp_path: Path, facts: dict[str, Any]
) -> None:
    (tmp_path / ".showrunner").mkdir()
    (tmp_path / ".showrunner/up.json").write_text(
        json.dumps({"pid": facts["pid"], "environment": {}})
    )
    assert "works on Notion itself" in (await typed(tmp_path, "429"))[2]
