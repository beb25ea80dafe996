"""Every inserted task has exactly one card, and every card that we made has a task."""

from __future__ import annotations

from collections import Counter
from typing import Any

from models.rules.board_schema import Board
from simulation.world.world import World


async def broken(world: World, board: Board) -> list[str]:
    """Every law that does not hold, each with the facts."""
    tasks = await world.rows(
        "SELECT t.*, c.sent_at, c.last_error "
        "FROM tasks t LEFT JOIN card_creations c ON c.task_id = t.id"
    )
    waiting = [task for task in tasks if task["notion_page_id"] is None]
    found = [
        f"task {task['id']} has no card: {task['last_error']}"
        for task in waiting
        if _could_be(world, board, task)
    ]
    found += [
        f"task {task['id']} waits for its card and nothing says why"
        for task in waiting
        if not task["last_error"]
    ]
    found += _one_page_each(world, tasks)
    world.happened["inserted tasks that have their card"] += len(
        {task["id"] for task in tasks if task["notion_page_id"] is not None} & set(world.inserted)
    )
    return found


def _could_be(world: World, board: Board, task: Any) -> bool:
    """Whether the board has all that its card needs."""
    channel = (
        task["channel_id"] in world.channels
        and task["channel_id"] in board.properties["Channel"].options
    )
    return channel and task["board_status"] in board.properties["Status"].options


def _one_page_each(world: World, tasks: list[Any]) -> list[str]:
    made, pages = world.ledger.pages_made, Counter(task["notion_page_id"] for task in tasks)
    found = [
        f"page {page_id[:8]}, which we made, has {pages[page_id]} tasks"
        for page_id in made
        if pages[page_id] > 1
    ]
    whose = {task["notion_page_id"]: task["id"] for task in tasks}
    strangers = [
        page_id
        for page_id in made
        if page_id in whose and whose[page_id] not in set(world.inserted)
    ]
    deleted = len(set(world.inserted) - {task["id"] for task in tasks})
    if len(strangers) > deleted:
        found.append(
            f"{len(strangers)} pages that we made are of tasks that no worker inserted: {strangers}"
        )
    # A page that left the board before its answer came is shown by no query: it is made once more.
    there = [page_id for page_id in made if not world.left(page_id)]
    if len(there) > len(world.inserted):
        found.append(f"{len(there)} pages were made for {len(world.inserted)} tasks")
    return found
