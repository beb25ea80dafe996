"""What tests of webhooks share."""

from typing import Any

from sandbox_harness import Harness

PROPERTIES = {"Name": {"title": {}}, "A": {"number": {}}, "B": {"number": {}}, "S": {"select": {}}}


async def subscribed_board(box: Harness) -> Any:
    """A board, made before the subscription."""
    source = await box.board(PROPERTIES)
    await box.listen()
    return source


async def delivered_page(box: Harness, source: str) -> Any:
    """A page whose creation was already delivered."""
    page = await box.page(source)
    await box.deliver()
    return page
