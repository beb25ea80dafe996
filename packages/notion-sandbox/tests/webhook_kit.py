"""What tests of webhooks listen to."""

from typing import Any

from sandbox_harness import Harness

PROPERTIES = {"Name": {"title": {}}, "A": {"number": {}}, "B": {"number": {}}, "S": {"select": {}}}


async def listened_board(box: Harness) -> Any:
    """A board, made before anybody listens."""
    source = await box.board(PROPERTIES)
    await box.listen()
    return source


async def told_page(box: Harness, source: str) -> Any:
    """A page whose creation was told already."""
    page = await box.page(source)
    await box.deliver()
    return page
