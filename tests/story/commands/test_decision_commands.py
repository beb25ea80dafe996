"""Decisions and tokens on the command line, as a person types them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from uuid import UUID

import pytest
from kit.processes.programs import Up, command
from kit.production import Production
from kit.stage import CHANNEL, Stage
from sqlalchemy import URL

pytestmark = pytest.mark.timeout(300)  # up to seven programs are started, one after the other


@pytest.fixture
def sql(database: URL, stage: Stage) -> Iterator[Production]:
    """Plain SQL beside the commands; the channel has both gates."""
    made = Production(database, now=stage.ctx.clock())
    made.rows(
        "INSERT INTO channels (id, gates) VALUES (%s, '{composites,assembly}') "
        "ON CONFLICT (id) DO UPDATE SET gates = excluded.gates",
        [CHANNEL],
    )
    yield made
    made.connection.close()


def add(sql: Production, title: str, column: str) -> UUID:
    return sql.add(title, channel=CHANNEL, column=column)


async def test_a_task_at_its_gate_is_shown_rejected_and_approved(
    shell: Up, sql: Production
) -> None:
    task = add(sql, "Giant squid", "Composites Ready")
    sql.rows(
        "INSERT INTO pieces (task_id, kind, position, state, path) "
        "VALUES (%s, 'composite', 5, 'done', '5.png')",
        [task],
    )
    sql.spent(1.5, task, channel=CHANNEL)
    code, said = await shell.run("task", "show", "Giant")
    assert code == 0, said
    assert "waits for          a person: approve or reject composites (composite), round 1" in said
    assert "cost               1.50 USD" in said
    assert "5.png" in said
    code, said = await shell.run("task", "list", "--gate", "--json")
    assert code == 0, said
    shown = json.loads(said)
    assert (shown["gate"], shown["round"], shown["cost_usd"]) == ("composites", 1, 1.5)
    code, said = await shell.run("task", "reject", "Giant", "--pieces", "9")
    assert (code, "There is no scene 9; the scenes are 1 to 5." in said) == (1, True), said
    code, said = await shell.run("task", "reject", "Giant", "--pieces", "2,4-5", "--note", "hands")
    assert (code, said.strip()) == (0, "Giant squid: Composites Ready → Queued")
    [review] = sql.rows("SELECT decision, actor, through, pieces, note FROM reviews")
    assert tuple(review.values()) == ("reject", "operator", "command", [2, 4, 5], "hands")
    code, said = await shell.run("task", "approve", "Giant")
    assert code == 1
    assert "it stands in “Queued”, which is no gate" in said
    assert "1 of 1 tasks stayed as they were." in said


async def test_tasks_are_decided_by_a_filter_after_a_question(shell: Up, sql: Production) -> None:
    one = add(sql, "one", "Composites Ready")
    two = add(sql, "two", "Composites Ready")
    film = add(sql, "film", "Ready for Review")
    for answer, moved in (("n", False), ("y", True)):
        process = await asyncio.create_subprocess_exec(
            *command("task", "approve", "--gate", "composites"),
            cwd=shell.folder,
            env=shell.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate(f"{answer}\n".encode()))[0].decode()
        assert "Approve these 2 tasks?" in said, said
        assert (process.returncode == 0) is moved
        assert (sql.column(one) == "Videos Generating") is moved
    assert (sql.column(two), sql.column(film)) == ("Videos Generating", "Ready for Review")
    code, said = await shell.run("task", "stop", "--channel", CHANNEL, "--yes")
    assert code == 0, said
    assert {sql.column(task) for task in (one, two, film)} == {"Archived"}
    code, said = await shell.run("task", "stop", "--channel", CHANNEL, "--yes")
    assert (code, said.strip()) == (1, "There is no task to stop.")


async def test_a_failed_task_is_listed_with_its_next_try_and_retried(
    shell: Up, sql: Production
) -> None:
    task = add(sql, "Kraken", "Queued")
    sql.claim()
    sql.ask("fail", task=task, worker="ada", kind="retriable", reason="Too busy. Wait.")
    code, said = await shell.run("task", "list", "--errors")
    assert (code, "its next try" in said) == (0, True), said
    code, said = await shell.run("task", "show", "Kraken")
    assert "failure            Too busy. Wait." in said
    assert "after 1 attempts" in said
    code, said = await shell.run("task", "retry", "Kraken", "--note", "paid")
    assert (code, said.strip()) == (0, "Kraken: Error: Retriable → Queued")
    sql.claim()
    code, said = await shell.run("task", "list", "--working")
    assert (code, "ada" in said) == (0, True), said
    code, said = await shell.run("task", "stop", "Kraken")
    assert said.strip().endswith("→ Archived, as soon as its worker reports")
    assert "stopping" in (await shell.run("task", "show", "Kraken"))[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("task", "approve"), "Name tasks, or say which ones: --channel, --gate."),
        (("task", "approve", "--gate", "composites"), "There is no task to approve."),
        (("task", "reject", "x", "--pieces", "two"), "--pieces takes numbers of scenes"),
        (("task", "reject", "x", "--pieces", "0"), "--pieces: There is no scene 0"),
        (("task", "retry", "Giant"), "There is no task Giant"),
        (("task", "list", "--gate", "--errors"), "Choose one of --waiting"),
        (("token", "revoke", "nobody"), "There is no token “nobody”"),
        (("token", "create", "--scope", "reader", "a b"), "A token's name has 1 to 40"),
    ],
    ids=" ".join,
)
async def test_a_decision_that_cannot_be_meant_is_one_sentence(
    shell: Up, words: tuple[str, ...], sentence: str
) -> None:
    await shell.refuses(*words, sentence=sentence)


async def test_a_token_is_made_listed_and_revoked(shell: Up, sql: Production) -> None:
    code, said = await shell.run("token", "create", "--scope", "worker", "render")
    assert code == 0, said
    secret = said.splitlines()[0]
    assert secret.startswith("showrunner_")
    code, said = await shell.run("token", "list")
    assert (code, "render" in said, secret in said) == (0, True, False)
    assert "hash" not in json.loads((await shell.run("token", "list", "--json"))[1])
    assert await shell.run("token", "revoke", "render") == (0, "Revoked render.\n")
    assert await shell.run("token", "revoke", "render") == (0, "render was revoked already.\n")
    assert sql.row("SELECT revoked_at IS NOT NULL AS gone FROM tokens")["gone"]
