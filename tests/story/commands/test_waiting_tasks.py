"""What an operator sees of tasks that wait for their card."""

from __future__ import annotations

from kit.processes.programs import Up
from kit.stage import CHANNEL, Stage

INSERT = (
    f"INSERT INTO tasks (title, channel_id, topic) VALUES ('Kraken', '{CHANNEL}', 'Architeuthis')"
)


async def test_why_a_task_has_no_card_is_told_by_show_by_a_dry_run_and_by_the_doctor(
    shell: Up, stage: Stage
) -> None:
    await stage.cycle()
    await stage.sql(INSERT)
    code, said = await shell.run("push", "--dry-run")
    assert code == 0
    assert "its card is made at the next cycle." in said
    assert "1 task waits for its card; 0 cards differ; nothing was written." in said
    _, said = await shell.run("doctor")
    assert "every card can be written; 1 tasks wait for their card" in said
    stage.sandbox.faults.add(400, method="POST", path="/v1/pages", times=1)
    await stage.cycle()
    _, said = await shell.run("doctor")
    assert "1 of 1 tasks that wait for their card cannot have one: Notion answered 400" in said
    _, said = await shell.run("push", "--dry-run")
    task_id = said.split("task ")[1].split(":")[0]
    assert "its card could not be made (once; again in" in said
    code, said = await shell.run("task", "show", task_id)
    assert code == 0
    assert "card               its card could not be made (once; again in" in said
    assert "Notion answered 400" in said
