"""Pages beside the board, and cards that leave it for there and come back."""

from __future__ import annotations

from simulation.world.world import World


async def a_card_is_moved(world: World) -> None:
    """Move a card off the board, or back; off the board Notion keeps little more than its title."""
    if world.cards:
        away = [page_id for page_id in world.cards if world.left(page_id)]
        page_id = world.rng.choice(away if away and world.rng.random() < 0.5 else world.cards)
        to_board = world.sandbox.state.pages[page_id].data_source_id is None
        world.happened["a card came back" if to_board else "a card was moved away"] += 1
        await _move(world, page_id, to_board=to_board)


async def something_happens_beside_the_board(world: World) -> None:
    """Make, edit, trash or restore a page that is no card, or turn it into one."""
    rng = world.rng
    if not world.strangers or rng.random() < 0.4:
        await _make(world, under=rng.choice([world.sandbox.root_page_id, *world.cards[:1]]))
        return
    page_id = rng.choice(world.strangers)
    if rng.random() < 0.1 and await _move(world, page_id, to_board=True):
        world.strangers.remove(page_id)
        world.cards.append(page_id)
        world.happened["a page became a card"] += 1
        return
    title = {
        "properties": {
            "title": {"title": [{"text": {"content": rng.choice(["Agenda", "Minutes"])}}]}
        }
    }
    trash = {"in_trash": not world.sandbox.state.pages[page_id].in_trash}
    await world.person("PATCH", f"/v1/pages/{page_id}", rng.choice([title, trash]))


async def _make(world: World, under: str) -> None:
    title = {"title": {"title": [{"text": {"content": "Minutes"}}]}}
    if await world.person("POST", "/v1/pages", {"parent": {"page_id": under}, "properties": title}):
        world.strangers.append(world.answer["id"])


async def _move(world: World, page_id: str, *, to_board: bool) -> bool:
    """A person drags a page to the board, or from there to the page that it stands on."""
    key, target = (
        ("data_source_id", world.data_source_id)
        if to_board
        else ("page_id", world.sandbox.root_page_id)
    )
    return await world.person("POST", f"/v1/pages/{page_id}/move", {"parent": {key: target}})
