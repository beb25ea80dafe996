"""The operator's commands, as a person types them, on a board and a database that are there."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from kit.processes.programs import Up
from kit.stage import Stage

from cli.stack.running_stack import STOPPING, note_use, only_one
from models.tables.sync_state import ENROLLED, get_value, remember
from models.tables.webhook_events import Delivery, put


async def test_old_events_are_deleted_by_hand_and_a_dry_run_only_counts(
    shell: Up, stage: Stage
) -> None:
    old = Delivery(event_id="old", event_type="page.created", page_id="p", payload={})
    async with stage.ctx.sessions.begin() as session:
        await put(session, old, now=datetime(2020, 1, 1, tzinfo=UTC), correlation_id="c")
    await stage.sql("UPDATE webhook_events SET processed = true, processed_at = received_at")
    assert await shell.run("retention", "--dry-run") == (0, "would delete 1 events\n")
    assert await shell.run("retention") == (0, "deleted 1 events\n")
    assert await shell.run("retention") == (0, "no changes\n")


async def test_a_board_is_imported_moved_and_pushed_by_hand(shell: Up, stage: Stage) -> None:
    page = await stage.add_valid(title="Giant squid", status="Queued")
    await stage.add_valid(title="Colossal squid")
    code, said = await shell.run("import")
    assert (code, "imported 2, created 2" in said) == (0, True), said
    code, said = await shell.run("task", "list", "--status", "pending")
    assert code == 0
    assert "Giant squid" in said
    assert "Colossal" not in said
    code, said = await shell.run("task", "move", page, "Assets Generating")
    assert (code, said.strip()) == (0, "Queued → Assets Generating (status processing)")
    code, said = await shell.run("push", "--dry-run")
    assert code == 0
    assert f"card {page}" in said
    assert "Status: Queued → Assets Generating" in said
    assert "1 card differs; nothing was written." in said
    assert (await stage.shows(page))["Status"] == "Queued"
    code, said = await shell.run("push")
    assert (code, "pushed 1" in said) == (0, True), said
    assert (await stage.shows(page))["Status"] == "Assets Generating"
    task = await stage.task(page)
    assert task is not None
    code, said = await shell.run("task", "show", str(task.id)[:8])
    assert code == 0
    assert "operator" in said
    assert "board_status       Assets Generating" in said


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("task", "move", "00000000", "Draft"), "There is no task 00000000"),
        (("task", "move", "00000000", "Drft"), "There is no board status “Drft”"),
        (("task", "list", "--status", "done"), "There is no status “done”"),
        (("task", "show", ""), "Give an id or the beginning of a title."),
        (("webhook", "token"), "No verification token has come yet"),
    ],
    ids=" ".join,
)
async def test_what_cannot_be_done_is_said_in_one_sentence(
    shell: Up, command: tuple[str, ...], sentence: str
) -> None:
    await shell.refuses(*command, sentence=sentence)


async def test_the_token_of_a_handshake_is_shown_to_the_operator(shell: Up, stage: Stage) -> None:
    async with stage.sessions.begin() as session:
        await remember(session, ENROLLED, value={"token": "secret_x"})
    code, said = await shell.run("webhook", "token")
    assert (code, said.splitlines()) == (0, ["secret_x", "It counts: paste it in Notion, Verify."])


async def test_a_second_subscriptions_token_is_shown_accepted_and_forgotten(
    shell: Up, stage: Stage
) -> None:
    async with stage.sessions.begin() as session:
        await remember(
            session, ENROLLED, value={"token": "secret_x", "candidates": [{"token": "secret_y"}]}
        )
    code, said = await shell.run("webhook", "token")
    assert (code, said.splitlines()[0]) == (0, "secret_y")
    assert "`showrunner webhook accept`" in said
    assert "secret_x\n" in (await shell.run("webhook", "token", "--all"))[1]
    code, said = await shell.run("webhook", "accept")
    assert (code, said.splitlines()[0]) == (
        0,
        "Accepted. Now set NOTION_WEBHOOK_ENROLMENT=false and restart.",
    )
    async with stage.sessions() as session:
        assert await get_value(session, ENROLLED) == {"token": "secret_y", "former": "secret_x"}
    code, said = await shell.run("webhook", "forget")
    assert (code, said.startswith("Forgot 1 token.")) == (0, True)
    code, said = await shell.run("webhook", "token")
    assert (code, said.startswith("No verification token has come yet")) == (1, True)


async def test_without_a_database_and_nothing_running_a_command_says_what_to_start(
    shell: Up,
) -> None:
    del shell.environment["DATABASE_URL"]
    code, said = await shell.run("task", "list")
    assert code == 1
    assert said.startswith("Nothing to work on: start `showrunner up` in this folder first")


@pytest.mark.parametrize(
    "command",
    [("push",), ("task", "list"), ("board", "check"), ("backup", "x"), ("migrate",), ("deploy",)],
)
async def test_while_up_starts_every_command_says_to_wait_and_none_to_start_it(
    shell: Up, command: tuple[str, ...]
) -> None:
    for name in ("DATABASE_URL", "NOTION_API_TOKEN", "PREFECT_API_URL"):
        shell.environment.pop(name, None)
    with only_one(shell.folder / ".showrunner"):
        code, said = await shell.run(*command)
    wait = "Wait until it is done, then run this again."
    said_right = f"`showrunner up` is still starting in this folder. {wait}"
    assert (code, said.strip()) == (1, said_right)


async def test_a_command_beside_a_restore_or_a_stop_says_what_is_under_way(shell: Up) -> None:
    del shell.environment["DATABASE_URL"]
    folder = shell.folder / ".showrunner"
    with only_one(folder, "`showrunner restore` is under way"):
        code, said = await shell.run("forget-board", "--keep-tasks")
        assert (code, said.startswith("`showrunner restore` is under way in this folder.")) == (
            1,
            True,
        )
        note_use(folder, STOPPING)
        code, said = await shell.run("task", "list")
        assert (code, said.startswith("`showrunner up` is stopping in this folder.")) == (1, True)


async def test_a_database_that_does_not_answer_is_one_sentence(shell: Up) -> None:
    shell.environment["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/x"
    code, said = await shell.run("task", "list")
    assert code == 1
    assert said.startswith("PostgreSQL")
    assert "Traceback" not in said


ODD = (
    "[/] a title [bold]that looks like markup[/bold] and is longer than a terminal is wide, as "
    "titles now and then are"
)


@pytest.mark.parametrize("columns", ["80", "120", "240"])
async def test_what_people_write_is_text_and_hides_no_other_column(
    shell: Up, stage: Stage, columns: str
) -> None:
    await stage.add_valid(title=ODD, status="Queued")
    await shell.run("import")
    shell.environment["COLUMNS"] = columns
    code, said = await shell.run("task", "list")
    assert code == 0, said
    for name in (
        "task",
        "status",
        "board status",
        "priority",
        "channel",
        "pending",
        "Queued",
        "deep_sea_stories",
    ):
        assert name in said
    assert "[/] a ti" in said
    code, said = await shell.run("task", "show", "[/] a title")
    assert code == 0, said
    assert ODD in said


async def test_scripts_get_json(shell: Up, stage: Stage) -> None:
    page = await stage.add_valid(title=ODD, status="Queued")
    await shell.run("import")
    code, said = await shell.run("task", "list", "--json")
    assert code == 0
    [task] = [json.loads(line) for line in said.splitlines()]
    assert (task["title"], task["status"], task["notion_page_id"]) == (ODD, "pending", page)
    code, said = await shell.run("task", "show", task["id"][:8], "--json")
    assert json.loads(said)["history"][0]["action"] == "created"
    await shell.run("task", "move", ODD[:20], "Assets Generating")
    code, said = await shell.run("push", "--dry-run", "--json")
    assert (code, json.loads(said)["values"]["Status"]) == (0, "Assets Generating")
    await stage.webhook(page)
    code, said = await shell.run("events", "show", "1", "--json")
    assert json.loads(said)["page_id"] == page


async def test_the_command_says_its_version_and_answers_to_h(shell: Up) -> None:
    code, said = await shell.run("--version")
    assert (code, said.split()[0]) == (0, "showrunner")
    assert (await shell.run("task", "list", "-h"))[0] == 0


async def test_the_history_names_who_changed_something(shell: Up, stage: Stage) -> None:
    page = await stage.add_valid(title="Giant squid")
    await stage.cycle()
    stage.clock.pass_(60)
    await stage.edit(page, status="Queued")
    await stage.cycle()
    for command in (("task", "show", "Giant"), ("card", "show", page)):
        code, said = await shell.run(*command)
        assert (code, "Ada (person)" in said) == (0, True), said
    code, said = await shell.run("card", "show", page, "--json")
    assert "Ada (person)" in [row["who"] for row in json.loads(said)["history"]]
    assert any(row["actor"].startswith("person:") for row in json.loads(said)["history"])
