"""The web server that a sandbox runs on."""

import socket

import uvicorn
from starlette.applications import Starlette

_GRACE_SECONDS = 5


class Server(uvicorn.Server):
    """A server that ends the streams of news before it waits for its connections.

    Args:
        app: What `create_app` made.
    """

    def __init__(self, app: Starlette) -> None:
        self._feed = app.state.sandbox.feed
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                date_header=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._feed.close()
        await super().shutdown(sockets)
