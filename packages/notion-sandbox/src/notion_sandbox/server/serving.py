"""The web server that a sandbox runs on."""

import logging
import socket
import time

import uvicorn
from starlette.applications import Starlette

_GRACE_SECONDS = 5
_MINUTE = 60.0
_LINES_PER_MINUTE = 10


class Server(uvicorn.Server):
    """A server that ends the event streams before it waits for its connections to close.

    Args:
        app: What `create_app` made.
    """

    def __init__(self, app: Starlette) -> None:
        self._feed = app.state.sandbox.feed
        logging.getLogger("asyncio").addFilter(_LogRateLimit())
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


class _LogRateLimit(logging.Filter):
    """Limits a logger to ten lines a minute.

    asyncio writes thousands a second when no file descriptor is left.
    """

    def __init__(self) -> None:
        super().__init__()
        self._passed: list[float] = []

    def filter(self, _record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        now = time.monotonic()
        self._passed = [moment for moment in self._passed if now - moment < _MINUTE]
        if len(self._passed) >= _LINES_PER_MINUTE:
            return False
        self._passed.append(now)
        return True
