"""Uncertain writes must be read back before they are repeated."""

from __future__ import annotations

import httpx

from simulation.world.turns import Process

SURELY_NOT_SAVED = 529


class Doubts:
    """What each process cannot know of its own writes, by the page's path, while its job lasts."""

    def __init__(self) -> None:
        self._open: set[tuple[str, str]] = set()

    def unanswered(self, process: Process, request: httpx.Request) -> None:
        """A request was sent and nothing came back."""
        if request.method == "PATCH":
            self._open.add((process.name, request.url.path))

    def answered(
        self, process: Process, request: httpx.Request, response: httpx.Response, *, arrives: bool
    ) -> list[str]:
        """An answer was given; what is wrong about its having been asked."""
        about = (process.name, request.url.path)
        blind = request.method == "PATCH" and about in self._open
        unsure = not arrives or (
            response.status_code >= 500 and response.status_code != SURELY_NOT_SAVED
        )
        if request.method == "PATCH" and unsure:
            self._open.add(about)
        elif arrives and response.status_code == 200:
            pages = response.json().get("results", [])
            self._open -= {about, *((process.name, f"/v1/pages/{page['id']}") for page in pages)}
        elif arrives and request.method == "GET":
            self._open.discard(about)
        return [
            f"{process.name} repeated a write that may have been saved, unread: {request.url.path}"
        ] * blind

    def ended(self, process: Process) -> None:
        """Its job ended, and with it what it knew."""
        self._open = {(name, path) for name, path in self._open if name != process.name}
