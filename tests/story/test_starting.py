"""Commands that cannot start say why in one sentence, and find what runs in their folder."""

from __future__ import annotations

import socket

import pytest
from kit.processes.ports import free_ports
from kit.processes.programs import Up

from cli.stack.running_stack import write_facts


@pytest.mark.parametrize("name", ["/proc/x", "notes.txt"])
async def test_a_state_folder_that_cannot_be_made_is_one_sentence(shell: Up, name: str) -> None:
    (shell.folder / "notes.txt").write_text("mine")
    shell.environment["STATE_DIR"] = name
    for command in (("forget-board", "--yes"), ("up",)):
        code, said = await shell.run(*command)
        assert (code, said.count("\n")) == (1, 1), said
        assert said.startswith("STATE_DIR is ")


@pytest.mark.parametrize(
    ("first", "second"), [("RECEIVER_PORT", "PREFECT_PORT"), ("WORKER_API_PORT", "PREFECT_PORT")]
)
async def test_parts_on_one_port_are_refused_with_the_names_of_both_settings(
    shell: Up, first: str, second: str
) -> None:
    (port,) = free_ports(1)
    shell.environment |= {first: str(port), second: str(port)}
    code, said = await shell.run("up")
    assert code == 1
    assert said.startswith(f"{first} and {second} are both {port}: ")


async def test_a_prefect_server_on_a_taken_port_is_one_sentence(shell: Up) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shell.environment["PREFECT_PORT"] = str(taken.getsockname()[1])
        code, said = await shell.run("prefect-server")
    assert (code, said.count("\n")) == (1, 1), said
    assert "for the Prefect server cannot be used" in said


async def test_migrate_finds_the_database_of_the_up_that_runs_here(shell: Up) -> None:
    state = shell.folder / ".showrunner"
    state.mkdir()
    write_facts(state, {"DATABASE_URL": shell.environment.pop("DATABASE_URL")})
    assert await shell.run("migrate") == (0, "The tables are up to date.\n")
