"""At a gate the card says what going on will cost."""

from __future__ import annotations

from uuid import UUID

from kit.own_production import LOCAL, OwnProduction

from models.production.steps import Step


async def shown(own: OwnProduction, task: UUID) -> str:
    """What the card says at the gate."""
    (row,) = await own.sql(
        "SELECT showrunner.gate_text(t) AS said FROM tasks AS t WHERE id = :task", task=task
    )
    return str(row["said"])


async def test_a_gate_says_what_the_pieces_up_to_the_next_gate_will_cost(
    own: OwnProduction,
) -> None:
    own.service.steps = frozenset({Step.VIDEOS})
    await own.channel(makers={**LOCAL, "videos": "service"})
    task = await own.add()
    await own.run()
    assert await own.column(task) == "Composites Ready"
    assert "Going on costs about 1.50 USD." in await shown(own, task)


async def test_a_gate_says_nothing_of_money_where_nothing_is_bought(own: OwnProduction) -> None:
    task = await own.add()
    await own.run()
    assert await own.column(task) == "Composites Ready"
    assert "USD" not in await shown(own, task)


async def test_pieces_that_are_used_again_are_not_in_the_estimate(own: OwnProduction) -> None:
    own.service.steps = frozenset({Step.VIDEOS})
    await own.channel(makers={**LOCAL, "videos": "service"}, pieces_at_once={"service": 10})
    task = await own.add()
    await own.run()
    await own.move(task, "Videos Generating")
    await own.run()
    await own.collect()
    await own.run()
    assert await own.column(task) == "Ready for Review"
    await own.sql("UPDATE tasks SET story_direction = E'One.\\n\\nNew.\\n\\nThree.'")
    await own.reject(task, "assembly")
    await own.run()
    assert await own.column(task) == "Composites Ready"
    assert "Going on costs about 0.50 USD." in await shown(own, task)
