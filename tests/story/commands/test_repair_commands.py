"""Commands for a repair: which events are dead, why a card is stuck, and how to restore it."""

from __future__ import annotations

import json

import pytest
from kit.processes.programs import Up
from kit.stage import Stage

from models.tables.webhook_events import ATTEMPTS_MAX, WebhookEvent


async def dead_event(stage: Stage) -> WebhookEvent:
    """An event about a new card that Notion answered badly to, until it died."""
    page = await stage.add_valid(title="Giant [squid]")
    await stage.cycle()
    stage.sandbox.faults.add(status=500, times=None, path=f"/v1/pages/{page}")
    await stage.webhook(page, authors=[{"id": "ada"}])
    for _ in range(ATTEMPTS_MAX):
        await stage.ingest()
        stage.clock.pass_(60 * 60 * 10)
    stage.sandbox.faults.clear()
    (event,) = await stage.events()
    assert event.dead_at is not None
    return event


async def test_a_dead_event_is_listed_shown_replayed_and_processed(shell: Up, stage: Stage) -> None:
    event = await dead_event(stage)
    code, said = await shell.run("events", "list", "--dead")
    assert code == 0
    assert f"{event.page_id}  dead" in said
    assert "Notion answered 500" in said
    assert said.endswith("1 shown; 1 dead, 0 waiting, 0 processed in all.\n")
    code, said = await shell.run("events", "show", event.event_id[:-2])
    assert code == 0
    assert f"event          {event.row}  {event.event_id}" in said
    assert "card           “Giant [squid]” is not in sync" in said
    assert "The page could not be read 8 times (Notion answered 500" in said
    assert '"id": "ada"' in said
    code, said = await shell.run("card", "show", str(event.page_id))
    assert f"`showrunner events replay {event.row}` tries it again." in said
    assert await shell.run("events", "replay", "--dead") == (
        0,
        (
            "Event 1 is due again. The next ingest or cycle looks at the card; `showrunner push` "
            "does so now.\n"
        ),
    )
    code, said = await shell.run("push")
    assert code == 0, said
    code, said = await shell.run("events", "list", "--json")
    facts = json.loads(said)
    assert (facts["id"], facts["state"], facts["outcome"], facts["attempts"]) == (
        1,
        "processed",
        "looked_at",
        1,
    )
    assert await shell.run("events", "replay", "--dead") == (0, "No event is dead.\n")
    code, said = await shell.run("events", "replay", "1")
    assert code == 0
    assert (await stage.events())[0].attempts == 0


async def test_an_empty_inbox_says_so(shell: Up) -> None:
    code, said = await shell.run("events", "list")
    assert (code, said.splitlines()[0]) == (0, "The inbox is empty: no webhook has come yet.")
    code, said = await shell.run("events", "list", "--dead")
    assert (code, said.splitlines()[0]) == (0, "No event is dead.")
    assert await shell.run("events", "list", "--json") == (0, "")


async def test_a_card_shows_who_differs_why_it_is_stuck_and_what_happened_to_it(
    shell: Up, stage: Stage
) -> None:
    page = await stage.add_valid(status="Queued")
    await stage.cycle()
    task_id = await stage.moves(page, "Processing")
    await stage.edit(page, priority="High")
    code, said = await shell.run("card", "show", str(task_id)[:8], "--live")
    assert code == 0
    assert [line.split() for line in said.splitlines() if line.startswith("Status ")] == [
        ["Status", "Queued", "Queued", "Queued", "Processing", "Processing", "database"]
    ]
    assert [line.split() for line in said.splitlines() if line.startswith("Priority ")] == [
        ["Priority", "Normal", "Normal", "High", "Normal", "board"]
    ]
    assert "The next cycle writes what differs: Created, Status, Updated." in said
    assert "No cycle has ended well for" in said
    assert "pipeline  changed  Status    Queued  Processing" in said
    code, said = await shell.run("card", "show", page, "--json")
    facts = json.loads(said)
    assert code == 0
    assert facts["properties"]["Status"] == {
        "agreed": "Queued",
        "board": "Queued",
        "live": None,
        "database": "Processing",
        "pushed": "Processing",
        "differs": "database",
    }
    assert [row["action"] for row in facts["history"]] == ["created", "changed"]


async def test_dates_of_a_card_without_a_task_do_not_differ(shell: Up, stage: Stage) -> None:
    page = await stage.add_valid(status="Draft", topic="")
    typed = {"Created": {"date": {"start": "2026-11-20T10:00:00Z"}}}
    await stage.ask("PATCH", f"/v1/pages/{page}", {"properties": typed})
    await stage.cycle()
    code, said = await shell.run("card", "show", page, "--json")
    facts = json.loads(said)
    assert (code, facts["task_id"]) == (0, None)
    created = facts["properties"]["Created"]
    assert (created["board"], created["differs"]) == ("2026-11-20 10:00", "")


async def test_a_lost_status_is_put_back_and_reaches_the_board(shell: Up, stage: Stage) -> None:
    page = await stage.add_valid(status="Ready for Review", topic="Architeuthis dux")
    await stage.cycle()
    await stage.edit(page, status="Queued", topic="Another")
    stage.clock.pass_(60)
    await stage.cycle()
    rows = {(row.action, row.property): str(row.id) for row in await stage.history(page)}
    link = f"https://www.notion.so/team/Giant-squid-{page.replace('-', '')}?pvs=4"
    code, said = await shell.run("card", "restore", link, rows["refused", "Status"])
    assert (code, said.splitlines()[0]) == (0, "Status: Ready for Review → Queued")
    assert "after the next cycle" in said
    code, said = await shell.run("card", "restore", link, rows["refused", "Status"])
    assert (code, said) == (0, "Status is “Queued” already: nothing was changed.\n")
    code, said = await shell.run("push")
    assert code == 0, said
    shows = await stage.shows(page)
    assert (shows["Status"], shows["Attention"]) == ("Queued", "")
    code, said = await shell.run("card", "restore", page, rows["changed", "Topic"])
    assert code == 1
    assert said.startswith("Topic is people's: Showrunner never writes it")
    assert said.endswith("\nArchiteuthis dux\n")
    assert (await stage.shows(page))["Topic"] == "Another"


async def test_cards_that_wait_are_listed_and_go_on_with_one_confirmation(
    shell: Up, stage: Stage
) -> None:
    """The commands' clock is days ahead of the stage's: no cycle was good meanwhile."""
    pages = [await stage.add_valid(title=f"Card {n}", status="Processing") for n in range(21)]
    await stage.cycle()
    for page in pages:
        await stage.edit(page, status="Draft")
    code, said = await shell.run("push")
    assert (code, (await stage.shows(pages[0]))["Status"]) == (0, "Draft"), said
    code, said = await shell.run("push", "--dry-run")
    assert f"card {pages[0]}: waits for `showrunner push --confirm`" in said
    assert "`showrunner import --take-board`" in said.splitlines()[-1]
    assert said.splitlines()[-2] == (
        "21 cards differ, 21 cards wait for `showrunner push --confirm`; nothing was written."
    )
    code, said = await shell.run("card", "show", pages[0])
    assert (
        "waits, like many moves that nobody watched: `showrunner push --confirm` goes on;"
        in " ".join(said.split())
    )
    code, said = await shell.run("push", "--confirm")
    assert (code, "pushed 21" in said) == (0, True), said
    assert said.startswith("Confirmed: 21 moves of people are put back.\n")
    assert {(await stage.shows(page))["Status"] for page in pages} == {"Processing"}
    code, said = await shell.run("push", "--confirm")
    assert said.startswith(
        "Confirmed. No card waits for it now: it holds until the next cards wait"
    )


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("events", "show", "77"), "There is no event 77: `showrunner events list` shows them."),
        (("events", "replay", "77"), "There is no event 77: `showrunner events list` shows them."),
        (
            ("events", "replay"),
            "Say which to replay: the ID of an event, or --dead for all dead ones.",
        ),
        (
            ("events", "replay", "1", "--dead"),
            "Say which to replay: the ID of an event, or --dead for all dead ones.",
        ),
        (("card", "show", "00000000"), "No card is known by 00000000."),
        (("card", "restore", "00000000", "1"), "No card is known by 00000000."),
    ],
    ids=" ".join,
)
async def test_what_cannot_be_repaired_is_said_in_one_sentence(
    shell: Up, command: tuple[str, ...], sentence: str
) -> None:
    await shell.refuses(*command, sentence=sentence)


async def test_a_history_row_that_is_not_there_is_said_with_where_to_look(
    shell: Up, stage: Stage
) -> None:
    page = await stage.add_valid()
    await stage.cycle()
    code, said = await shell.run("card", "restore", page, "77")
    assert (code, said) == (
        1,
        f"There is no history row 77: `showrunner card show {page}` lists this card's.\n",
    )
